#include "bantam/model/seq2seq.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/model/architecture.h"
#include "bantam/model/gguf.h"
#include "bantam/model/text_encoder.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/tape.h"
#include "bantam/text/tokenizer.h"

namespace bantam {
namespace {

std::vector<std::int64_t> lengths_of(std::span<const std::vector<std::int32_t>> texts) {
  std::vector<std::int64_t> lengths;
  for (const auto& text : texts) lengths.push_back(std::ssize(text));
  return lengths;
}

// generation_config.json stands above config.json, which held these keys before it existed.
const Json* find(const Json& config, const Json& generation, const char* key) {
  for (const Json* file : {&generation, &config}) {
    const auto found = file->find(key);
    if (found != file->end() && !found->is_null()) return &*found;
  }
  return nullptr;
}

std::int32_t token_id(const Json& value, const char* key) {
  if (!value.is_number_integer()) {
    throw input_error("{} should be a token, found {}", key, escaped(dump_json(value), 60));
  }
  return value.get<std::int32_t>();
}

// One token or a list of them, sorted.
std::vector<std::int32_t> token_ids(const Json* value, const char* key) {
  std::vector<std::int32_t> ids;
  if (value == nullptr) return ids;
  if (value->is_array()) {
    for (const Json& item : *value) ids.push_back(token_id(item, key));
  } else {
    ids.push_back(token_id(*value, key));
  }
  std::ranges::sort(ids);
  return ids;
}

std::optional<std::int32_t> first_id(const Json* value, const char* key) {
  const std::vector<std::int32_t> ids = token_ids(value, key);
  if (ids.empty()) return std::nullopt;
  return ids.front();
}

// An end token among them counts for nothing, as in transformers.
std::vector<std::vector<std::int32_t>> bad_words(const Json* value,
                                                 const std::vector<std::int32_t>& end) {
  std::vector<std::vector<std::int32_t>> words;
  if (value == nullptr || !value->is_array()) return words;
  for (const Json& item : *value) {
    if (!item.is_array() || item.empty()) continue;
    std::vector<std::int32_t> word;
    for (const Json& id : item) word.push_back(token_id(id, "bad_words_ids"));
    const bool is_end = word.size() == 1 && std::ranges::binary_search(end, word.front());
    if (!is_end) words.push_back(std::move(word));
  }
  return words;
}

}  // namespace

Seq2SeqModel::Seq2SeqModel(const Architecture& architecture, DecoderConfig config, Weights weights)
    : CausalLM(architecture, std::move(config), std::move(weights)) {
  if (!this->config().encoder) {
    throw input_error("the {} family has no encoder; expected an encoder-decoder",
                      architecture.name);
  }
}

std::shared_ptr<const Source> Seq2SeqModel::encode(std::span<const std::vector<std::int32_t>> texts,
                                                   Taps* taps) const {
  Source source;
  source.lengths = lengths_of(texts);
  source.states = encoded(make_encoder_batch(texts), taps);
  return std::make_shared<const Source>(std::move(source));
}

std::shared_ptr<const Source> Seq2SeqModel::encode_for_answers(
    std::span<const std::vector<std::int32_t>> texts) const {
  const Tape::Paused paused;
  const RoundActivations rounded(Rounding::passage);
  Source source = *encode(texts);
  for (const DecoderLayer& layer : weights().layers) {
    source.heads.push_back(layer.cross.source_heads(source.states, config(), nullptr));
  }
  return std::make_shared<const Source>(std::move(source));
}

Batch make_seq2seq_batch(std::shared_ptr<const Source> source,
                         std::span<const std::vector<std::int32_t>> answers) {
  if (source->lengths.size() != answers.size()) {
    throw input_error("encoder-decoder: {} answers for {} texts", answers.size(),
                      source->lengths.size());
  }
  Batch batch = make_batch(answers);
  std::int32_t begin = 0;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const std::int32_t end = begin + static_cast<std::int32_t>(source->lengths[i]);
    for (std::size_t t = 0; t < answers[i].size(); ++t) batch.source_rows.push({{begin, end}});
    begin = end;
  }
  batch.source_rows.key_rows = begin;
  batch.source = std::move(source);
  return batch;
}

Seq2SeqTokens Seq2SeqTokens::read(const Json& config, const Json& generation) {
  const auto value = [&](const char* key) { return find(config, generation, key); };
  Seq2SeqTokens tokens;
  tokens.padding = first_id(value("pad_token_id"), "pad_token_id");
  const Json* start = value("decoder_start_token_id");
  if (start == nullptr) start = value("bos_token_id");
  if (start == nullptr) {
    throw input_error(
        "config.json names no decoder_start_token_id: what the decoder of this model begins with "
        "is not known");
  }
  tokens.start = *first_id(start, "decoder_start_token_id");
  tokens.end = token_ids(value("eos_token_id"), "eos_token_id");
  tokens.forced_first = first_id(value("forced_bos_token_id"), "forced_bos_token_id");
  tokens.forced_last = first_id(value("forced_eos_token_id"), "forced_eos_token_id");
  tokens.never = bad_words(value("bad_words_ids"), tokens.end);
  return tokens;
}

Seq2SeqTokens Seq2SeqTokens::of_gguf(const GgufFile& file, const Tokenizer& tokenizer) {
  const std::string key =
      file.require_string("general.architecture") + std::string(kGgufStartTokenKey);
  Seq2SeqTokens tokens;
  tokens.padding = tokenizer.pad();
  tokens.end = tokenizer.end_of_generation();
  const auto start = file.integer(key);
  if (!start && !tokens.padding) {
    throw input_error("{}: key '{}' is missing, and there is no padding token", file.description(),
                      key);
  }
  tokens.start = start ? static_cast<std::int32_t>(*start) : *tokens.padding;
  return tokens;
}

Json Seq2SeqTokens::to_json() const {
  Json out = {{"decoder_start_token_id", start}};
  if (padding) out["pad_token_id"] = *padding;
  if (end.size() == 1) out["eos_token_id"] = end.front();
  if (end.size() > 1) out["eos_token_id"] = end;
  if (forced_first) out["forced_bos_token_id"] = *forced_first;
  if (forced_last) out["forced_eos_token_id"] = *forced_last;
  if (!never.empty()) out["bad_words_ids"] = never;
  return out;
}

}  // namespace bantam
