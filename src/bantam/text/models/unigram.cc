#include "bantam/text/models/unigram.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bantam/text/unicode.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

// Both from unigram_model.cc of https://github.com/google/sentencepiece.
constexpr double unk_penalty = 10;
constexpr double user_defined_discount = 0.1;

std::size_t character_length(std::string_view text, std::size_t at) {
  return static_cast<std::size_t>(code_point_at(text, at).length);
}

bool is_found_in_text(const Vocabulary& vocabulary, std::size_t id) {
  const TokenType type = vocabulary.types[id];
  if (vocabulary.tokens[id].empty() || std::isinf(vocabulary.scores[id])) return false;
  if (type == TokenType::normal || type == TokenType::user_defined) return true;
  return type == TokenType::byte && !vocabulary.like_sentence_piece;
}

}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary)
    : count_(static_cast<std::int32_t>(vocabulary.tokens.size())),
      unk_(vocabulary.unk.value_or(-1)),
      single_precision_(vocabulary.like_sentence_piece),
      bytes_(vocabulary),
      scores_(vocabulary.scores) {
  // SentencePiece starts its maximum at the least positive float: with log-probabilities, it stays.
  double least = std::numeric_limits<double>::infinity(), most = std::numeric_limits<float>::min();
  for (std::size_t id = 0; id < scores_.size(); ++id) {
    // `tokenizers` takes the least of all, SentencePiece that of normal tokens.
    if (single_precision_ && vocabulary.types[id] != TokenType::normal) continue;
    if (std::isinf(scores_[id])) continue;
    least = std::min(least, scores_[id]);
    most = std::max(most, scores_[id]);
  }
  for (const UnlistedPiece& piece : vocabulary.unlisted) {
    least = std::min(least, piece.score);
    most = std::max(most, piece.score);
  }
  unk_score_ = single_precision_ ? static_cast<float>(least - unk_penalty) : least - unk_penalty;
  for (std::size_t id = 0; id < scores_.size(); ++id) {
    if (!is_found_in_text(vocabulary, id)) continue;
    trie_.insert(vocabulary.tokens[id], static_cast<std::int32_t>(id));
    if (single_precision_ && vocabulary.types[id] == TokenType::user_defined) {
      const auto length = static_cast<float>(vocabulary.tokens[id].size());
      scores_[id] = length * static_cast<float>(most) - user_defined_discount;
    }
  }
  if (vocabulary.unlisted.empty()) return;
  scores_.resize(vocabulary.tokens.size());
  for (const UnlistedPiece& piece : vocabulary.unlisted) {
    trie_.insert(piece.text, static_cast<std::int32_t>(scores_.size()));
    scores_.push_back(piece.score);
  }
}

void Unigram::reach(Node& node, double score, std::uint32_t start, std::int32_t id) const {
  if (single_precision_) score = static_cast<float>(score);
  if (node.id == none || score > node.score) node = {score, start, id};
}

void Unigram::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  thread_local std::vector<Node> nodes;
  nodes.assign(piece.size() + 1, Node{});
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = character_length(piece, at);
    const double score = nodes[at].score;
    const auto start = static_cast<std::uint32_t>(at);
    bool whole_character = false;
    trie_.visit_prefixes(piece.substr(at), [&](std::size_t end, std::int32_t id) {
      reach(nodes[at + end], score + scores_[static_cast<std::size_t>(id)], start, id);
      whole_character |= end == length;
    });
    if (!whole_character) reach(nodes[at + length], score + unk_score_, start, unk_);
    at += length;
  }

  thread_local std::vector<std::uint32_t> ends;  // of the tokens, last first
  ends.clear();
  for (auto end = static_cast<std::uint32_t>(piece.size()); end > 0; end = nodes[end].start) {
    ends.push_back(end);
  }
  for (std::size_t i = ends.size(); i-- > 0;) {
    const Node& node = nodes[ends[i]];
    std::uint32_t end = ends[i];
    if (node.id != unk_) {
      tokens.push_back({node.id < count_ ? node.id : unk_, end - node.start});
      continue;
    }
    while (i > 0 && nodes[ends[i - 1]].id == unk_) end = ends[--i];  // neighbours are one unknown
    add_unknown(piece.substr(node.start, end - node.start), tokens);
  }
  if (nodes.capacity() > (1 << 20)) std::vector<Node>().swap(nodes);
}

void Unigram::add_unknown(std::string_view text, std::vector<MergedToken>& tokens) const {
  const auto [length, id] = trie_.longest_prefix(text);
  if (!single_precision_ && length == text.size()) {  // too unlikely a token for its own characters
    tokens.push_back({id, static_cast<std::uint32_t>(length)});
  } else if (bytes_.have(text)) {
    for (const char byte : text) tokens.push_back({bytes_.id(byte), 1});
  } else {
    tokens.push_back({unk_, static_cast<std::uint32_t>(text.size())});
  }
}

}  // namespace bantam
