#include "bantam/tensor/tensor.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>

#include "bantam/tensor/allocator.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam {

Shape::Shape(std::span<const std::int64_t> extents) : rank_(static_cast<int>(extents.size())) {
  if (rank_ > kMaxRank)
    throw internal_error("shape: {} axes, at most {} are supported", rank_, kMaxRank);
  std::copy(extents.begin(), extents.end(), extents_.begin());
}

std::int64_t Shape::count() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : extents()) product *= extent;
  return product;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ &&
         std::equal(extents().begin(), extents().end(), other.extents_.begin());
}

std::string Shape::text() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis)
    text += fmt::format("{}{}", axis == 0 ? "" : ", ", extents_[axis]);
  return text + "]";
}

Strides dense_strides(const Shape& shape) {
  Strides strides{};
  std::int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  return strides;
}

struct Tensor::Storage {
  const std::byte* data = nullptr;
  std::byte* writable = nullptr;
  // Forms that kernels derived, by the part of the memory they were made of. A list that grows at
  // its head under the mutex, so that finding one, which decoding does for every weight and token,
  // locks nothing.
  struct Form {
    std::int64_t offset;
    Shape shape;
    std::shared_ptr<const void> form;
    std::unique_ptr<const Form> before;
  };
  std::atomic<const Form*> forms = nullptr;
  std::mutex forms_mutex;

  TensorBlock block;                  // of memory of its own
  std::shared_ptr<const void> owner;  // of memory that it looks at

  const void* find_form(std::int64_t offset, const Shape& shape) const {
    for (const Form* known = forms; known != nullptr; known = known->before.get()) {
      if (known->offset == offset && known->shape == shape) return known->form.get();
    }
    return nullptr;
  }

  void drop_forms() {
    const std::lock_guard lock(forms_mutex);
    delete forms.exchange(nullptr);
  }

  Storage() = default;
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;
  ~Storage() { delete forms.load(); }
};

namespace {

std::uint64_t bytes_of(std::int64_t count, DType dtype) {
  const DTypeInfo& type = info(dtype);
  return static_cast<std::uint64_t>(count) / type.block_elements * type.block_bytes;
}

void require_whole_blocks(const Shape& shape, DType dtype) {
  const int block = info(dtype).block_elements;
  if (block > 1 && (shape.rank() == 0 || shape[-1] % block != 0)) {
    throw input_error("tensor {} cannot be {}: rows must be a multiple of {} elements",
                      shape.text(), info(dtype).name, block);
  }
}

// Copies a strided window into dense memory, innermost axis last.
template <class T>
void gather(const T* source, const Shape& shape, std::span<const std::int64_t> strides, int axis,
            T*& out) {
  if (axis == shape.rank()) {
    *out++ = *source;
    return;
  }
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    gather(source + i * strides[axis], shape, strides, axis + 1, out);
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  require_whole_blocks(shape, dtype);
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.strides_ = dense_strides(shape);
  tensor.storage_ = std::make_shared<Storage>();
  tensor.storage_->block = TensorBlock(bytes_of(shape.count(), dtype));
  tensor.storage_->writable = tensor.storage_->block.data();
  tensor.storage_->data = tensor.storage_->writable;
  return tensor;
}

Tensor Tensor::zeros(const Shape& shape, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  std::memset(tensor.writable_bytes(), 0, tensor.byte_size());
  return tensor;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype) {
  Tensor tensor = empty(shape, dtype);
  switch (dtype) {
    case DType::f32:
      std::ranges::fill(tensor.span<float>(), static_cast<float>(value));
      break;
    case DType::f64:
      std::ranges::fill(tensor.span<double>(), value);
      break;
    case DType::i32:
      std::ranges::fill(tensor.span<std::int32_t>(), static_cast<std::int32_t>(value));
      break;
    default:
      throw internal_error("full: {} is not a type to fill", info(dtype).name);
  }
  return tensor;
}

namespace {

template <class T>
Tensor from_values(std::span<const T> values, const Shape& shape, DType dtype) {
  if (static_cast<std::int64_t>(values.size()) != shape.count()) {
    throw input_error("tensor {} needs {} values but got {}", shape.text(), shape.count(),
                      values.size());
  }
  Tensor tensor = Tensor::empty(shape, dtype);
  std::ranges::copy(values, tensor.data<T>());
  return tensor;
}

}  // namespace

Tensor Tensor::from(std::span<const float> values, const Shape& shape) {
  return from_values(values, shape, DType::f32);
}
Tensor Tensor::from(std::span<const double> values, const Shape& shape) {
  return from_values(values, shape, DType::f64);
}
Tensor Tensor::from(std::span<const std::int32_t> values, const Shape& shape) {
  return from_values(values, shape, DType::i32);
}

Tensor Tensor::scalar(double value, DType dtype) { return full({}, value, dtype); }

Tensor Tensor::view_of(std::shared_ptr<const void> owner, const std::byte* data, const Shape& shape,
                       DType dtype) {
  require_whole_blocks(shape, dtype);
  Tensor tensor;
  tensor.shape_ = shape;
  tensor.dtype_ = dtype;
  tensor.strides_ = dense_strides(shape);
  tensor.storage_ = std::make_shared<Storage>();
  tensor.storage_->owner = std::move(owner);
  tensor.storage_->data = data;
  return tensor;
}

bool Tensor::is_contiguous() const {
  if (info(dtype_).is_quantized) return true;
  std::int64_t step = 1;
  for (int axis = rank() - 1; axis >= 0; --axis) {
    if (shape_[axis] != 1 && strides_[axis] != step) return false;
    step *= shape_[axis];
  }
  return true;
}

std::uint64_t Tensor::byte_size() const { return bytes_of(count(), dtype_); }

const std::byte* Tensor::bytes() const {
  if (!storage_) throw internal_error("tensor: an undefined tensor was read");
  const std::int64_t unit = info(dtype_).is_quantized ? 1 : info(dtype_).block_bytes;
  return storage_->data + offset_ * unit;
}

std::byte* Tensor::writable_bytes() {
  if (!storage_ || storage_->writable == nullptr) {
    throw internal_error("tensor: {} {} is read-only memory and was about to be written",
                         info(dtype_).name, shape_.text());
  }
  if (storage_->forms != nullptr) storage_->drop_forms();
  const std::int64_t unit = info(dtype_).is_quantized ? 1 : info(dtype_).block_bytes;
  return storage_->writable + offset_ * unit;
}

const void* Tensor::kept_form(const std::function<std::shared_ptr<const void>()>& make) const {
  if (const void* known = find_kept_form()) return known;
  const std::lock_guard lock(storage_->forms_mutex);
  if (const void* known = find_kept_form()) return known;
  std::shared_ptr<const void> form = make();
  const void* const made = form.get();
  storage_->forms = new Storage::Form{offset_, shape_, std::move(form),
                                      std::unique_ptr<const Storage::Form>(storage_->forms)};
  return made;
}

const void* Tensor::find_kept_form() const { return storage_->find_form(offset_, shape_); }

Tensor Tensor::window(const Shape& shape, std::span<const std::int64_t> strides,
                      std::int64_t offset_elements) const {
  Tensor tensor = *this;
  tensor.variable_ = 0;
  tensor.shape_ = shape;
  if (info(dtype_).is_quantized) {
    tensor.strides_ = dense_strides(shape);
    tensor.offset_ += static_cast<std::int64_t>(bytes_of(offset_elements, dtype_));
  } else {
    std::ranges::copy(strides, tensor.strides_.begin());
    tensor.offset_ += offset_elements;
  }
  return tensor;
}

std::vector<double> Tensor::values() const {
  const Tensor dense = is_contiguous() ? *this : clone();
  std::vector<double> out(static_cast<std::size_t>(count()));
  switch (dtype_) {
    case DType::f32:
      std::ranges::copy(dense.span<float>(), out.begin());
      break;
    case DType::f64:
      std::ranges::copy(dense.span<double>(), out.begin());
      break;
    case DType::i32:
      std::ranges::copy(dense.span<std::int32_t>(), out.begin());
      break;
    case DType::i64:
      std::ranges::copy(dense.span<std::int64_t>(), out.begin());
      break;
    default: {
      std::vector<float> row(out.size());
      dequantize_row(dtype_, dense.bytes(), count(), row.data());
      std::ranges::copy(row, out.begin());
    }
  }
  return out;
}

double Tensor::item() const {
  if (count() != 1)
    throw internal_error("item: expected one element, found shape {}", shape_.text());
  return values().front();
}

Tensor Tensor::clone() const {
  Tensor copy = empty(shape_, dtype_);
  if (is_contiguous()) {
    std::memcpy(copy.writable_bytes(), bytes(), byte_size());
    return copy;
  }
  const std::span strides(strides_.data(), static_cast<std::size_t>(rank()));
  if (info(dtype_).block_bytes == 4) {
    auto* out = copy.data<std::uint32_t>();
    gather(data<std::uint32_t>(), shape_, strides, 0, out);
  } else if (info(dtype_).block_bytes == 8) {
    auto* out = copy.data<std::uint64_t>();
    gather(data<std::uint64_t>(), shape_, strides, 0, out);
  } else if (info(dtype_).block_bytes == 2) {
    auto* out = copy.data<std::uint16_t>();
    gather(data<std::uint16_t>(), shape_, strides, 0, out);
  } else {
    auto* out = copy.data<std::uint8_t>();
    gather(data<std::uint8_t>(), shape_, strides, 0, out);
  }
  return copy;
}

void Tensor::copy_from(const Tensor& source) {
  if (!(source.shape() == shape_) || source.dtype() != dtype_ || !is_contiguous() ||
      !source.is_contiguous()) {
    throw internal_error("copy_from: {} {} into {} {}", info(source.dtype()).name,
                         source.shape().text(), info(dtype_).name, shape_.text());
  }
  std::memcpy(writable_bytes(), source.bytes(), byte_size());
}

void Tensor::extend_memory(std::int64_t count) {
  if (!storage_ || storage_->block.data() == nullptr || offset_ != 0) {
    throw internal_error("tensor: {} {} is not the beginning of memory of its own",
                         info(dtype_).name, shape_.text());
  }
  storage_->block.grow(bytes_of(count, dtype_));
  storage_->writable = storage_->block.data();
  storage_->data = storage_->writable;
}

bool Tensor::is_sole_owner() const {
  return storage_ && storage_->writable != nullptr && storage_.use_count() == 1;
}

Tensor Tensor::stop_gradient() const { return with_variable(0); }

Tensor Tensor::with_variable(VariableId id) const {
  Tensor tensor = *this;
  tensor.variable_ = id;
  return tensor;
}

}  // namespace bantam
