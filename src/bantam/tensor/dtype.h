// Element types. Block-quantized types store groups of elements with shared scales, in GGUF's
// layouts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace bantam {

enum class DType : std::uint8_t {
  f32,
  f64,
  bf16,
  f16,
  i32,
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q4_k,
  q6_k,
  i8,
  i16,
  i64,
  q1_0,
  q2_0,
  q2_k,
  q3_k,
  q5_k,
  q8_k,
  iq1_s,
  iq1_m,
  iq2_xxs,
  iq2_xs,
  iq2_s,
  iq3_xxs,
  iq3_s,
  iq4_nl,
  iq4_xs,
  tq1_0,
  tq2_0,
  mxfp4,
  nvfp4
};

struct DTypeInfo {
  DType dtype;
  std::string_view name;  ///< "q4_1"
  int block_elements;     ///< elements a block; 1 for plain types
  int block_bytes;
  bool is_float;  ///< f32, f64, bf16, f16
  bool is_quantized;
  std::uint32_t ggml_type;  ///< number in GGUF files; i32 is 26
  bool is_integer() const { return !is_float && !is_quantized; }
  double bits_per_element() const { return 8.0 * block_bytes / block_elements; }
};

const DTypeInfo& info(DType dtype);
std::span<const DTypeInfo> all_dtypes();
/// Throws Error(usage) naming the nearest known type.
DType dtype_named(std::string_view name);

}  // namespace bantam
