// Finding added tokens in text: longest match at the leftmost place, as the `tokenizers` library
// does.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bantam/text/vocabulary.h"

namespace bantam {

struct AddedToken {
  AddedTokenMatch match;
  std::string content;
  bool special = false;
};

/// A stretch of text: one added token, or (id < 0) text between them.
struct Stretch {
  std::uint32_t begin, end;
  std::int32_t id = -1;
};

class AddedTokenMatcher {
 public:
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool empty() const { return tokens_.empty(); }
  /// `allowed(token, begin, end)` decides whether a token may be recognised there; a shorter one
  /// may be instead.
  template <class Allowed>
  void split(std::string_view text, std::vector<Stretch>& stretches, Allowed allowed) const {
    std::uint32_t plain = 0;
    for (std::size_t at = 0; at < text.size();) {
      if (!begins_[static_cast<unsigned char>(text[at])]) {
        ++at;
        continue;
      }
      const AddedToken* token = nullptr;
      visit_matches(text, at, [&](const AddedToken& candidate) {
        if (allowed(candidate, at, at + candidate.content.size())) token = &candidate;
      });
      if (!token) {
        ++at;
        continue;
      }
      const std::size_t after = at + token->content.size();
      Stretch stretch{static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(after),
                      token->match.id};
      at = after;
      if (!widen(text, plain, *token, stretch)) continue;
      if (plain < stretch.begin) stretches.push_back({plain, stretch.begin, -1});
      stretches.push_back(stretch);
      plain = stretch.end;
      at = std::max<std::size_t>(at, stretch.end);
    }
    if (plain < text.size()) {
      stretches.push_back({plain, static_cast<std::uint32_t>(text.size()), -1});
    }
  }

 private:
  /// Every token that stands at `at`, shortest first.
  void visit_matches(std::string_view text, std::size_t at,
                     const std::function<void(const AddedToken&)>& visit) const;
  /// Applies single_word (false: no match after all) and the stripping of white space, not before
  /// `plain`.
  static bool widen(std::string_view text, std::uint32_t plain, const AddedToken& token,
                    Stretch& stretch);

  std::vector<AddedToken> tokens_;
  bool begins_[256] = {};
  std::unordered_map<std::uint64_t, std::int32_t> children_;  // node * 256 + byte -> node
  std::vector<std::int32_t> token_at_;                        // node -> index in tokens_, or -1
};

}  // namespace bantam
