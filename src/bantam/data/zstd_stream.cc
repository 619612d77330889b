#include "bantam/data/zstd_stream.h"

#include "bantam/base/error.h"

#ifdef BANTAM_HAVE_ZSTD
#include <zstd.h>

#include <array>
#endif

namespace bantam {

#ifdef BANTAM_HAVE_ZSTD

namespace {

class ZstdStream : public ByteStream {
 public:
  ZstdStream(std::unique_ptr<ByteStream> inner, std::string where)
      : inner_(std::move(inner)), where_(std::move(where)), state_(ZSTD_createDStream()) {
    if (!state_) throw resource_error("{}: no memory to decompress", where_);
  }
  ~ZstdStream() override { ZSTD_freeDStream(state_); }
  ZstdStream(const ZstdStream&) = delete;
  ZstdStream& operator=(const ZstdStream&) = delete;

  std::size_t read(std::span<char> into) override {
    ZSTD_outBuffer output{into.data(), into.size(), 0};
    while (output.pos == 0) {
      // zstd may hold output back although all input is consumed: ask again before reading more.
      if (pending_.pos == pending_.size && !flushing_) {
        pending_ = {input_.data(), inner_->read(input_), 0};
        if (pending_.size == 0) {
          if (!between_frames_) {
            throw input_error("{}: the zstd data ends early; download or compress it again",
                              where_);
          }
          return 0;
        }
      }
      const std::size_t code = ZSTD_decompressStream(state_, &output, &pending_);
      if (ZSTD_isError(code)) {
        throw input_error("{}: damaged zstd data ({}); download or compress it again", where_,
                          ZSTD_getErrorName(code));
      }
      between_frames_ = code == 0;
      flushing_ = output.pos == output.size && !between_frames_;
    }
    return output.pos;
  }

 private:
  std::unique_ptr<ByteStream> inner_;
  std::string where_;
  ZSTD_DStream* state_;
  std::array<char, 65536> input_{};
  ZSTD_inBuffer pending_{nullptr, 0, 0};
  bool between_frames_ = true;
  bool flushing_ = false;
};

}  // namespace

std::unique_ptr<ByteStream> zstd_stream(std::unique_ptr<ByteStream> inner, std::string where) {
  return std::make_unique<ZstdStream>(std::move(inner), std::move(where));
}

#else

std::unique_ptr<ByteStream> zstd_stream(std::unique_ptr<ByteStream>, std::string where) {
  throw refused_error(
      "{}: this build of Bantam does not read zstd; install libzstd-dev and build again, or "
      "decompress with zstd -d",
      where);
}

#endif

}  // namespace bantam
