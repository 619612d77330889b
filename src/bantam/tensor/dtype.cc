#include "bantam/tensor/dtype.h"

#include <array>
#include <string>
#include <vector>

#include "bantam/base/options.h"

namespace bantam {
namespace {

// Rows stand in the order of the enumeration: info() indexes by it.
constexpr std::array<DTypeInfo, 12> kTypes = {{
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
