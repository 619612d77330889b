#include "bantam/train/objective.h"
#include "bantam/train/objectives/pretrain.h"
#include "bantam/train/objectives/sft.h"

namespace bantam {

const Registry<Objective>& objectives() {
  static const Registry<Objective> list{
      "objective",
      {
          {"pretrain", "Next-token cross-entropy on every token.", pretrain_objective()},
          {"sft", "Cross-entropy on the tokens that the data marks as answers.", sft_objective()},
      }};
  return list;
}

}  // namespace bantam
