// How the command line names data: "name=path.jsonl#split:0.5".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bantam {

struct DataRef {
  std::string name;   ///< becomes the rows' source; default: the file's name without endings
  std::string path;   ///< a file, a folder, or "-" for standard input
  std::string split;  ///< only rows of this split; "" for all
  std::optional<double> weight;  ///< share in a mixture; unset takes every row
};

/// An existing path wins: "a=b.jsonl" that exists is a path, not a name. Throws Error(usage) on an
/// empty path, a weight that is no positive number, or a form that needs another command (dataset:,
/// run:, make:).
DataRef parse_data_ref(std::string_view text);

/// "train", "dev" or "test" for the names people use (validation, valid, val, eval, development),
/// else "".
std::string standard_split_name(std::string_view name);

}  // namespace bantam
