#include "bantam/generate/seq2seq_answer.h"

#include "bantam/base/error.h"
#include "bantam/model/hf_config.h"

namespace bantam {
namespace {

EarlyStopping early_stopping_of(const Json& value) {
  if (value.is_boolean()) return value ? EarlyStopping::when_full : EarlyStopping::by_score;
  if (value == "never") return EarlyStopping::when_proven;
  throw input_error("early_stopping should be true, false or \"never\", found {}",
                    escaped(dump_json(value), 60));
}

// A token that generation_config.json or config.json names for the decoder to begin or end with.
void require_token(const char* name, std::optional<std::int32_t> token, std::int64_t vocabulary) {
  if (!token || (*token >= 0 && *token < vocabulary)) return;
  throw input_error("{} is token {}; the model's vocabulary has {}", name, *token,
                    with_commas(vocabulary));
}

}  // namespace

Seq2SeqOptions Seq2SeqOptions::from_generation_config(const Json& generation_config) {
  const HfConfig file(generation_config, "generation_config.json");
  Seq2SeqOptions options;
  options.beams = static_cast<int>(file.integer("num_beams").value_or(1));
  options.n = static_cast<int>(file.integer("num_return_sequences").value_or(1));
  options.length_penalty = file.number("length_penalty").value_or(1);
  options.repetition_penalty = file.number("repetition_penalty").value_or(1);
  if (file.has("early_stopping")) {
    options.early_stopping = early_stopping_of(file.json()["early_stopping"]);
  }
  // max_length counts the start token, too.
  const auto longest = file.integer("max_length");
  options.max_tokens = file.integer("max_new_tokens")
                           .value_or(longest ? std::max<std::int64_t>(*longest - 1, 1) : 0);
  return options;
}

Completion answer_text(const LoadedSeq2Seq& loaded, const std::vector<std::int32_t>& text,
                       const Seq2SeqOptions& options,
                       const std::shared_ptr<const Tokenizer>& tokenizer) {
  if (text.empty()) throw input_error("an encoder-decoder answers to a text; found no tokens");
  const Seq2SeqTokens& tokens = loaded.tokens;
  const std::int64_t vocabulary = loaded.model->config().vocabulary;
  require_token("forced_bos_token_id", tokens.forced_first, vocabulary);
  require_token("forced_eos_token_id", tokens.forced_last, vocabulary);

  Request request;
  request.prompt = {tokens.start};
  request.options.n = options.n;
  request.options.length_penalty = options.length_penalty;
  request.options.sampler.repetition_penalty = options.repetition_penalty;
  if (options.max_tokens > 0) request.options.max_tokens = options.max_tokens;
  BeamSettings settings;
  settings.beams = options.beams;
  settings.context = loaded.model->config().context;
  // One beam whose best token ends it is done: greedy.
  settings.early_stopping = options.beams == 1 ? EarlyStopping::when_full : options.early_stopping;
  settings.forced_first = tokens.forced_first;
  settings.forced_last = tokens.forced_last;
  settings.source = loaded.model->encode_for_answers({&text, 1});
  const AnswerTokens answer{tokens.end, tokens.never};
  return beam_search(*loaded.model, tokenizer, answer, request, settings);
}

}  // namespace bantam
