// Writing train, dev and test files into a folder.
#pragma once

#include <span>
#include <string>

#include "bantam/base/files.h"
#include "bantam/data/split.h"

namespace bantam {

class Session;

/// train.jsonl, dev.jsonl and test.jsonl (those that have rows) in `folder`, which is made; files
/// that exist are refused unless --force. Prints or, with --json, reports the counts.
void write_splits(Session& session, const Splits& splits, const std::string& folder,
                  std::span<const Path> inputs = {});

}  // namespace bantam
