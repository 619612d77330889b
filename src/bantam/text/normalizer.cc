#include "bantam/text/normalizer.h"

#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/normalizers/step.h"

namespace bantam {
namespace {

struct Kind {
  std::string_view type;
  NormalizerStepPtr (*make)(const Json& value);
};

constexpr Kind kinds[] = {{"NFC", unicode_form},
                          {"NFD", unicode_form},
                          {"NFKC", unicode_form},
                          {"NFKD", unicode_form},
                          {"Lowercase", lowercase},
                          {"StripAccents", strip_accents},
                          {"Nmt", nmt},
                          {"BertNormalizer", bert_normalizer},
                          {"Strip", strip},
                          {"Prepend", prepend},
                          {"Replace", replace},
                          {"Precompiled", precompiled},
                          {"ByteLevel", byte_level_normalizer},
                          {"SentencePiece", sentence_piece_normalizer}};

}  // namespace

Normalizer Normalizer::from_json(const Json& value) {
  Normalizer result;
  result.json_ = value;
  if (!value.is_null()) result.add(value, 0);
  return result;
}

void Normalizer::add(const Json& value, int depth) {
  if (depth > 8) throw input_error("normalizer: Sequence nested deeper than 8");
  const std::string type = json_type(value, "normalizer");
  if (type == "Sequence") {
    for (const Json& step : json_steps(value, "normalizers", "normalizer")) add(step, depth + 1);
    return;
  }
  std::string known;
  for (const Kind& kind : kinds) {
    if (kind.type == type) {
      steps_.push_back(kind.make(value));
      types_.push_back(type);
      return;
    }
    known += fmt::format("{}, ", kind.type);
  }
  throw input_error("normalizer: type '{}' is unknown; known are {}Sequence and null",
                    escaped(type), known);
}

bool Normalizer::is_only(std::string_view type) const {
  return types_.size() == 1 && types_[0] == type;
}

void Normalizer::apply(AlignedText& text) const {
  for (const auto& step : steps_) step->apply(text);
}

}  // namespace bantam
