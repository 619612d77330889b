// Golden files of the text room, written by tools/golden/text_*.py.
#pragma once

#include <string>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

inline std::string golden_text(const std::string& name) {
  return read_file(std::string(BANTAM_SOURCE_DIR "/tests/golden/text/") + name);
}
inline Json golden_json(const std::string& name) { return parse_json(golden_text(name)); }

}  // namespace bantam
