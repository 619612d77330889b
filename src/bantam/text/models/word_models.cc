#include "bantam/text/models/word_models.h"

#include "bantam/text/unicode.h"
#include "bantam/text/vocabulary.h"

namespace bantam {
namespace {

template <class Visit>
void visit_words(const Vocabulary& vocabulary, Visit visit) {
  for (std::size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    if (model_knows(vocabulary, id) && !vocabulary.tokens[id].empty())
      visit(vocabulary.tokens[id], static_cast<std::int32_t>(id));
  }
}

}  // namespace

WordPiece::WordPiece(const Vocabulary& vocabulary)
    : unk_(vocabulary.unk.value_or(-1)), longest_word_(vocabulary.longest_word) {
  const std::string& prefix = vocabulary.continuing_subword_prefix;
  visit_words(vocabulary, [&](std::string_view text, std::int32_t id) {
    beginnings_.insert(text, id);
    if (text.size() > prefix.size() && text.starts_with(prefix)) {
      continuations_.insert(text.substr(prefix.size()), id);
    }
  });
}

void WordPiece::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  const MergedToken unknown{unk_, static_cast<std::uint32_t>(piece.size())};
  if (static_cast<std::int64_t>(count_code_points(piece)) > longest_word_) {
    tokens.push_back(unknown);
    return;
  }
  const std::size_t first = tokens.size();
  for (std::size_t at = 0; at < piece.size();) {
    const ByteTrie& words = at == 0 ? beginnings_ : continuations_;
    const auto [length, id] = words.longest_prefix(piece.substr(at));
    if (length == 0) {
      tokens.resize(first);
      tokens.push_back(unknown);
      return;
    }
    tokens.push_back({id, static_cast<std::uint32_t>(length)});
    at += length;
  }
}

WordLevel::WordLevel(const Vocabulary& vocabulary) : unk_(vocabulary.unk.value_or(-1)) {
  visit_words(vocabulary, [&](const std::string& text, std::int32_t id) { ids_[text] = id; });
}

void WordLevel::encode(std::string_view piece, std::vector<MergedToken>& tokens) const {
  const auto found = ids_.find(std::string(piece));
  tokens.push_back(
      {found == ids_.end() ? unk_ : found->second, static_cast<std::uint32_t>(piece.size())});
}

}  // namespace bantam
