// An encoder-decoder: an encoder reads a text, a decoder writes the answer and looks at what the
// encoder made of the text in every layer (cross-attention).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/model/causal_lm.h"

namespace bantam {

class GgufFile;
class Tokenizer;

/// A causal language model whose batches carry a Source. Its sites are those of the decoder, and
/// those of the encoder behind "encoder."; adapters, taps and parameters cover both.
class Seq2SeqModel : public CausalLM {
 public:
  /// Throws Error(input) for a configuration of one stack.
  Seq2SeqModel(const Architecture& architecture, DecoderConfig config, Weights weights);

  /// Texts through the encoder. Gradients flow back through the states.
  std::shared_ptr<const Source> encode(std::span<const std::vector<std::int32_t>> texts,
                                       Taps* taps = nullptr) const;
  /// The same for answering: keys and values of every cross-attention are formed once. Nothing is
  /// recorded on a tape; activations are rounded (RoundActivations).
  std::shared_ptr<const Source> encode_for_answers(
      std::span<const std::vector<std::int32_t>> texts) const;
};

/// One answer to each text of the source: tokens see those before them and all of their text.
/// Throws Error(input) when the numbers of texts and answers differ.
Batch make_seq2seq_batch(std::shared_ptr<const Source> source,
                         std::span<const std::vector<std::int32_t>> answers);

/// What the decoder begins with, behind the name of the architecture.
inline constexpr std::string_view kGgufStartTokenKey = ".decoder_start_token_id";

/// Tokens that answers begin and end with, as config.json and generation_config.json say.
struct Seq2SeqTokens {
  std::int32_t start = 0;         ///< what the decoder reads first; not part of the answer
  std::vector<std::int32_t> end;  ///< sorted
  std::optional<std::int32_t> forced_first;      ///< of every answer
  std::optional<std::int32_t> forced_last;       ///< of answers as long as is allowed
  std::vector<std::vector<std::int32_t>> never;  ///< sequences that no answer has
  std::optional<std::int32_t> padding;

  /// Reads what both objects say, the second one first. Throws Error(input) without a start token.
  static Seq2SeqTokens read(const Json& config, const Json& generation_config);
  /// ARCHITECTURE.decoder_start_token_id, else the padding token, with which T5 begins; the end is
  /// the tokenizer's. Throws Error(input) when neither is there.
  static Seq2SeqTokens of_gguf(const GgufFile& file, const Tokenizer& tokenizer);
  /// The keys that read() takes from config.json.
  Json to_json() const;
};

}  // namespace bantam
