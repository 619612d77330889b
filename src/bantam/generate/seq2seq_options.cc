#include "bantam/generate/seq2seq_options.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/generate/generation_defaults.h"

namespace bantam {
namespace {

EarlyStopping early_stopping_of(const Json& value) {
  if (value.is_boolean()) return value ? EarlyStopping::when_full : EarlyStopping::by_score;
  if (value == "never") return EarlyStopping::when_proven;
  throw input_error("early_stopping should be true, false or \"never\", found {}",
                    escaped(dump_json(value), 60));
}

// max_length of transformers counts the start token, too.
std::int64_t tokens_of_length(std::int64_t length) { return std::max<std::int64_t>(length - 1, 1); }

void require_search(const GenerateOptions& wanted, const Json& config) {
  const SamplerOptions& sampler = wanted.sampler;
  const std::pair<const char*, bool> asked[] = {
      {"temperature", sampler.temperature.value_or(0) > 0},
      {"top_k", sampler.top_k.has_value()},
      {"top_p", sampler.top_p.has_value()},
      {"min_p", sampler.min_p.has_value()},
      {"typical_p", sampler.typical_p.has_value()},
      {"decode sample",
       wanted.decode && parse_decoding(*wanted.decode).kind == Decoding::Kind::sample}};
  for (const auto& [name, is_asked] : asked) {
    if (!is_asked) continue;
    throw usage_error(
        "{}: an encoder-decoder searches for its answer and draws no samples; expected decode "
        "greedy or beam:B",
        name);
  }
  if (!wanted.decode && !sampler.temperature && says_yes(config, "do_sample")) {
    throw usage_error(
        "generation_config.json asks for samples (do_sample), which are not drawn of an "
        "encoder-decoder; choose decode greedy or beam:B");
  }
}

std::optional<int> beams_wanted(const GenerateOptions& wanted) {
  if (wanted.decode) return parse_decoding(*wanted.decode).beams;
  if (wanted.sampler.temperature) return 1;  // 0, the limit of sampling
  return std::nullopt;
}

std::int64_t longest_answer(const GenerateOptions& wanted, const Json& config,
                            std::vector<std::string>& told) {
  std::optional<std::int64_t> tokens = wanted.max_tokens, length;
  take_default(tokens, config, "max_new_tokens", 1, 1e9, told);
  if (tokens) return *tokens;
  take_default(length, config, "max_length", 1, 1e9, told);
  return length ? tokens_of_length(*length) : 0;
}

std::int64_t shortest_answer(const GenerateOptions& wanted, const Json& config,
                             std::vector<std::string>& told) {
  std::optional<std::int64_t> tokens = wanted.min_tokens, length;
  if (tokens) return *tokens;
  take_default(tokens, config, "min_new_tokens", 1, 1e9, told);
  take_default(length, config, "min_length", 1, 1e9, told);
  return std::max(tokens.value_or(0), length.value_or(1) - 1);
}

int size_of_runs(std::optional<int> wanted, const Json& config, const char* key,
                 std::vector<std::string>& told) {
  take_default(wanted, config, key, 1, 1024, told);
  return wanted.value_or(0);
}

void take_early_stopping(EarlyStopping& field, const Json& config, std::vector<std::string>& told) {
  const auto found = config.find("early_stopping");
  if (found == config.end() || found->is_null() || *found == Json(false)) return;
  field = early_stopping_of(*found);
  told.push_back(fmt::format("early_stopping {}", dump_json(*found)));
}

// Keys that would change answers, and the value that changes nothing.
void tell_what_is_left_out(const Json& config, std::vector<std::string>& told) {
  constexpr std::pair<const char*, double> kKeys[] = {
      {"encoder_repetition_penalty", 1}, {"num_beam_groups", 1}, {"num_return_sequences", 1}};
  for (const auto& [key, nothing] : kKeys) {
    const auto found = config.find(key);
    if (found == config.end() || !found->is_number() || found->get<double>() == nothing) continue;
    told.push_back(fmt::format("{} {} (not applied)", key, dump_json(*found)));
  }
}

}  // namespace

Seq2SeqOptions seq2seq_options(const GenerateOptions& wanted, const Json& config,
                               std::vector<std::string>& told) {
  require_search(wanted, config);
  Seq2SeqOptions options;
  options.n = wanted.n;
  options.stop = wanted.stop;
  options.ignore_eos = wanted.ignore_eos;
  options.logprobs = wanted.logprobs;
  std::optional<int> beams = beams_wanted(wanted);
  take_default(beams, config, "num_beams", 2, 1024, told);
  options.beams = beams.value_or(1);
  std::optional<double> length_penalty = wanted.length_penalty;
  if (options.beams > 1) {
    take_default(length_penalty, config, "length_penalty", -100, 100, told);
    take_early_stopping(options.early_stopping, config, told);
  }
  options.length_penalty = length_penalty.value_or(1);
  std::optional<double> repetition = wanted.sampler.repetition_penalty;
  take_default(repetition, config, "repetition_penalty", 1e-6, 1e6, told);
  options.repetition_penalty = repetition.value_or(1);
  options.max_tokens = longest_answer(wanted, config, told);
  options.min_tokens = shortest_answer(wanted, config, told);
  options.no_repeat_ngram =
      size_of_runs(wanted.no_repeat_ngram, config, "no_repeat_ngram_size", told);
  options.no_source_ngram =
      size_of_runs(std::nullopt, config, "encoder_no_repeat_ngram_size", told);
  tell_what_is_left_out(config, told);
  return options;
}

}  // namespace bantam
