#include "bantam/tensor/dtype.h"

#include <array>
#include <string>
#include <vector>

#include "bantam/base/options.h"

namespace bantam {
namespace {

// Rows stand in the order of the enumeration: info() indexes by it.
constexpr std::array<DTypeInfo, 34> kTypes = {{
    {DType::f32, "f32", 1, 4, true, false, 0},
    {DType::f64, "f64", 1, 8, true, false, 28},
    {DType::bf16, "bf16", 1, 2, true, false, 30},
    {DType::f16, "f16", 1, 2, true, false, 1},
    {DType::i32, "i32", 1, 4, false, false, 26},
    {DType::q4_0, "q4_0", 32, 18, false, true, 2},
    {DType::q4_1, "q4_1", 32, 20, false, true, 3},
    {DType::q5_0, "q5_0", 32, 22, false, true, 6},
    {DType::q5_1, "q5_1", 32, 24, false, true, 7},
    {DType::q8_0, "q8_0", 32, 34, false, true, 8},
    {DType::q4_k, "q4_k", 256, 144, false, true, 12},
    {DType::q6_k, "q6_k", 256, 210, false, true, 14},
    {DType::i8, "i8", 1, 1, false, false, 24},
    {DType::i16, "i16", 1, 2, false, false, 25},
    {DType::i64, "i64", 1, 8, false, false, 27},
    {DType::q1_0, "q1_0", 128, 18, false, true, 41},
    {DType::q2_0, "q2_0", 64, 18, false, true, 42},
    {DType::q2_k, "q2_k", 256, 84, false, true, 10},
    {DType::q3_k, "q3_k", 256, 110, false, true, 11},
    {DType::q5_k, "q5_k", 256, 176, false, true, 13},
    {DType::q8_k, "q8_k", 256, 292, false, true, 15},
    {DType::iq1_s, "iq1_s", 256, 50, false, true, 19},
    {DType::iq1_m, "iq1_m", 256, 56, false, true, 29},
    {DType::iq2_xxs, "iq2_xxs", 256, 66, false, true, 16},
    {DType::iq2_xs, "iq2_xs", 256, 74, false, true, 17},
    {DType::iq2_s, "iq2_s", 256, 82, false, true, 22},
    {DType::iq3_xxs, "iq3_xxs", 256, 98, false, true, 18},
    {DType::iq3_s, "iq3_s", 256, 110, false, true, 21},
    {DType::iq4_nl, "iq4_nl", 32, 18, false, true, 20},
    {DType::iq4_xs, "iq4_xs", 256, 136, false, true, 23},
    {DType::tq1_0, "tq1_0", 256, 54, false, true, 34},
    {DType::tq2_0, "tq2_0", 256, 66, false, true, 35},
    {DType::mxfp4, "mxfp4", 32, 17, false, true, 39},
    {DType::nvfp4, "nvfp4", 64, 36, false, true, 40},
}};

}  // namespace

const DTypeInfo& info(DType dtype) { return kTypes[static_cast<std::size_t>(dtype)]; }

std::span<const DTypeInfo> all_dtypes() { return kTypes; }

DType dtype_named(std::string_view name) {
  std::vector<std::string> known;
  for (const DTypeInfo& type : kTypes) {
    if (type.name == name) return type.dtype;
    known.emplace_back(type.name);
  }
  throw_unknown_name("element type", name, known);
}

}  // namespace bantam
