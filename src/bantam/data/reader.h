// Data files to rows: .jsonl, .json, .csv, .tsv, .txt, each also as .gz or .zst, a folder of
// splits, or standard input.
//
// A .txt file is one document, or several separated by lines that hold only "<|endoftext|>". A
// folder holds train/dev/test (or valid, validation) files in any of these forms. Errors read
// "file:line:column: field ...: expected ...".
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bantam/data/byte_stream.h"
#include "bantam/data/data_ref.h"
#include "bantam/data/row.h"
#include "bantam/data/row_fields.h"

namespace bantam {

struct ReadOptions {
  RowOptions row = {};
  int skip_bad = 0;        ///< this many bad rows are skipped and reported; one more is an error
  std::int64_t limit = 0;  ///< rows of each reference; 0 reads all
  std::uint64_t longest_line = std::uint64_t{64} << 20;  ///< bytes
  StreamLimits stream = {};
};

/// What reading met besides rows.
struct ReadReport {
  std::int64_t rows = 0, blank_lines = 0, skipped = 0;
  std::vector<std::string> skipped_because;  ///< the first 5 messages
  std::vector<std::string> notes;            ///< a byte order mark that was removed, and the like
};

/// Throws Error(input) on the first row that cannot be used beyond skip_bad, and "0 examples" when
/// there is none.
std::vector<Row> read_rows(const DataRef& ref, const ReadOptions& options = {},
                           ReadReport* report = nullptr);

/// The same from a stream of JSON lines; `where` names it in errors. An empty stream gives no rows.
std::vector<Row> read_jsonl(std::unique_ptr<ByteStream> stream, const std::string& where,
                            const ReadOptions& options = {}, ReadReport* report = nullptr);

}  // namespace bantam
