// Bytes of a data file in order, decompressed on the way, with limits on what a small file may
// become.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace bantam {

class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Fills a part of `into` and says how much; 0 only at the end. Throws Error(input) on damaged
  /// data.
  virtual std::size_t read(std::span<char> into) = 0;
};

struct StreamLimits {
  std::uint64_t bytes = std::uint64_t{64} << 30;  ///< after decompression
  double ratio = 200;  ///< decompressed to compressed; text reaches about 20, a bomb 1,000
};

/// A regular file, gzip or zstd by content (and by name: a ".gz" that is none is refused); "-" is
/// standard input. Throws Error(input) for anything else.
std::unique_ptr<ByteStream> open_byte_stream(const std::string& path,
                                             const StreamLimits& limits = {});

/// The bytes of `text`, which must outlive the stream.
std::unique_ptr<ByteStream> memory_stream(std::string_view text);

/// Decompresses `inner` when `magic`, its first bytes, are those of gzip or zstd. `where` is for
/// errors.
std::unique_ptr<ByteStream> decompressed(std::unique_ptr<ByteStream> inner, std::string_view magic,
                                         std::string where, const StreamLimits& limits);

}  // namespace bantam
