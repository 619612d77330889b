// The options of every command that reads rows, and reading them.
#pragma once

#include <string>
#include <vector>

#include "bantam/base/options.h"
#include "bantam/data/dataset.h"

namespace bantam {

class Session;

struct DataOptions {
  std::string task;
  std::vector<std::string> map;
  int skip_bad = 0;
  std::string on_duplicate = "error";
  std::string by;
};

template <>
void describe(Describer<DataOptions>& d);

ReadOptions read_options_of(const DataOptions& options);

/// Rows of the references; what reading met (skipped rows, a byte order mark) is noted on stderr.
Dataset read_data(Session& session, const std::vector<std::string>& references,
                  const DataOptions& options);

}  // namespace bantam
