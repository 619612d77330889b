// Named tensors, wherever they lie: a GGUF file, a safetensors file, a folder of shards.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/files.h"
#include "bantam/tensor/tensor.h"

namespace bantam {

struct WeightInfo {
  std::string name;
  Shape shape;  ///< row-major: a linear's weight is [N, K] in every format
  DType dtype = DType::f32;
  std::uint64_t bytes = 0;
};

class WeightSource {
 public:
  virtual ~WeightSource() = default;
  /// In the order of the file.
  virtual std::vector<WeightInfo> weights() const = 0;
  virtual bool has(std::string_view name) const = 0;
  /// Memory of the mapped file, or a copy where the file does not align it. Throws Error(input)
  /// naming the source, the name and the nearest name it does have.
  virtual Tensor tensor(std::string_view name) const = 0;
  /// For messages: the path, shown safely.
  virtual std::string description() const = 0;
};

/// The GGUF file or HF folder at `path`, by what it is rather than by its suffix. Weights that the
/// folder's config.json says are quantized come unpacked (packed_weights.h). Pickled checkpoints
/// are refused unread: loading one can run code.
std::shared_ptr<const WeightSource> open_weights(const Path& path);

/// A tensor over `bytes` (its whole content), kept alive by `owner`. Files may place data at any
/// byte; where `data` is not aligned for its type, the tensor is a copy.
Tensor tensor_over(std::shared_ptr<const void> owner, const std::byte* data, const Shape& shape,
                   DType dtype);

/// "FILE: no tensor 'x'; nearest: y".
[[noreturn]] void throw_missing_tensor(const WeightSource& source, std::string_view name);

/// What a file that begins like this seems to be: "a zip archive", "an HTML page"; "" if unknown.
std::string content_kind(Bytes bytes);
/// The first four bytes, for messages: "50 4b 03 04 (a zip archive)".
std::string first_bytes_text(Bytes bytes);

}  // namespace bantam
