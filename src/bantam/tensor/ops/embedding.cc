#include "bantam/tensor/ops/embedding.h"

#include <cstring>

#include "bantam/base/file_pages.h"
#include "bantam/base/threads.h"
#include "bantam/tensor/backend.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/quant/quantize.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

void check(const Tensor& table, const Tensor& ids) {
  if (table.rank() != 2 || ids.rank() != 1 || ids.dtype() != DType::i32) {
    throw input_error("embedding: expected a table [V, D] and ids [T] i32, found {} and {} {}",
                      table.shape().text(), ids.shape().text(), info(ids.dtype()).name);
  }
  const std::int32_t* values = ids.data<std::int32_t>();
  for (std::int64_t t = 0; t < ids.count(); ++t) {
    if (values[t] < 0 || values[t] >= table.size(0)) {
      throw input_error("embedding: id {} at position {} is outside the table of {} rows",
                        values[t], t, table.size(0));
    }
  }
  const bool trainable = table.dtype() == DType::f32 || table.dtype() == DType::f64;
  if (will_back_propagate_to(table) && !trainable) {
    throw internal_error("embedding: the table {} is {} and wants a gradient; cast it to f32 first",
                         table.shape().text(), info(table.dtype()).name);
  }
}

// A row read from a mapped table brings its neighbors, 64 KiB in all: after so many rows they leave
// memory again, and the next step finds them in the system's cache of the file.
constexpr std::int64_t kManyTokens = 64;

Tensor gather_rows(const Tensor& table, const Tensor& ids) {
  const std::int64_t width = table.size(1), tokens = ids.count();
  const bool is_f64 = table.dtype() == DType::f64;
  Tensor out = Tensor::empty({tokens, width}, is_f64 ? DType::f64 : DType::f32);
  // A table that is the output head, too, lies in memory as products read it: that leaves its file
  // alone.
  const auto read_rounded_rows = backend(out).read_rounded_rows;
  if (read_rounded_rows != nullptr &&
      read_rounded_rows(table, ids.span<std::int32_t>(), out.data<float>())) {
    return out;
  }
  const DTypeInfo& type = info(table.dtype());
  const std::int64_t row_bytes = width / type.block_elements * type.block_bytes;
  const std::int32_t* rows = ids.data<std::int32_t>();
  for (std::int64_t t = 0; t < tokens; ++t) {
    const std::byte* row = table.bytes() + rows[t] * row_bytes;
    if (is_f64) {
      std::memcpy(out.data<double>() + t * width, row, static_cast<std::size_t>(row_bytes));
    } else {
      dequantize_row(table.dtype(), row, width, out.data<float>() + t * width);
    }
    if ((t + 1) % kManyTokens == 0) forget_file_pages(table.bytes(), table.byte_size());
  }
  return out;
}

// Each thread owns some columns and adds the tokens in order, so repeated ids sum the same way at
// any thread count.
template <class T>
void add_rows_of(const Tensor& dy, const Tensor& ids, Tensor& sums) {
  const std::int64_t width = sums.size(1);
  const std::int32_t* rows = ids.data<std::int32_t>();
  const T* from = dy.data<T>();
  T* to = sums.data<T>();
  parallel_for(width, 64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t t = 0; t < ids.count(); ++t) {
      for (std::int64_t i = begin; i < end; ++i) to[rows[t] * width + i] += from[t * width + i];
    }
  });
}

void add_rows(const Tensor& dy, const Tensor& ids, Tensor& sums) {
  const Tensor gradient = contiguous(dy);
  gradient.dtype() == DType::f64 ? add_rows_of<double>(gradient, ids, sums)
                                 : add_rows_of<float>(gradient, ids, sums);
}

}  // namespace

Tensor embedding(const Tensor& table, const Tensor& ids) {
  const Tensor indices = contiguous(ids), dense = contiguous(table);
  check(dense, indices);
  return record("embedding", {dense}, gather_rows(dense, indices),
                [indices, shape = dense.shape(), variable = dense.variable()](const Tensor& dy) {
                  // A table that is the output head, too, has a gradient by now, most of whose rows
                  // these few do not touch.
                  GradientSink* const sink = Tape::running_sink();
                  Tensor* const sum = sink == nullptr ? nullptr : sink->sum_so_far(variable);
                  if (sum != nullptr && sum->dtype() == dy.dtype()) {
                    add_rows(dy, indices, *sum);
                    return Gradients{Tensor()};
                  }
                  Tensor gradient = Tensor::zeros(shape, dy.dtype());
                  add_rows(dy, indices, gradient);
                  return Gradients{gradient};
                });
}

}  // namespace bantam
