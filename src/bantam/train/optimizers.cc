#include "bantam/train/optimizer.h"
#include "bantam/train/optimizers/adamw.h"
#include "bantam/train/optimizers/sgd.h"

namespace bantam {

const Registry<OptimizerMaker>& optimizers() {
  static const Registry<OptimizerMaker> list{
      "optimizer",
      {
          {"adamw", "Adam with decoupled weight decay (arXiv:1711.05101).", make_adamw},
          {"sgd", "Stochastic gradient descent, with momentum if asked.", make_sgd},
      }};
  return list;
}

std::unique_ptr<Optimizer> make_optimizer(std::string_view text) {
  const Spec spec = parse_spec(text);
  return optimizers().find(spec.name)(spec);
}

}  // namespace bantam
