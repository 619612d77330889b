#include "bantam/train/objectives/seq2seq.h"

#include "bantam/train/spec_options.h"
#include "bantam/train/token_loss.h"

namespace bantam {
namespace {

struct Seq2SeqLoss {
  double label_smoothing = 0;
};

}  // namespace

template <>
void describe(Describer<Seq2SeqLoss>& d) {
  d(&Seq2SeqLoss::label_smoothing, "label_smoothing",
    "Share of each target that is spread over the whole vocabulary.", between(0.0, 0.999999));
}

Objective seq2seq_objective(const Spec& spec) {
  Seq2SeqLoss settings;
  std::vector<Option> options = options_of(settings);
  apply_spec(spec, options, "objective");
  const TokenWeight weight = [](const Example& example, std::size_t t) {
    return example.weights[t];
  };
  return {
      .target_weight = [weight](const Example& example) { return sum_weights(example, weight); },
      .loss =
          [weight, smoothing = settings.label_smoothing](
              const MicroBatch& batch, const TrainableModel& model, const ObjectiveContext&) {
            return answer_loss(batch, model.as<Seq2SeqModel>("seq2seq"), weight, smoothing);
          },
  };
}

}  // namespace bantam
