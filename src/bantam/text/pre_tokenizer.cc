#include "bantam/text/pre_tokenizer.h"

#include <map>

#include "bantam/base/error.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr std::string_view part = "pre_tokenizer";

struct Kind {
  std::string_view type;
  PreTokenizerStepPtr (*make)(const Json& value);
};

constexpr Kind kinds[] = {{"Split", split_step},
                          {"Digits", digits_step},
                          {"Whitespace", whitespace_step},
                          {"WhitespaceSplit", whitespace_split_step},
                          {"BertPreTokenizer", bert_step},
                          {"Punctuation", punctuation_step},
                          {"CharDelimiterSplit", delimiter_step},
                          {"Metaspace", metaspace_step},
                          {"UnicodeScripts", unicode_scripts_step},
                          {"FixedLength", fixed_length_step}};

/// The settings in the order of their names; what may be left out is false.
std::string signature_of(const Json& step) {
  std::map<std::string, std::string> settings = {{"invert", "false"},
                                                 {"individual_digits", "false"}};
  for (const auto& [name, value] : step.items()) settings[name] = dump_json(value);
  std::string signature;
  for (const auto& [name, value] : settings) signature += fmt::format("{}={} ", name, value);
  return signature;
}

/// Valid stretches of the text, and the invalid bytes between them.
std::vector<Piece> stretches_of(std::string_view text) {
  std::vector<Piece> pieces;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t valid = valid_utf8_prefix(text.substr(at));
    if (valid > 0) {
      pieces.push_back({static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(at + valid)});
    }
    at += valid;
    const std::size_t invalid = at;
    while (at < text.size()) {
      const CodePoint c = code_point_at(text, at);
      if (c.valid) break;
      at += static_cast<std::size_t>(c.length);
    }
    if (at > invalid) {
      pieces.push_back({static_cast<std::uint32_t>(invalid), static_cast<std::uint32_t>(at), true});
    }
  }
  return pieces;
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const Json& value, Bytes bytes) {
  PreTokenizer result;
  result.json_ = value;
  if (!value.is_null()) result.add_steps(value, 0);
  if (result.byte_level_ && bytes == Bytes::raw) result.steps_.pop_back();
  return result;
}

PreTokenizer PreTokenizer::from_name(std::string_view name) {
  return from_json(parse_json(named_pre_tokenizer(name).json));
}

void PreTokenizer::add_steps(const Json& value, int depth) {
  if (depth > 8) throw input_error("{}: Sequence nested deeper than 8", part);
  const std::string type = json_type(value, part);
  if (type == "Sequence") {
    for (const Json& step : json_steps(value, "pretokenizers", part)) add_steps(step, depth + 1);
    return;
  }
  byte_level_ = type == "ByteLevel";
  byte_level_ ? add_byte_level(value) : add(value, type);
}

void PreTokenizer::add(const Json& value, const std::string& type) {
  std::string known;
  for (const Kind& kind : kinds) {
    if (kind.type == type) {
      steps_.push_back(kind.make(value));
      signature_ += signature_of(value);
      return;
    }
    known += fmt::format("{}, ", kind.type);
  }
  throw input_error("{}: type '{}' is unknown; known are {}ByteLevel, Sequence and null", part,
                    escaped(type), known);
}

void PreTokenizer::add_byte_level(const Json& value) {
  if (json_flag(value, "add_prefix_space", true, part)) {
    steps_.push_back(prefix_space_step());
    signature_ += "prefix space ";
  }
  if (json_flag(value, "use_regex", true, part)) {
    steps_.push_back(gpt2_step());
    signature_ += "gpt2 ";
  }
  steps_.push_back(byte_alphabet_step());
}

PreTokenized PreTokenizer::split(AlignedText text) const {
  PreTokenized state{std::move(text), {}};
  state.pieces = stretches_of(state.text.view());
  for (const auto& step : steps_) step->apply(state);
  return state;
}

}  // namespace bantam
