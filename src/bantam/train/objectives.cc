#include "bantam/train/objective.h"
#include "bantam/train/objectives/classify.h"
#include "bantam/train/objectives/pretrain.h"
#include "bantam/train/objectives/seq2seq.h"
#include "bantam/train/objectives/sft.h"
#include "bantam/train/objectives/tag.h"

namespace bantam {
namespace {

std::string_view in_words(ModelKind kind) {
  switch (kind) {
    case ModelKind::decoder:
      return "a decoder";
    case ModelKind::encoder:
      return "an encoder";
    case ModelKind::encoder_decoder:
      return "an encoder-decoder";
  }
  throw internal_error("model kind {}", static_cast<int>(kind));
}

}  // namespace

const Registry<ObjectiveEntry>& objectives() {
  static const Registry<ObjectiveEntry> list{
      "objective",
      {
          {"pretrain",
           "Next-token cross-entropy on every token.",
           {ModelKind::decoder, pretrain_objective}},
          {"sft",
           "Cross-entropy on the tokens that the data marks as answers.",
           {ModelKind::decoder, sft_objective}},
          {"seq2seq",
           "Cross-entropy on the answers of an encoder-decoder; label_smoothing=0.1 softens it.",
           {ModelKind::encoder_decoder, seq2seq_objective}},
          {"classify",
           "Cross-entropy over the classes of texts, by an encoder with a head.",
           {ModelKind::encoder, classify_objective}},
          {"tag",
           "Cross-entropy over the tags of words, by an encoder with a head for tokens.",
           {ModelKind::encoder, tag_objective}},
      }};
  return list;
}

Objective make_objective(std::string_view text) {
  const Spec spec = parse_spec(text);
  return objectives().find(spec.name).make(spec);
}

void require_objective_for(ModelKind kind, std::string_view text, std::string_view model) {
  const std::string name = parse_spec(text).name;
  const ModelKind wanted = objectives().find(name).trains;
  if (wanted == kind) return;
  std::string fitting;
  for (const auto& entry : objectives().entries) {
    if (entry.value.trains == kind) fitting += (fitting.empty() ? "" : " or ") + entry.name;
  }
  throw usage_error("--objective {} trains {}, but {} is {}; use --objective {}", name,
                    in_words(wanted), model, in_words(kind), fitting);
}

}  // namespace bantam
