// One training example as the trainer sees it: token ids, what is to be learned of them, and how
// much each target counts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bantam {

struct Example {
  std::vector<std::int32_t> ids;  ///< [n] tokens of one sequence, beginning to end
  /// [n] how much the prediction of ids[t] from the tokens before it counts; 0: not a target.
  /// weights[0] is ignored, since nothing stands before the first token.
  std::vector<float> weights;
  std::string id;  ///< for people and records: "bank.jsonl:17"
  /// [m] the text that the encoder of an encoder-decoder reads; ids are then the answer, behind the
  /// token that the decoder begins with.
  std::vector<std::int32_t> source = {};
  /// [n] which text of a pair each token is of, for encoders that are told; else empty.
  std::vector<std::int32_t> types = {};
  /// Classes of a labelled text: one (of the whole), or [n] (of each token; -1: none). weights then
  /// say how much each of them counts.
  std::vector<std::int32_t> labels = {};
  /// Of a text that any number of labels may apply to, one for each label: 1 where it applies, else
  /// 0.
  std::vector<float> targets = {};

  /// What passes through the model.
  std::int64_t tokens() const { return static_cast<std::int64_t>(ids.size() + source.size()); }
};

}  // namespace bantam
