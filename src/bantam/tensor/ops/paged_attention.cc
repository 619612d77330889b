#include "bantam/tensor/ops/paged_attention.h"

#include <numeric>

#include "bantam/tensor/allocator.h"
#include "bantam/tensor/backend.h"
#include "bantam/tensor/float16.h"
#include "bantam/tensor/ops/attention.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

void check(const Tensor& q, const Tensor& pages, const Visibility& visibility,
           const RelativeBias& bias) {
  const bool fits = q.rank() == 3 && pages.rank() == 5 && pages.size(1) >= 1 &&
                    q.size(1) % pages.size(1) == 0 && pages.size(2) == 2 &&
                    pages.size(3) == kPageRows && pages.size(4) == padded_head_width(q.size(2)) &&
                    (pages.dtype() == DType::f32 || pages.dtype() == DType::f16);
  if (!fits) {
    throw input_error(
        "paged_attention: expected q [T, H, E] and pages [P, G, 2, {}, E rounded up to whole "
        "vectors] f32 or f16 with H a multiple of G, found q {} {}, pages {} {}",
        kPageRows, q.shape().text(), info(q.dtype()).name, pages.shape().text(),
        info(pages.dtype()).name);
  }
  const std::int64_t rows = pages.size(0) * kPageRows;
  if (visibility.queries() != q.size(0) || visibility.key_rows > rows) {
    throw input_error("paged_attention: the plan is for {} queries and {} rows, found q {} and {}",
                      visibility.queries(), visibility.key_rows, q.shape().text(),
                      pages.shape().text());
  }
  for (const KeyRange& range : visibility.ranges) {
    if (range.begin < 0 || range.begin > range.end || range.end > visibility.key_rows) {
      throw input_error("paged_attention: the plan's range {} … {} is outside its {} rows",
                        range.begin, range.end, visibility.key_rows);
    }
  }
  check_relative_bias("paged_attention", bias, q, rows);
  if (bias.by_key.defined()) {
    throw internal_error("paged_attention: a relative bias {} by keys; stored tokens have none",
                         bias.by_key.shape().text());
  }
  if (will_back_propagate_to(q)) {
    throw internal_error("paged_attention: q {} wants a gradient; stored tokens have none",
                         q.shape().text());
  }
}

// Where the features of a row and head lie.
struct PlaceOfRow {
  std::int64_t first, quad_step;

  PlaceOfRow(const Tensor& pages, PageSide side, std::int32_t row, std::int64_t head) {
    const bool is_key = side == PageSide::keys;
    const std::int64_t width = pages.size(4), plane = head * 2 + (is_key ? 0 : 1);
    first = row / kPageRows * pages.stride(0) + plane * kPageRows * width +
            row % kPageRows * (is_key ? kKeyQuad : width);
    quad_step = kKeyQuad * (is_key ? kPageRows : 1);
  }
  std::int64_t feature(std::int64_t index) const {
    return first + index / kKeyQuad * quad_step + index % kKeyQuad;
  }
};

float element(const Tensor& pages, std::int64_t place) {
  return pages.dtype() == DType::f32 ? pages.data<float>()[place]
                                     : f16_to_float(pages.data<std::uint16_t>()[place]);
}

// The rows that anybody sees as [S, G, E], zeros elsewhere: other rows may hold anything.
Tensor unpaged(const Tensor& pages, PageSide side, const Visibility& visibility,
               std::int64_t width) {
  const std::int64_t groups = pages.size(1);
  Tensor out = Tensor::zeros({visibility.key_rows, groups, width});
  float* to = out.data<float>();
  for (const KeyRange& range : visibility.ranges) {
    for (std::int32_t row = range.begin; row < range.end; ++row) {
      for (std::int64_t head = 0; head < groups; ++head) {
        const PlaceOfRow from(pages, side, row, head);
        for (std::int64_t e = 0; e < width; ++e) {
          to[(row * groups + head) * width + e] = element(pages, from.feature(e));
        }
      }
    }
  }
  return out;
}

// What the query at `number` sees, as rows of its own: with a bias its keys have their distance by
// their order.
Tensor one_query_composed(const Tensor& q, const Tensor& keys, const Tensor& values,
                          const Visibility& visibility, std::int64_t number, ScoreForm form,
                          const RelativeBias& bias) {
  std::vector<std::int32_t> rows;
  for (auto r = visibility.first[number]; r < visibility.first[number + 1]; ++r) {
    const KeyRange& range = visibility.ranges[r];
    for (std::int32_t row = range.begin; row < range.end; ++row) rows.push_back(row);
  }
  const auto seen = static_cast<std::int32_t>(rows.size());
  const Tensor query = slice(q, 0, number, number + 1);
  if (seen == 0) return Tensor::zeros(query.shape(), q.dtype());
  RelativeBias own = bias;
  if (bias.by_query.size(0) > 1) own.by_query = slice(bias.by_query, 0, number, number + 1);
  own.query_positions = {seen - 1};
  own.key_positions.resize(rows.size());
  std::iota(own.key_positions.begin(), own.key_positions.end(), 0);
  Visibility all;
  all.key_rows = seen;
  all.push({{0, seen}});
  const Tensor index = Tensor::from(rows, {seen});
  return attention_composed(contiguous(query), index_rows(keys, index), index_rows(values, index),
                            all, form, own);
}

Tensor paged_attention_composed(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                                ScoreForm form, const RelativeBias& bias) {
  const Tensor keys = unpaged(pages, PageSide::keys, visibility, q.size(2));
  const Tensor values = unpaged(pages, PageSide::values, visibility, q.size(2));
  if (!bias.present()) {
    return attention_composed(q, cast(keys, q.dtype()), cast(values, q.dtype()), visibility, form);
  }
  std::vector<Tensor> outputs;
  for (std::int64_t query = 0; query < q.size(0); ++query) {
    outputs.push_back(one_query_composed(q, cast(keys, q.dtype()), cast(values, q.dtype()),
                                         visibility, query, form, bias));
  }
  return concatenate(outputs, 0);
}

void write_pages_composed(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                          const Tensor& values) {
  const std::int64_t groups = keys.size(1), width = keys.size(2), padded = pages.size(4);
  for (const PageSide side : {PageSide::keys, PageSide::values}) {
    const float* from = (side == PageSide::keys ? keys : values).data<float>();
    for (const std::int32_t row : rows) {
      for (std::int64_t head = 0; head < groups; ++head, from += width) {
        const PlaceOfRow to(pages, side, row, head);
        for (std::int64_t e = 0; e < padded; ++e) {
          const float value = e < width ? from[e] : 0.0f;
          if (pages.dtype() == DType::f32) {
            pages.data<float>()[to.feature(e)] = value;
          } else {
            pages.data<std::uint16_t>()[to.feature(e)] = float_to_bounded_f16(value);
          }
        }
      }
    }
  }
}

}  // namespace

Tensor make_pages(std::int64_t pages, std::int64_t kv_heads, std::int64_t head_width, DType dtype) {
  return with_more_pages(
      Tensor::empty({0, kv_heads, 2, kPageRows, padded_head_width(head_width)}, dtype), pages);
}

Tensor with_more_pages(Tensor pages, std::int64_t count) {
  if (!pages.is_contiguous()) {
    throw internal_error("with_more_pages: {} is a slice of the heads of larger pages",
                         pages.shape().text());
  }
  Shape shape = pages.shape();
  shape.set(0, count);
  // A token looks at all of it, so it shall lie on huge pages: systems put memory there that is as
  // large as some of them.
  const std::int64_t of_element = info(pages.dtype()).block_bytes,
                     of_huge_page = (2 << 20) / of_element,
                     room = (shape.count() + of_huge_page - 1) / of_huge_page * of_huge_page;
  const bool is_large = room > of_huge_page;
  pages.extend_memory(is_large ? room : shape.count());
  if (is_large) {
    prefer_huge_pages(pages.writable_bytes(), static_cast<std::size_t>(room * of_element));
  }
  return pages.window(shape, dense_strides(shape), 0);
}

void write_pages(Tensor& pages, std::span<const std::int32_t> rows, const Tensor& keys,
                 const Tensor& values) {
  const bool fits = keys.rank() == 3 && keys.shape() == values.shape() &&
                    keys.dtype() == DType::f32 && values.dtype() == DType::f32 &&
                    keys.size(0) == std::ssize(rows) && keys.size(1) == pages.size(1) &&
                    padded_head_width(keys.size(2)) == pages.size(4);
  if (!fits) {
    throw internal_error("write_pages: keys {} {}, values {} {} and {} rows for pages {}",
                         keys.shape().text(), info(keys.dtype()).name, values.shape().text(),
                         info(values.dtype()).name, rows.size(), pages.shape().text());
  }
  const Tensor dense_keys = contiguous(keys), dense_values = contiguous(values);
  const auto kernel = backend(keys).write_pages;
  (kernel == nullptr ? write_pages_composed : kernel)(pages, rows, dense_keys, dense_values);
}

Tensor page_row(const Tensor& pages, PageSide side, std::int32_t row, std::int64_t head,
                std::int64_t head_width) {
  Tensor out = Tensor::empty({head_width});
  const PlaceOfRow from(pages, side, row, head);
  for (std::int64_t e = 0; e < head_width; ++e) {
    out.data<float>()[e] = element(pages, from.feature(e));
  }
  return out;
}

Tensor paged_attention(const Tensor& q, const Tensor& pages, const Visibility& visibility,
                       ScoreForm form, const RelativeBias& bias) {
  check(q, pages, visibility, bias);
  if (q.count() == 0 || visibility.ranges.empty()) return Tensor::zeros(q.shape(), q.dtype());
  const Tensor queries = contiguous(q);
  RelativeBias dense_bias = bias;
  if (bias.present()) dense_bias.by_query = contiguous(bias.by_query);
  const auto kernel = backend(queries).paged_attention;
  return (kernel == nullptr ? paged_attention_composed : kernel)(queries, pages, visibility, form,
                                                                 dense_bias);
}

}  // namespace bantam
