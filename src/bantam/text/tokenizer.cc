#include "bantam/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/text/added_tokens.h"
#include "bantam/text/bpe.h"
#include "bantam/text/byte_level.h"
#include "bantam/text/normalizer.h"
#include "bantam/text/piece_cache.h"
#include "bantam/text/pre_tokenizer.h"
#include "bantam/text/tokenizer_json.h"
#include "bantam/text/unicode.h"
#include "bantam/text/vocabulary_check.h"

namespace bantam {

struct Tokenizer::Parts {
  BytePairVocabulary vocabulary;
  PreTokenizer pre_tokenizer;
  Normalizer normalizer;
  AddedTokenMatcher before_normalizing, after_normalizing;
  PairMerger merger;
  std::vector<std::string> bytes;                          // of each token
  std::unordered_map<std::string_view, std::int32_t> ids;  // by bytes; a control token wins
  std::unordered_map<std::string_view, std::int32_t> whole_pieces;  // only with ignore_merges
  mutable PieceCache cache;
};

namespace {

bool is_added(TokenType type) {
  return type == TokenType::control || type == TokenType::user_defined;
}

/// Added tokens that are looked for before (or, `normalized`, after) the normalizer.
AddedTokenMatcher matcher(const BytePairVocabulary& vocabulary, bool normalized) {
  std::unordered_map<std::int32_t, AddedTokenMatch> special_cases;
  for (const AddedTokenMatch& match : vocabulary.matching) special_cases[match.id] = match;
  std::vector<AddedToken> tokens;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const TokenType type = vocabulary.types[id];
    if (!is_added(type)) continue;
    AddedTokenMatch match{.id = static_cast<std::int32_t>(id)};
    if (const auto found = special_cases.find(match.id); found != special_cases.end()) {
      match = found->second;
    }
    if (match.normalized != normalized) continue;
    tokens.push_back({match, vocabulary.tokens[id], type == TokenType::control});
  }
  return AddedTokenMatcher(std::move(tokens));
}

std::vector<std::string> bytes_of_tokens(const BytePairVocabulary& vocabulary) {
  std::vector<std::string> bytes(vocabulary.tokens.size());
  for (std::size_t id = 0; id < bytes.size(); ++id) {
    const std::string& text = vocabulary.tokens[id];
    bytes[id] = is_added(vocabulary.types[id]) ? text : from_byte_level(text).value_or(text);
  }
  return bytes;
}

/// State of one encode call: the text between added tokens goes through normalizer, splitter and
/// merger.
class Encoder {
 public:
  Encoder(const PreTokenizer& splitter, Encoding& out) : splitter_(splitter), out_(out) {}

  /// `origin` maps the bytes of `text` to the input when they differ; otherwise they begin at
  /// `base`.
  template <class MergePiece>
  void encode(std::string_view text, std::uint32_t base, const std::vector<ByteRange>* origin,
              MergePiece merge_piece) {
    std::string spaced;
    std::uint32_t shift = 0;  // bytes of `text` that are not in the input
    if (splitter_.add_prefix_space() && !text.starts_with(' ')) {
      spaced = " ";
      spaced += text;
      text = spaced;
      shift = 1;
    }
    const auto input_range = [&](std::uint32_t begin, std::uint32_t end) -> ByteRange {
      begin = std::max(begin, shift) - shift;
      end = std::max(end, shift) - shift;
      if (!origin) return {base + begin, base + end};
      if (begin == end) return {base, base};
      return {base + (*origin)[begin].first, base + (*origin)[end - 1].second};
    };
    splitter_.split(text, pieces_);
    for (const Piece& piece : pieces_) {
      merged_.clear();
      merge_piece(text.substr(piece.begin, piece.end - piece.begin), merged_);
      std::uint32_t at = piece.begin;
      for (const MergedToken& token : merged_) {
        out_.ids.push_back(token.id);
        out_.offsets.push_back(input_range(at, at + token.length));
        at += token.length;
      }
    }
  }

 private:
  const PreTokenizer& splitter_;
  Encoding& out_;
  std::vector<Piece> pieces_;
  std::vector<MergedToken> merged_;
};

bool touches(std::span<const ByteRange> ranges, std::size_t begin, std::size_t end) {
  const auto next =
      std::upper_bound(ranges.begin(), ranges.end(), begin,
                       [](std::size_t at, const ByteRange& r) { return at < r.second; });
  return next != ranges.end() && next->first < end;
}

}  // namespace

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

std::shared_ptr<const Tokenizer> Tokenizer::from_vocabulary(BytePairVocabulary vocabulary) {
  const CheckedVocabulary checked = check_vocabulary(vocabulary);
  std::unique_ptr<Parts> parts(new Parts{
      .vocabulary = {},
      .pre_tokenizer = PreTokenizer::from_json(parse_json(vocabulary.pre_tokenizer_json)),
      .normalizer = Normalizer::from_json(parse_json(vocabulary.normalizer_json)),
      .before_normalizing = matcher(vocabulary, false),
      .after_normalizing = matcher(vocabulary, true),
      .merger =
          PairMerger(checked.byte_ids, checked.merges,
                     vocabulary.emit_unk ? vocabulary.unk.value_or(-1) : -1, vocabulary.fuse_unk),
      .bytes = bytes_of_tokens(vocabulary),
      .ids = {},
      .whole_pieces = {},
      .cache = {}});
  parts->vocabulary = std::move(vocabulary);
  parts->ids.reserve(parts->bytes.size());
  for (std::size_t id = 0; id < parts->bytes.size(); ++id) {
    const TokenType type = parts->vocabulary.types[id];
    if (type == TokenType::unused) continue;
    const auto value = static_cast<std::int32_t>(id);
    const auto [place, is_new] = parts->ids.try_emplace(parts->bytes[id], value);
    if (!is_new && type == TokenType::control) place->second = value;
    if (parts->vocabulary.ignore_merges && type == TokenType::normal) {
      parts->whole_pieces.try_emplace(parts->bytes[id], value);
    }
  }
  return std::shared_ptr<const Tokenizer>(new Tokenizer(std::move(parts)));
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
  Encoder encoder(parts.pre_tokenizer, out);
  const auto merge_piece = [&](std::string_view piece, std::vector<MergedToken>& merged) {
    if (parts.cache.find(piece, merged)) return;
    if (const auto whole = parts.whole_pieces.find(piece); whole != parts.whole_pieces.end()) {
      merged.push_back({whole->second, static_cast<std::uint32_t>(piece.size())});
    } else {
      parts.merger.merge(piece, merged);
    }
    parts.cache.store(piece, merged.data(), merged.size());
  };

  std::vector<Stretch> stretches, inner;
  parts.before_normalizing.split(text, stretches,
                                 [&](const AddedToken& token, std::size_t begin, std::size_t end) {
                                   return !token.special || !touches(literal, begin, end);
                                 });
  for (const Stretch& stretch : stretches) {
    if (stretch.id >= 0) {
      out.ids.push_back(stretch.id);
      out.offsets.emplace_back(stretch.begin, stretch.end);
      continue;
    }
    const std::string_view part = text.substr(stretch.begin, stretch.end - stretch.begin);
    const Normalizer::Result normalized = parts.normalizer.apply(part);
    const std::string_view prepared = normalized.changed ? normalized.text : part;
    const auto input_range = [&](std::size_t begin, std::size_t end) -> ByteRange {
      if (normalized.changed) {
        begin = normalized.origin[begin].first;
        end = normalized.origin[end - 1].second;
      }
      return {stretch.begin + begin, stretch.begin + end};
    };
    inner.clear();
    parts.after_normalizing.split(
        prepared, inner, [&](const AddedToken& token, std::size_t begin, std::size_t end) {
          const ByteRange range = input_range(begin, end);
          return !token.special || !touches(literal, range.first, range.second);
        });
    for (const Stretch& piece : inner) {
      if (piece.id >= 0) {
        out.ids.push_back(piece.id);
        out.offsets.push_back(input_range(piece.begin, piece.end));
        continue;
      }
      const std::string_view rest = prepared.substr(piece.begin, piece.end - piece.begin);
      if (normalized.changed) {
        const std::vector<ByteRange> origin(normalized.origin.begin() + piece.begin,
                                            normalized.origin.begin() + piece.end);
        encoder.encode(rest, stretch.begin, &origin, merge_piece);
      } else {
        encoder.encode(rest, stretch.begin + piece.begin, nullptr, merge_piece);
      }
    }
  }
  return out;
}

std::string Tokenizer::decode(std::span<const std::int32_t> ids, bool skip_special) const {
  std::string text;
  for (const std::int32_t id : ids) {
    const std::string_view bytes = token_bytes(id);
    if (!(skip_special && is_special(id))) text += bytes;
  }
  return text;
}

int Tokenizer::vocabulary_size() const { return static_cast<int>(parts_->bytes.size()); }
std::optional<std::int32_t> Tokenizer::bos() const { return parts_->vocabulary.bos; }
std::optional<std::int32_t> Tokenizer::eos() const { return parts_->vocabulary.eos; }
std::optional<std::int32_t> Tokenizer::pad() const { return parts_->vocabulary.pad; }
bool Tokenizer::add_bos() const { return parts_->vocabulary.add_bos; }

std::string_view Tokenizer::token_bytes(std::int32_t id) const {
  if (id < 0 || id >= vocabulary_size()) {
    throw input_error("tokenizer: expected a token id from 0 to {}, found {}",
                      vocabulary_size() - 1, id);
  }
  return parts_->bytes[id];
}

bool Tokenizer::is_special(std::int32_t id) const {
  token_bytes(id);  // checks the id
  const TokenType type = parts_->vocabulary.types[id];
  return type == TokenType::control || type == TokenType::unused || type == TokenType::unknown;
}

std::optional<std::int32_t> Tokenizer::find(std::string_view text) const {
  const auto found = parts_->ids.find(text);
  if (found == parts_->ids.end()) return std::nullopt;
  return found->second;
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
const BytePairVocabulary& Tokenizer::vocabulary() const { return parts_->vocabulary; }

}  // namespace bantam
