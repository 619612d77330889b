#include "bantam/generate/seq2seq_answer.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/generate/beam_search.h"
#include "bantam/generate/generation_report.h"

namespace bantam {
namespace {

// A token that generation_config.json or config.json names for the decoder to begin or end with.
void require_token(const char* name, std::optional<std::int32_t> token, std::int64_t vocabulary) {
  if (!token || (*token >= 0 && *token < vocabulary)) return;
  throw input_error("{} is token {}; the model's vocabulary has {}", name, *token,
                    with_commas(vocabulary));
}

Request request_of(std::int32_t start, const Seq2SeqOptions& options) {
  Request request;
  request.prompt = {start};
  request.options.n = options.n;
  request.options.length_penalty = options.length_penalty;
  request.options.sampler.repetition_penalty = options.repetition_penalty;
  request.options.min_tokens = options.min_tokens;
  request.options.no_repeat_ngram = options.no_repeat_ngram;
  request.options.stop = options.stop;
  request.options.ignore_eos = options.ignore_eos;
  request.options.logprobs = options.logprobs;
  if (options.max_tokens > 0) request.options.max_tokens = options.max_tokens;
  return request;
}

// Rows of the table that are no token of the tokenizer.
std::vector<std::int32_t> no_tokens(const LoadedSeq2Seq& loaded) {
  if (!loaded.tokenizer) return {};
  return answer_tokens(*loaded.model, *loaded.tokenizer, Json()).hidden;
}

}  // namespace

Completion answer_text(const LoadedSeq2Seq& loaded, const std::vector<std::int32_t>& text,
                       const Seq2SeqOptions& options, std::function<bool()> cancelled) {
  if (text.empty()) throw input_error("an encoder-decoder answers to a text; found no tokens");
  const Seq2SeqTokens& tokens = loaded.tokens;
  const std::int64_t vocabulary = loaded.model->config().vocabulary;
  require_token("forced_bos_token_id", tokens.forced_first, vocabulary);
  require_token("forced_eos_token_id", tokens.forced_last, vocabulary);

  const Request request = request_of(tokens.start, options);
  BeamSettings settings;
  settings.beams = options.beams;
  settings.cancelled = std::move(cancelled);
  settings.context = loaded.model->config().context;
  // One beam whose best token ends it is done: greedy.
  settings.early_stopping = options.beams == 1 ? EarlyStopping::when_full : options.early_stopping;
  settings.forced_first = tokens.forced_first;
  settings.forced_last = tokens.forced_last;
  settings.source = loaded.model->encode_for_answers({&text, 1});
  settings.forbidden = tokens.never;
  settings.no_source_ngram = options.no_source_ngram;
  if (options.no_source_ngram > 0) settings.source_tokens = text;
  const AnswerTokens answer{tokens.end, no_tokens(loaded)};
  Completion completion = beam_search(*loaded.model, loaded.tokenizer, answer, request, settings);
  completion.prompt_tokens = std::ssize(text);
  return completion;
}

std::vector<Completion> answer_texts(const LoadedSeq2Seq& loaded,
                                     std::span<const std::vector<std::int32_t>> texts,
                                     const Seq2SeqOptions& options, const GenerateHooks& hooks) {
  GenerationReport report(texts.size(), "texts", hooks);
  std::vector<Completion> completions(texts.size());
  for (std::size_t i = 0; i < texts.size() && !report.cancelled(); ++i) {
    try {
      completions[i] =
          answer_text(loaded, texts[i], options, [&report] { return report.cancelled(); });
    } catch (const Error& error) {
      if (texts.size() == 1 || error.kind() != Error::Kind::input) throw;
      completions[i].error = error.what();
    }
    report.show(i, completions[i]);
    report.done(i, completions[i]);
  }
  return completions;
}

}  // namespace bantam
