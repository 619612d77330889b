#include "bantam/text/added_tokens.h"

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
AddedTokenMatcher::AddedTokenMatcher(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  constexpr std::size_t length_limit = 1024;  // bounds the work at one byte of text
  token_at_.push_back(-1);
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::string& content = tokens_[i].content;
    if (content.size() > length_limit) {
      throw input_error("added token {}: expected at most {} bytes, found {}", tokens_[i].match.id,
                        length_limit, content.size());
    }
    std::uint64_t node = 0;
    for (const char c : content) {
      const auto [child, is_new] = children_.try_emplace(
          node * 256 + static_cast<unsigned char>(c), static_cast<std::int32_t>(token_at_.size()));
      if (is_new) token_at_.push_back(-1);
      node = child->second;
    }
    if (content.empty()) {
      throw input_error("added token {}: its text is empty", tokens_[i].match.id);
    }
    if (token_at_[node] >= 0) {
      throw input_error("added tokens {} and {} have the same text '{}'",
                        tokens_[token_at_[node]].match.id, tokens_[i].match.id, escaped(content));
    }
    token_at_[node] = static_cast<std::int32_t>(i);
    begins_[static_cast<unsigned char>(content[0])] = true;
  }
}

void AddedTokenMatcher::visit_matches(std::string_view text, std::size_t at,
                                      const std::function<void(const AddedToken&)>& visit) const {
  std::uint64_t node = 0;
  for (; at < text.size(); ++at) {
    const auto child = children_.find(node * 256 + static_cast<unsigned char>(text[at]));
    if (child == children_.end()) return;
    node = child->second;
    if (token_at_[node] >= 0) visit(tokens_[token_at_[node]]);
  }
}

bool AddedTokenMatcher::widen(std::string_view text, std::uint32_t plain, const AddedToken& token,
                              Stretch& stretch) {
  const auto word_at = [&](std::size_t at) {
    if (at >= text.size()) return false;
    const CodePoint c = code_point_at(text, at);
    return c.valid && is_word(c.value);
  };
  if (token.match.single_word) {
    const CodePoint before = code_point_before(text, stretch.begin);
    if ((before.valid && is_word(before.value)) || word_at(stretch.end)) return false;
  }
  while (token.match.strip_left && stretch.begin > plain) {
    const CodePoint c = code_point_before(text, stretch.begin);
    if (!c.valid || !is_white_space(c.value)) break;
    stretch.begin -= c.length;
  }
  while (token.match.strip_right && stretch.end < text.size()) {
    const CodePoint c = code_point_at(text, stretch.end);
    if (!c.valid || !is_white_space(c.value)) break;
    stretch.end += c.length;
  }
  return true;
}

}  // namespace bantam
