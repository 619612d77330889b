#include "bantam/train/trainable_model.h"

#include "bantam/base/error.h"

namespace bantam {

void TrainableModel::refuse(const char* objective) const {
  static constexpr const char* kKinds[] = {"a decoder", "an encoder-decoder",
                                           "an encoder with a head"};
  throw usage_error("objective {}: it does not train {}; choose one that does", objective,
                    kKinds[model_.index()]);
}

}  // namespace bantam
