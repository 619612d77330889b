#include "bantam/text/decoder.h"

#include <algorithm>
#include <memory>

#include "bantam/base/error.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/json_fields.h"
#include "bantam/text/models/byte_tokens.h"
#include "bantam/text/normalizers/step.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

using Tokens = std::vector<std::string>;
using Step = std::function<void(Tokens&)>;

constexpr std::string_view part = "decoder";

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  if (from.empty()) return;
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at)) {
    text.replace(at, from.size(), to);
    at += to.size();
  }
}

/// English as BERT's tokenizer put it together again.
void clean_up(std::string& text) {
  static constexpr std::pair<std::string_view, std::string_view> rules[] = {
      {" .", "."},   {" ?", "?"},     {" !", "!"},    {" ,", ","},
      {" ' ", "'"},  {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
      {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : rules) replace_all(text, from, to);
}

void fuse(Tokens& tokens) {
  std::string all;
  for (const std::string& token : tokens) all += token;
  tokens.assign(1, std::move(all));
}

void byte_level(Tokens& tokens) {
  for (std::string& token : tokens) token = from_byte_level(token).value_or(token);
  fuse(tokens);
}

/// Runs of byte tokens become their text, or a U+FFFD for each if they are none.
void byte_fallback(Tokens& tokens) {
  Tokens out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (is_valid_utf8(bytes)) {
      out.push_back(bytes);
    } else {
      out.insert(out.end(), bytes.size(), "\uFFFD");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const auto byte = byte_of_token(token)) {
      bytes += static_cast<char>(*byte);
    } else {
      flush();
      out.push_back(std::move(token));
    }
  }
  flush();
  tokens.swap(out);
}

Step word_piece(const Json& value) {
  const std::string prefix = json_string(value, "prefix", part);
  const bool cleans = json_flag(value, "cleanup", true, part);
  return [=](Tokens& tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      if (i > 0) {
        tokens[i].starts_with(prefix) ? tokens[i].erase(0, prefix.size())
                                      : tokens[i].insert(0, " ");
      }
      if (cleans) clean_up(tokens[i]);
    }
  };
}

Step metaspace(const Json& value) {
  std::string symbol;
  append_utf8(symbol, json_character(value, "replacement", part));
  const bool prefixed = json_flag(value, "add_prefix_space", true, part) &&
                        json_string(value, "prepend_scheme", "always", part) != "never";
  return [=](Tokens& tokens) {
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      replace_all(tokens[i], symbol, i == 0 && prefixed ? "" : " ");
    }
  };
}

Step bpe_decoder(const Json& value) {
  const std::string suffix = json_string(value, "suffix", "</w>", part);
  return [=](Tokens& tokens) {
    for (std::string& token : tokens) {
      replace_all(token, suffix, &token == &tokens.back() ? "" : " ");
    }
  };
}

Step strip_ends(const Json& value) {
  std::string content;
  append_utf8(content, json_character(value, "content", part));
  const std::int64_t start = json_integer(value, "start", 0, 1 << 20, part);
  const std::int64_t stop = json_integer(value, "stop", 0, 1 << 20, part);
  return [=](Tokens& tokens) {
    for (std::string& token : tokens) {
      for (std::int64_t i = 0; i < start && token.starts_with(content); ++i) {
        token.erase(0, content.size());
      }
      for (std::int64_t i = 0; i < stop && token.ends_with(content); ++i) {
        token.resize(token.size() - content.size());
      }
    }
  };
}

Step replace_step(const Json& value) {
  const std::shared_ptr<const NormalizerStep> step = replace(value);
  return [step](Tokens& tokens) {
    for (std::string& token : tokens) {
      AlignedText text(token);
      step->apply(text);
      if (text.changed()) token = std::string(text.view());
    }
  };
}

/// Connectionist temporal classification: repeats and padding go.
Step ctc(const Json& value) {
  const std::string pad = json_string(value, "pad_token", "<pad>", part);
  const std::string delimiter = json_string(value, "word_delimiter_token", "|", part);
  const bool cleans = json_flag(value, "cleanup", true, part);
  return [=](Tokens& tokens) {
    tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
    for (std::string& token : tokens) {
      replace_all(token, pad, "");
      if (!cleans) continue;
      clean_up(token);
      replace_all(token, delimiter, " ");
    }
    std::erase(tokens, "");
  };
}

struct Kind {
  std::string_view type;
  Step (*make)(const Json& value);
};

const Kind kinds[] = {{"ByteLevel", [](const Json&) -> Step { return byte_level; }},
                      {"ByteFallback", [](const Json&) -> Step { return byte_fallback; }},
                      {"Fuse", [](const Json&) -> Step { return fuse; }},
                      {"WordPiece", word_piece},
                      {"Metaspace", metaspace},
                      {"BPEDecoder", bpe_decoder},
                      {"Strip", strip_ends},
                      {"Replace", replace_step},
                      {"CTC", ctc}};

}  // namespace

Decoder Decoder::from_json(const Json& value) {
  Decoder result;
  if (value.is_null()) {
    result.separator_ = " ";
  } else {
    result.add(value, 0);
  }
  return result;
}

void Decoder::add(const Json& value, int depth) {
  if (depth > 8) throw input_error("{}: Sequence nested deeper than 8", part);
  const std::string type = json_type(value, part);
  if (type == "Sequence") {
    for (const Json& step : json_steps(value, "decoders", part)) add(step, depth + 1);
    return;
  }
  std::string known;
  for (const Kind& kind : kinds) {
    if (kind.type == type) {
      steps_.push_back(kind.make(value));
      return;
    }
    known += fmt::format("{}, ", kind.type);
  }
  throw input_error("{}: type '{}' is unknown; known are {}Sequence and null", part, escaped(type),
                    known);
}

std::string Decoder::decode(std::vector<std::string> tokens) const {
  for (const Step& step : steps_) step(tokens);
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i > 0) text += separator_;
    text += tokens[i];
  }
  return text;
}

std::string Decoder::inside(std::string_view token) const {
  // Between two letters that no step touches, whatever a step does at the ends of a text is off.
  std::string text = decode({"a", std::string(token), "b"});
  const std::size_t tail = 1 + separator_.size();
  if (text.size() < 1 + tail || text.front() != 'a' || text.back() != 'b')
    return std::string(token);
  return text.substr(1, text.size() - 1 - tail);
}

}  // namespace bantam
