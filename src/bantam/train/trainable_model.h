// The model that a run trains, of whichever kind: the trainer passes it on, an objective asks for
// the kind that it needs.
#pragma once

#include <variant>

#include "bantam/model/causal_lm.h"
#include "bantam/model/encoder_heads.h"
#include "bantam/model/seq2seq.h"

namespace bantam {

/// A view: the model outlives it.
class TrainableModel {
 public:
  // NOLINTBEGIN(google-explicit-constructor): a view of its argument, as std::span is.
  TrainableModel(CausalLM& model) : model_(&model) {}
  TrainableModel(Seq2SeqModel& model) : model_(&model) {}
  TrainableModel(EncoderModel& model) : model_(&model) {}
  // NOLINTEND(google-explicit-constructor)

  /// CausalLM, Seq2SeqModel or EncoderModel. Throws Error(usage) for another than it is, naming
  /// `objective`, which asks.
  template <class Model>
  Model& as(const char* objective) const {
    Model* const* found = std::get_if<Model*>(&model_);
    if (found == nullptr) refuse(objective);
    return **found;
  }

 private:
  [[noreturn]] void refuse(const char* objective) const;

  std::variant<CausalLM*, Seq2SeqModel*, EncoderModel*> model_;
};

}  // namespace bantam
