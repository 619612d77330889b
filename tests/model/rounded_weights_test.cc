#include "bantam/model/rounded_weights.h"

#include <gtest/gtest.h>

#include "bantam/model/load_model.h"
#include "bantam/model/save_model.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

TEST(RoundedWeights, AFileHoldsThoseOfItsSourceAndNoOthers) {
  const LoadedModel source = tiny_loaded(7), other = tiny_loaded(8);
  for (const DType dtype : {DType::f32, DType::bf16, DType::q8_0}) {
    const TemporaryFolder folder;
    const Path file = folder.path() / "written.gguf";
    save_gguf(source, file, dtype);
    const LoadedModel written = load_model(file.string());
    EXPECT_TRUE(holds_rounded(*written.model, *source.model)) << info(dtype).name;
    EXPECT_FALSE(holds_rounded(*written.model, *other.model)) << info(dtype).name;
  }
}

TEST(RoundedWeights, OneOtherNumberIsFound) {
  const LoadedModel source = tiny_loaded(7), changed = tiny_loaded(7);
  ASSERT_TRUE(holds_rounded(*changed.model, *source.model));
  for (const Parameter& parameter : changed.model->parameters()) {
    if (parameter.role == ParameterRole::linear) {
      parameter.tensor->data<float>()[3] += 1;
      break;
    }
  }
  EXPECT_FALSE(holds_rounded(*changed.model, *source.model));
}

}  // namespace
}  // namespace bantam
