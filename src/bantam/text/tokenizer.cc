#include "bantam/text/tokenizer.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/text/added_tokens.h"
#include "bantam/text/model_input.h"
#include "bantam/text/normalizer.h"
#include "bantam/text/piece_encoder.h"
#include "bantam/text/post_processor.h"
#include "bantam/text/pre_tokenizer.h"
#include "bantam/text/token_texts.h"
#include "bantam/text/tokenizer_json.h"
#include "bantam/text/vocabulary_check.h"

namespace bantam {
namespace {

bool is_added(const Vocabulary& vocabulary, std::size_t id) {
  const TokenType type = vocabulary.types[id];
  if (type == TokenType::user_defined) return vocabulary.cuts_user_defined;
  return type == TokenType::control;
}

std::string normalized_text(const Normalizer& normalizer, std::string_view content) {
  AlignedText text(content);
  normalizer.apply(text);
  return std::string(text.view());
}

/// Added tokens that are looked for before the normalizer, or, with one given, after it.
AddedTokenMatcher matcher(const Vocabulary& vocabulary, const Normalizer* normalizer) {
  std::unordered_map<std::int32_t, AddedTokenMatch> special_cases;
  for (const AddedTokenMatch& match : vocabulary.matching) special_cases[match.id] = match;
  std::vector<AddedToken> tokens;
  std::unordered_set<std::string> texts;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (!is_added(vocabulary, id)) continue;
    AddedTokenMatch match{.id = static_cast<std::int32_t>(id)};
    if (const auto found = special_cases.find(match.id); found != special_cases.end()) {
      match = found->second;
    }
    if (match.normalized != (normalizer != nullptr)) continue;
    std::string text = vocabulary.tokens[id];
    if (normalizer) {
      text = normalized_text(*normalizer, text);
      if (!texts.insert(text).second) continue;  // "<A>" and "<a>" in lowercase: the first is meant
    }
    tokens.push_back({match, std::move(text), vocabulary.types[id] == TokenType::control});
  }
  return AddedTokenMatcher(std::move(tokens));
}

bool touches(std::span<const ByteRange> ranges, const ByteRange& place) {
  const auto next =
      std::upper_bound(ranges.begin(), ranges.end(), place.first,
                       [](std::size_t at, const ByteRange& r) { return at < r.second; });
  return next != ranges.end() && next->first < place.second;
}

PreTokenizer pre_tokenizer_of(const Vocabulary& vocabulary) {
  const bool bytes = vocabulary.kind == TokenModelKind::byte_bpe;
  return PreTokenizer::from_json(parse_json(vocabulary.pre_tokenizer_json),
                                 bytes ? PreTokenizer::Bytes::raw : PreTokenizer::Bytes::spelled);
}

}  // namespace

struct Tokenizer::Parts {
  explicit Parts(Vocabulary checked)
      : vocabulary(std::move(checked)),
        normalizer(Normalizer::from_json(parse_json(vocabulary.normalizer_json))),
        before_normalizing(matcher(vocabulary, nullptr)),
        after_normalizing(matcher(vocabulary, &normalizer)),
        pre_tokenizer(pre_tokenizer_of(vocabulary)),
        encoder(vocabulary),
        post_processor(
            PostProcessor::from_json(parse_json(vocabulary.post_processor_json), vocabulary)),
        texts(vocabulary) {}

  /// What lies between added tokens.
  void encode_text(AlignedText text, Encoding& out) const {
    thread_local std::vector<MergedToken> tokens;
    const PreTokenized split = pre_tokenizer.split(std::move(text));
    const std::string_view view = split.text.view();
    for (const Piece& piece : split.pieces) {
      tokens.clear();
      encoder.encode(view.substr(piece.begin, piece.end - piece.begin), tokens);
      std::uint32_t at = piece.begin;
      for (const MergedToken& token : tokens) {
        out.ids.push_back(token.id);
        out.offsets.push_back(split.text.origin(at, at + token.length));
        at += token.length;
      }
    }
  }

  const Vocabulary vocabulary;
  const Normalizer normalizer;
  const AddedTokenMatcher before_normalizing, after_normalizing;
  const PreTokenizer pre_tokenizer;
  const PieceEncoder encoder;
  const PostProcessor post_processor;
  const TokenTexts texts;
};

Tokenizer::Tokenizer(std::unique_ptr<const Parts> parts) : parts_(std::move(parts)) {}
Tokenizer::~Tokenizer() = default;

std::shared_ptr<const Tokenizer> Tokenizer::from_tokenizer_json(std::string_view json_text,
                                                                std::string_view where) {
  try {
    return from_vocabulary(vocabulary_from_tokenizer_json(json_text));
  } catch (const Error& error) {
    throw error.at(where);
  }
}

std::shared_ptr<const Tokenizer> Tokenizer::from_vocabulary(Vocabulary vocabulary) {
  check_vocabulary(vocabulary);
  return std::shared_ptr<const Tokenizer>(
      new Tokenizer(std::make_unique<const Parts>(std::move(vocabulary))));
}

Encoding Tokenizer::encode(std::string_view text, Special special) const {
  const auto length = static_cast<std::uint32_t>(text.size());
  const ByteRange everything{0, length};
  const bool plain = special == Special::plain && length > 0;
  return encode(text, std::span<const ByteRange>(&everything, plain ? 1 : 0));
}

Encoding Tokenizer::encode(std::string_view text, std::span<const ByteRange> literal) const {
  if (text.size() > 0x7FFFFFFF) {
    throw input_error("tokenizer: expected a text under 2 GiB, found {} bytes; split it",
                      with_commas(static_cast<std::int64_t>(text.size())));
  }
  const Parts& parts = *parts_;
  Encoding out;
  out.ids.reserve(text.size() / 4 + 4);
  out.offsets.reserve(text.size() / 4 + 4);
  const auto add = [&](std::int32_t id, const ByteRange& range) {
    out.ids.push_back(id);
    out.offsets.push_back(range);
  };
  std::vector<Stretch> stretches, inner;
  const AlignedText input(text);
  parts.before_normalizing.split(
      text, stretches, [&](const AddedToken& token, std::size_t begin, std::size_t end) {
        return !token.special || !touches(literal, input.origin(begin, end));
      });
  for (const Stretch& stretch : stretches) {
    if (stretch.id >= 0) {
      add(stretch.id, {stretch.begin, stretch.end});
      continue;
    }
    AlignedText part = input.part(stretch.begin, stretch.end);
    parts.normalizer.apply(part);
    if (parts.after_normalizing.empty()) {
      parts.encode_text(std::move(part), out);
      continue;
    }
    inner.clear();
    parts.after_normalizing.split(
        part.view(), inner, [&](const AddedToken& token, std::size_t begin, std::size_t end) {
          return !token.special || !touches(literal, part.origin(begin, end));
        });
    for (const Stretch& piece : inner) {
      if (piece.id >= 0) {
        add(piece.id, part.origin(piece.begin, piece.end));
      } else {
        parts.encode_text(part.part(piece.begin, piece.end), out);
      }
    }
  }
  return out;
}

ModelInput Tokenizer::model_input(std::string_view first,
                                  std::optional<std::string_view> second) const {
  const PostProcessor& processor = parts_->post_processor;
  std::vector<Encoding> texts;
  texts.push_back(encode(first));
  if (second) texts.push_back(encode(*second));
  if (processor.trims_offsets()) {
    const auto text_of = [this](std::int32_t id) { return token_bytes(id); };
    for (Encoding& text : texts) trim_offsets(text, processor.adds_prefix_space(), text_of);
  }
  return assembled_input(second ? processor.pair() : processor.single(), texts);
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  return parts_->texts.decode(ids, [&](std::int32_t id) {
    return is_special(id) && skip_special;  // checks the id in any case
  });
}

int Tokenizer::vocabulary_size() const { return static_cast<int>(parts_->texts.size()); }
std::optional<std::int32_t> Tokenizer::bos() const { return parts_->vocabulary.bos; }
std::optional<std::int32_t> Tokenizer::eos() const { return parts_->vocabulary.eos; }
std::optional<std::int32_t> Tokenizer::pad() const { return parts_->vocabulary.pad; }
bool Tokenizer::add_bos() const { return parts_->vocabulary.add_bos; }

std::string_view Tokenizer::token_bytes(std::int32_t id) const {
  if (id < 0 || id >= vocabulary_size()) {
    throw input_error("tokenizer: expected a token id from 0 to {}, found {}",
                      vocabulary_size() - 1, id);
  }
  return parts_->texts.bytes(id);
}

bool Tokenizer::is_special(std::int32_t id) const {
  token_bytes(id);  // checks the id
  const TokenType type = parts_->vocabulary.types[static_cast<std::size_t>(id)];
  return type == TokenType::control || type == TokenType::unused || type == TokenType::unknown;
}

std::optional<std::int32_t> Tokenizer::find(std::string_view text) const {
  return parts_->texts.find(text);
}

std::vector<std::int32_t> Tokenizer::end_of_generation() const {
  // What chat models of the known families write when they are done.
  static constexpr std::string_view names[] = {"<|im_end|>",
                                               "<|eot_id|>",
                                               "<|eom_id|>",
                                               "<|endoftext|>",
                                               "<|end_of_text|>",
                                               "<end_of_turn>",
                                               "<|end|>",
                                               "</s>",
                                               "<eos>",
                                               "<|eot|>",
                                               "<|end_of_turn|>",
                                               "<EOT>",
                                               "<|EOT|>",
                                               "<|return|>",
                                               "<|call|>",
                                               "<|user|>",
                                               "<|observation|>",
                                               "<｜end▁of▁sentence|>",
                                               "<｜end▁of▁sentence｜>"};
  std::vector<std::int32_t> ids;
  if (eos()) ids.push_back(*eos());
  for (const std::string_view name : names) {
    const auto id = find(name);
    if (id && is_special(*id)) ids.push_back(*id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::string Tokenizer::to_tokenizer_json() const {
  return bantam::tokenizer_json_of(parts_->vocabulary);
}
const Vocabulary& Tokenizer::vocabulary() const { return parts_->vocabulary; }

}  // namespace bantam
