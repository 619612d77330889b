#include "bantam/data/byte_stream.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/data/zstd_stream.h"

namespace bantam {
namespace {

constexpr std::string_view kGzipMagic("\x1f\x8b", 2);
constexpr std::string_view kZstdMagic("\x28\xb5\x2f\xfd", 4);

class MemoryStream : public ByteStream {
 public:
  explicit MemoryStream(std::string_view text) : rest_(text) {}
  std::size_t read(std::span<char> into) override {
    const std::size_t count = std::min(into.size(), rest_.size());
    if (count > 0) std::memcpy(into.data(), rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

class MappedStream : public MemoryStream {
 public:
  explicit MappedStream(std::shared_ptr<const MappedFile> file)
      : MemoryStream({reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size()}),
        file_(std::move(file)) {}

 private:
  std::shared_ptr<const MappedFile> file_;
};

class StandardInput : public ByteStream {
 public:
  std::size_t read(std::span<char> into) override {
    while (true) {
      const ssize_t count = ::read(STDIN_FILENO, into.data(), into.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR) {
        throw input_error("standard input: cannot read: {}",
                          std::generic_category().message(errno));
      }
    }
  }
};

/// Gives back what was read ahead to look at the first bytes.
class PrefixedStream : public ByteStream {
 public:
  PrefixedStream(std::string prefix, std::unique_ptr<ByteStream> rest)
      : prefix_(std::move(prefix)), rest_(std::move(rest)) {}
  std::size_t read(std::span<char> into) override {
    if (used_ == prefix_.size()) return rest_->read(into);
    const std::size_t count = std::min(into.size(), prefix_.size() - used_);
    std::memcpy(into.data(), prefix_.data() + used_, count);
    used_ += count;
    return count;
  }

 private:
  std::string prefix_;
  std::size_t used_ = 0;
  std::unique_ptr<ByteStream> rest_;
};

class GzipStream : public ByteStream {
 public:
  GzipStream(std::unique_ptr<ByteStream> inner, std::string where)
      : inner_(std::move(inner)), where_(std::move(where)) {
    if (inflateInit2(&state_, 15 + 16) != Z_OK)
      throw resource_error("{}: no memory to decompress", where_);
  }
  ~GzipStream() override { inflateEnd(&state_); }
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;

  std::size_t read(std::span<char> into) override {
    state_.next_out = reinterpret_cast<Bytef*>(into.data());
    state_.avail_out = static_cast<uInt>(std::min<std::size_t>(into.size(), 1u << 30));
    const uInt wanted = state_.avail_out;
    while (state_.avail_out == wanted) {
      if (state_.avail_in == 0 && !refill()) return 0;
      if (between_members_) inflateReset(&state_);
      const int code = inflate(&state_, Z_NO_FLUSH);
      if (code == Z_STREAM_END) {
        between_members_ = true;
      } else if (code == Z_OK) {
        between_members_ = false;
      } else if (code != Z_BUF_ERROR) {
        throw input_error("{}: damaged gzip data ({}); download or compress it again", where_,
                          state_.msg ? state_.msg : "unknown cause");
      }
    }
    return wanted - state_.avail_out;
  }

 private:
  /// False at the end of the file. Files may be several gzip members in a row.
  bool refill() {
    const std::size_t count = inner_->read(input_);
    state_.next_in = reinterpret_cast<Bytef*>(input_.data());
    state_.avail_in = static_cast<uInt>(count);
    if (count > 0) return true;
    if (!between_members_)
      throw input_error("{}: the gzip data ends early; download or compress it again", where_);
    return false;
  }

  std::unique_ptr<ByteStream> inner_;
  std::string where_;
  std::array<char, 65536> input_{};
  z_stream state_{};
  bool between_members_ = false;
};

/// Counts what goes in and what comes out of a decompressor.
struct Meter {
  std::uint64_t bytes = 0;
};

class MeteredStream : public ByteStream {
 public:
  MeteredStream(std::unique_ptr<ByteStream> inner, std::shared_ptr<Meter> meter)
      : inner_(std::move(inner)), meter_(std::move(meter)) {}
  std::size_t read(std::span<char> into) override {
    const std::size_t count = inner_->read(into);
    meter_->bytes += count;
    return count;
  }

 private:
  std::unique_ptr<ByteStream> inner_;
  std::shared_ptr<Meter> meter_;
};

class LimitedStream : public ByteStream {
 public:
  LimitedStream(std::unique_ptr<ByteStream> inner, std::shared_ptr<Meter> compressed,
                std::string where, const StreamLimits& limits)
      : inner_(std::move(inner)),
        compressed_(std::move(compressed)),
        where_(std::move(where)),
        limits_(limits) {}

  std::size_t read(std::span<char> into) override {
    constexpr std::uint64_t kHarmless = std::uint64_t{1}
                                        << 20;  // small files may repeat themselves
    const std::size_t count = inner_->read(into);
    bytes_ += count;
    if (bytes_ > limits_.bytes) {
      throw input_error("{}: more than {} bytes after decompression, the limit here", where_,
                        with_commas(static_cast<std::int64_t>(limits_.bytes)));
    }
    if (bytes_ > kHarmless &&
        static_cast<double>(bytes_) > limits_.ratio * static_cast<double>(compressed_->bytes)) {
      throw input_error(
          "{}: expands more than {}-fold ({} bytes from {}); decompress it yourself if this is "
          "right",
          where_, limits_.ratio, with_commas(static_cast<std::int64_t>(bytes_)),
          with_commas(static_cast<std::int64_t>(compressed_->bytes)));
    }
    return count;
  }

 private:
  std::unique_ptr<ByteStream> inner_;
  std::shared_ptr<Meter> compressed_;
  std::string where_;
  StreamLimits limits_;
  std::uint64_t bytes_ = 0;
};

std::string read_ahead(ByteStream& stream, std::size_t count) {
  std::string ahead(count, '\0');
  std::size_t used = 0;
  while (used < count) {
    const std::size_t more = stream.read(std::span(ahead).subspan(used));
    if (more == 0) break;
    used += more;
  }
  ahead.resize(used);
  return ahead;
}

}  // namespace

std::unique_ptr<ByteStream> memory_stream(std::string_view text) {
  return std::make_unique<MemoryStream>(text);
}

std::unique_ptr<ByteStream> decompressed(std::unique_ptr<ByteStream> inner, std::string_view magic,
                                         std::string where, const StreamLimits& limits) {
  const bool gzip = magic.starts_with(kGzipMagic), zstd = magic.starts_with(kZstdMagic);
  if (!gzip && !zstd) return inner;
  auto meter = std::make_shared<Meter>();
  inner = std::make_unique<MeteredStream>(std::move(inner), meter);
  if (gzip) {
    inner = std::make_unique<GzipStream>(std::move(inner), where);
  } else {
    inner = zstd_stream(std::move(inner), where);
  }
  return std::make_unique<LimitedStream>(std::move(inner), std::move(meter), std::move(where),
                                         limits);
}

std::unique_ptr<ByteStream> open_byte_stream(const std::string& path, const StreamLimits& limits) {
  const bool standard_input = path == "-";
  const std::string where = standard_input ? "standard input" : escaped(path);
  std::unique_ptr<ByteStream> stream;
  if (standard_input) {
    stream = std::make_unique<StandardInput>();
  } else {
    stream = std::make_unique<MappedStream>(MappedFile::open(path));
  }
  std::string ahead = read_ahead(*stream, kZstdMagic.size());
  if (path.ends_with(".gz") && !ahead.starts_with(kGzipMagic)) {
    throw input_error(
        "{}: expected gzip data, found other bytes at the start; rename the file if it is plain "
        "text",
        where);
  }
  if (path.ends_with(".zst") && ahead != kZstdMagic) {
    throw input_error(
        "{}: expected zstd data, found other bytes at the start; rename the file if it is plain "
        "text",
        where);
  }
  const std::string magic = ahead;
  return decompressed(std::make_unique<PrefixedStream>(std::move(ahead), std::move(stream)), magic,
                      where, limits);
}

}  // namespace bantam
