// Any bytes as a data file: rows or an Error(input), never anything else. The first byte chooses
// the format.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/data/delimited.h"
#include "bantam/data/reader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bantam;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  try {
    auto stream = decompressed(memory_stream(text), text.substr(0, 4), "fuzz", {.bytes = 1 << 22});
    if (data[0] % 2 == 0) {
      for (const Row& row :
           read_jsonl(std::move(stream), "fuzz", {.skip_bad = 1000000, .longest_line = 1 << 20})) {
        // What is written is read back the same; unknown fields may be aliases that now win.
        const Row again = row_from_json(row_to_json(row));
        if (row.extra.empty() && content_hash(again) != content_hash(row)) __builtin_trap();
      }
    } else {
      LineReader lines(std::move(stream), "fuzz", 1 << 20);
      DelimitedReader table(lines, ',');
      Json record;
      while (table.next(record)) row_from_json(record);
    }
  } catch (const Error& error) {
    if (error.kind() == Error::Kind::internal) __builtin_trap();
  }
  return 0;
}
