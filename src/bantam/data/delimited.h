// Tables in text: CSV (RFC 4180) and TSV with a header line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/data/line_reader.h"

namespace bantam {

/// Reads records as objects {column: text}. Quoted fields may hold separators, line ends and
/// doubled quotes.
class DelimitedReader {
 public:
  /// Reads the header. Throws Error(input) on a column that has no name or appears twice.
  DelimitedReader(LineReader& lines, char separator);

  /// False at the end. Throws Error(input) "file:line:column: ..." on an unclosed quote, text after
  /// a closing quote, or another number of fields than the header has; the record is consumed.
  /// Blank lines are skipped.
  bool next(Json& object);
  /// Line on which the record returned last begins.
  std::int64_t number() const { return number_; }
  const std::vector<std::string>& columns() const { return columns_; }

 private:
  bool next_fields(std::vector<std::string>& fields);

  LineReader& lines_;
  char separator_;
  std::int64_t number_ = 0;
  std::vector<std::string> columns_;
};

}  // namespace bantam
