// A Tensor is a cheap handle on shared memory: shape, strides, element type, and the variable it
// stands for on a tape.
//
// Shape letters used in every comment of the engine:
//   B sequences   T tokens (all sequences of a batch laid end to end, never padded)   S key rows D
//   width of the model H query heads   G key/value heads   E width of a head   K, N input and
//   output features of a linear   V vocabulary
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/tensor/dtype.h"

namespace bantam {

/// Up to six extents, outermost first.
class Shape {
 public:
  static constexpr int kMaxRank = 6;
  Shape() = default;
  Shape(std::initializer_list<std::int64_t> extents)
      : Shape(std::span(extents.begin(), extents.size())) {}
  explicit Shape(std::span<const std::int64_t> extents);

  int rank() const { return rank_; }
  /// Negative axes count from the back: shape[-1] is the innermost extent.
  std::int64_t operator[](int axis) const { return extents_[axis < 0 ? axis + rank_ : axis]; }
  void set(int axis, std::int64_t extent) { extents_[axis < 0 ? axis + rank_ : axis] = extent; }
  std::int64_t count() const;
  std::span<const std::int64_t> extents() const {
    return {extents_.data(), static_cast<std::size_t>(rank_)};
  }
  bool operator==(const Shape& other) const;
  std::string text() const;  ///< "[4, 128, 576]"

 private:
  std::array<std::int64_t, kMaxRank> extents_{};
  int rank_ = 0;
};

/// Elements from one place of an axis to the next.
using Strides = std::array<std::int64_t, Shape::kMaxRank>;
Strides dense_strides(const Shape& shape);  ///< of row-major order

/// Identity on a tape; 0 stands for "no gradient wanted".
using VariableId = std::uint64_t;

class Tensor {
 public:
  /// Refers to nothing: "no bias", "no gradient".
  Tensor() = default;

  static Tensor empty(const Shape& shape,
                      DType dtype = DType::f32);  ///< uninitialized, 64-byte aligned
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32);
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32);
  static Tensor from(std::span<const float> values, const Shape& shape);
  static Tensor from(std::span<const double> values, const Shape& shape);
  static Tensor from(std::span<const std::int32_t> values, const Shape& shape);
  static Tensor scalar(double value, DType dtype = DType::f32);  ///< shape []
  /// Memory that somebody else owns (a mapped weight file); kept alive by `owner`, never written.
  static Tensor view_of(std::shared_ptr<const void> owner, const std::byte* data,
                        const Shape& shape, DType dtype);

  bool defined() const { return storage_ != nullptr; }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  std::int64_t size(int axis) const { return shape_[axis]; }
  std::int64_t count() const { return shape_.count(); }
  DType dtype() const { return dtype_; }
  /// Strides in elements; meaningless for quantized types, which are always contiguous.
  std::int64_t stride(int axis) const { return strides_[axis < 0 ? axis + rank() : axis]; }
  bool is_contiguous() const;
  std::uint64_t byte_size() const;  ///< of the elements, were they contiguous

  /// First element. The caller names the element type; debug builds check it.
  template <class T>
  T* data() {
    return reinterpret_cast<T*>(writable_bytes());
  }
  template <class T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes());
  }
  std::byte* writable_bytes();  ///< throws Error(internal) for view_of() memory
  const std::byte* bytes() const;
  template <class T>
  std::span<const T> span() const {
    return {data<T>(), static_cast<std::size_t>(count())};
  }
  template <class T>
  std::span<T> span() {
    return {data<T>(), static_cast<std::size_t>(count())};
  }
  /// Same storage, another window on it. Not recorded: ops/shape.h has the differentiable views.
  Tensor window(const Shape& shape, std::span<const std::int64_t> strides,
                std::int64_t offset_elements) const;

  /// Values as f64 in row-major order, whatever the type (dequantized too). For tests, metrics and
  /// printing.
  std::vector<double> values() const;
  double item() const;  ///< the single value of a one-element tensor
  /// A deep, contiguous copy without a variable.
  Tensor clone() const;
  /// Byte-wise copy of `source` (same shape and type, contiguous) into this tensor's memory.
  void copy_from(const Tensor& source);
  /// Makes room for `count` elements in the memory that this tensor is the beginning of; those that
  /// are there stay. Handles on the memory follow when it moves, pointers do not.
  void extend_memory(std::int64_t count);
  bool shares_storage_with(const Tensor& other) const { return storage_ == other.storage_; }
  /// True when this handle is the only one on writable memory, so that writing to it cannot be seen
  /// elsewhere.
  bool is_sole_owner() const;

  /// Something a kernel derived from the elements of this tensor and wants to find again: weights
  /// in the order of its instructions. `make` runs at the first call; the result lives as long as
  /// the memory, and until the memory is written. Safe to call from several threads.
  const void* kept_form(const std::function<std::shared_ptr<const void>()>& make) const;
  /// That form, or nullptr where none was made.
  const void* find_kept_form() const;

  VariableId variable() const { return variable_; }
  bool wants_gradient() const { return variable_ != 0; }
  /// This tensor as a new leaf: gradients with respect to it will be handed to the sink.
  Tensor as_variable() const;
  /// The same values, constant for every tape.
  Tensor stop_gradient() const;
  Tensor with_variable(VariableId id) const;  ///< used by the tape

 private:
  struct Storage;
  std::shared_ptr<Storage> storage_;
  Shape shape_;
  Strides strides_{};
  std::int64_t offset_ = 0;  ///< elements (bytes for quantized types)
  DType dtype_ = DType::f32;
  VariableId variable_ = 0;
};

/// Bytes now held by tensors of this process, and the highest value since the last reset. For
/// memory reports and tests.
struct TensorMemory {
  std::uint64_t current = 0, peak = 0;
};
TensorMemory tensor_memory();
void reset_tensor_memory_peak();

}  // namespace bantam
