#include "bantam/tensor/backend.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <string>

#include "tests/tensor/op_harness.h"

namespace bantam {
namespace {

struct Entry {
  const char* name;
  const char* op;  ///< whose cases exercise it; "": it has tests of its own
  bool is_filled;
};

// Every entry of the table. The binding names each of them, so a new entry does not compile until
// it is listed here with the op that tests it.
std::array<Entry, 27> entries(const Backend& table) {
  const auto& [gemm, linear, add_linear, linear_input_gradient, linear_weight_gradient,
               add_linear_weight_gradient, rounds_for, rounded_linears,
               rounded_linear_input_gradient, prepare_rounded, read_rounded_rows, rms_norm,
               rms_norm_backward, layer_norm, layer_norm_backward, rope, attention,
               attention_backward, paged_attention, write_pages, decoder_step, swiglu,
               swiglu_backward, softmax, softmax_backward] = table;
  return {{{"gemm", "matmul", gemm != nullptr},
           {"linear", "linear", linear != nullptr},
           {"add_linear", "add_linear", add_linear != nullptr},
           {"linear_input_gradient", "linear", linear_input_gradient != nullptr},
           {"linear_input_gradient", "linear_cross_entropy", linear_input_gradient != nullptr},
           {"linear_weight_gradient", "linear", linear_weight_gradient != nullptr},
           {"linear_weight_gradient", "linear_cross_entropy", linear_weight_gradient != nullptr},
           {"add_linear_weight_gradient", "linear_cross_entropy",
            add_linear_weight_gradient != nullptr},
           {"rounds_for", "linear", rounds_for != nullptr},
           {"rounded_linears", "linear", rounded_linears != nullptr},
           {"rounded_linear_input_gradient", "linear", rounded_linear_input_gradient != nullptr},
           {"prepare_rounded", "linear", prepare_rounded != nullptr},
           {"read_rounded_rows", "embedding", read_rounded_rows != nullptr},
           {"rms_norm", "rms_norm", rms_norm != nullptr},
           {"rms_norm_backward", "rms_norm", rms_norm_backward != nullptr},
           {"layer_norm", "layer_norm", layer_norm != nullptr},
           {"layer_norm_backward", "layer_norm", layer_norm_backward != nullptr},
           {"rope", "rope", rope != nullptr},
           {"attention", "attention", attention != nullptr},
           {"attention_backward", "attention", attention_backward != nullptr},
           {"paged_attention", "paged_attention", paged_attention != nullptr},
           {"write_pages", "paged_attention", write_pages != nullptr},
           {"decoder_step", "", decoder_step != nullptr},
           {"swiglu", "swiglu", swiglu != nullptr},
           {"swiglu_backward", "swiglu", swiglu_backward != nullptr},
           {"softmax", "softmax", softmax != nullptr},
           {"softmax_backward", "softmax", softmax_backward != nullptr}}};
}

TEST(BackendTable, HasNoEntryWithoutCases) {
  for (const Entry& entry : entries(backend(Tensor::zeros({1})))) {
    if (*entry.op == 0) continue;
    EXPECT_TRUE(std::ranges::any_of(op_tests::listed_ops(),
                                    [&](const auto& listed) { return listed.name == entry.op; }))
        << entry.name << " has no cases under the name " << entry.op;
  }
}

TEST(BackendTable, IsFilledOnTheCpu) {
  for (const Entry& entry : entries(backend(Tensor::zeros({1}))))
    EXPECT_TRUE(entry.is_filled) << entry.name;
}

TEST(BackendTable, ComposesEverythingOptionalInDoubleAndWhenAsked) {
  const auto only_required = [](const Backend& table) {
    for (const Entry& entry : entries(table)) {
      const std::string name = entry.name;
      const bool is_required =
          name == "gemm" || name.starts_with("linear") || name.starts_with("add_linear");
      EXPECT_EQ(entry.is_filled, is_required) << name;
    }
  };
  only_required(backend(Tensor::zeros({1}, DType::f64)));
  {
    const ComposeOnly compose;
    only_required(backend(Tensor::zeros({1})));
  }
  EXPECT_NE(backend(Tensor::zeros({1})).softmax, nullptr);
}

}  // namespace
}  // namespace bantam
