#include "bantam/text/models/sentence_piece_bpe.h"

#include <algorithm>
#include <cmath>

#include "bantam/text/models/symbol_list.h"
#include "bantam/text/unicode.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

// Symbols that no rule knows: user-defined tokens, by their ids from here on, and no token at all.
constexpr std::int32_t whole_base = 1 << 29;
constexpr std::int32_t no_token = whole_base - 1;

std::unordered_map<std::string_view, std::int32_t> normal_tokens(const Vocabulary& vocabulary) {
  std::unordered_map<std::string_view, std::int32_t> ids;
  ids.reserve(vocabulary.tokens.size());
  for (std::size_t id = 0; id < vocabulary.scores.size(); ++id) {
    if (vocabulary.types[id] != TokenType::normal || vocabulary.tokens[id].empty()) continue;
    if (std::isinf(vocabulary.scores[id])) continue;
    ids.try_emplace(vocabulary.tokens[id], static_cast<std::int32_t>(id));
  }
  auto next = static_cast<std::int32_t>(vocabulary.tokens.size());
  for (const UnlistedPiece& piece : vocabulary.unlisted) ids.try_emplace(piece.text, next++);
  return ids;
}

/// Ranks of tokens and unlisted pieces by score, highest first; equal scores share a rank.
std::vector<std::uint32_t> ranks_by_score(const Vocabulary& vocabulary) {
  std::vector<double> scores = vocabulary.scores;
  if (!vocabulary.unlisted.empty()) scores.resize(vocabulary.tokens.size());
  for (const UnlistedPiece& piece : vocabulary.unlisted) scores.push_back(piece.score);
  std::vector<double> distinct = scores;
  std::sort(distinct.begin(), distinct.end(), std::greater<>());
  distinct.erase(std::unique(distinct.begin(), distinct.end()), distinct.end());
  std::vector<std::uint32_t> ranks;
  ranks.reserve(scores.size());
  for (const double score : scores) {
    const auto at = std::lower_bound(distinct.begin(), distinct.end(), score, std::greater<>());
    ranks.push_back(static_cast<std::uint32_t>(at - distinct.begin()));
  }
  return ranks;
}

}  // namespace

SentencePieceBpe::SentencePieceBpe(const Vocabulary& vocabulary)
    : listed_(static_cast<std::int32_t>(vocabulary.tokens.size())),
      count_(listed_ + static_cast<std::int32_t>(vocabulary.unlisted.size())),
      unk_(vocabulary.unk.value_or(-1)),
      bytes_(vocabulary),
      rules_({}) {
  const TokenIds ids = normal_tokens(vocabulary);
  number_characters(ids);
  make_rules(vocabulary, ids);
  if (vocabulary.cuts_user_defined) return;
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (vocabulary.types[id] == TokenType::user_defined) {
      whole_.insert(vocabulary.tokens[id], static_cast<std::int32_t>(id));
    }
  }
}

void SentencePieceBpe::number_characters(const TokenIds& ids) {
  std::int32_t next = count_;
  for (const auto& [text, id] : ids) {
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = code_point_at(text, at);
      const auto length = static_cast<std::size_t>(c.length);
      if (c.valid && !characters_.contains(c.value)) {
        const auto token = ids.find(text.substr(at, length));
        characters_[c.value] = token != ids.end() ? token->second : next++;
      }
      at += length;
    }
  }
}

/// A rule for every way to cut a token into two that may stand next to each other.
void SentencePieceBpe::make_rules(const Vocabulary& vocabulary, const TokenIds& ids) {
  const auto symbol_of = [&](std::string_view text) {
    if (const auto token = ids.find(text); token != ids.end()) return token->second;
    const CodePoint c = code_point_at(text, 0);
    const bool single = c.valid && static_cast<std::size_t>(c.length) == text.size();
    return single ? characters_.at(c.value) : no_token;
  };
  const std::vector<std::uint32_t> ranks = ranks_by_score(vocabulary);
  std::vector<Merge> merges;
  std::vector<std::uint32_t> merge_ranks;
  for (const auto& [text, id] : ids) {
    for (std::size_t at = static_cast<std::size_t>(code_point_at(text, 0).length); at < text.size();
         at += static_cast<std::size_t>(code_point_at(text, at).length)) {
      const std::int32_t left = symbol_of(text.substr(0, at)), right = symbol_of(text.substr(at));
      if (left == no_token || right == no_token) continue;
      merges.push_back({left, right, id});
      merge_ranks.push_back(ranks[static_cast<std::size_t>(id)]);
    }
  }
  rules_ = MergeRules(merges, merge_ranks);
}

void SentencePieceBpe::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  thread_local std::vector<Symbol> symbols;
  thread_local std::vector<MergedToken> merged;
  symbols.clear();
  merged.clear();
  for (std::size_t at = 0; at < piece.size();) {
    const auto [length, id] = whole_.longest_prefix(piece.substr(at));
    if (length > 0) {
      symbols.push_back({whole_base + id, static_cast<std::uint32_t>(length), 0, 0});
      at += length;
      continue;
    }
    const CodePoint c = code_point_at(piece, at);
    const auto known = c.valid ? characters_.find(c.value) : characters_.end();
    symbols.push_back({known == characters_.end() ? no_token : known->second,
                       static_cast<std::uint32_t>(c.length), 0, 0});
    at += static_cast<std::size_t>(c.length);
  }
  rules_.merge(symbols, merged);
  std::size_t at = 0;
  const std::size_t first = tokens.size();
  bool after_unknown = false;
  for (const auto& [id, length] : merged) {
    const bool is_token = id < count_ || id >= whole_base;
    if (is_token) {
      const std::int32_t token = id >= whole_base ? id - whole_base : id;
      tokens.push_back({token < listed_ ? token : unk_, length});
    } else if (after_unknown && tokens.size() > first && tokens.back().id == unk_) {
      tokens.back().length += length;
    } else {
      add_unknown(piece.substr(at, length), tokens);
    }
    after_unknown = !is_token;
    at += length;
  }
  release_if_large(symbols);
}

void SentencePieceBpe::add_unknown(std::string_view text, std::vector<MergedToken>& tokens) const {
  if (bytes_.have(text)) {
    for (const char byte : text) tokens.push_back({bytes_.id(byte), 1});
  } else {
    tokens.push_back({unk_, static_cast<std::uint32_t>(text.size())});
  }
}

}  // namespace bantam
