// Words of a text and the tags that they carry, and the entities that tags spell: what token
// classification reads and gives.
//
// A tag is "O" (outside of all), or a label with a prefix: "B-PER" begins an entity, "I-PER"
// continues one, "E-PER" ends one, "S-PER" is one alone. A tag of another form, such as "NOUN", is
// read as if "I-" stood before it.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/text/aligned_text.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

inline constexpr std::string_view kOutsideTag = "O";

/// Where the words of a text are: runs of letters, marks and digits; each ideograph and each
/// visible character of another kind is a word by itself. (Of scripts without spaces but for
/// ideographs, such as Thai, a run is all that stands between punctuation marks.)
std::vector<ByteRange> words_of(std::string_view text);

/// Neighbouring words that are one thing.
struct Entity {
  std::size_t begin = 0, end = 0;  ///< words [begin, end)
  std::string label;
  auto operator<=>(const Entity&) const = default;
};

/// The entities of a sequence of tags, in order, as seqeval and conlleval.pl read them: an "I-"
/// that nothing of its label stands before begins an entity too.
std::vector<Entity> entities_of(std::span<const std::string> tags);

/// "B-PER", "I-PER", … of `words` words for entities that do not overlap.
std::vector<std::string> tags_of(std::span<const Entity> entities, std::size_t words);

/// The tag of a word that continues what a word of tag `tag` is of: "I-PER" for "B-PER".
std::string continuing_tag(const std::string& tag);

/// Which token of a word carries its tag: the first one that touches it.
struct WordToken {
  std::int32_t token = -1;  ///< place in the input; -1: none, cut off or without a token
  bool is_own = false;      ///< false: the token is that of an earlier word, too
};

/// One for each of `words`, which are in order and do not overlap, of the only text of `input`.
std::vector<WordToken> first_tokens(const ModelInput& input, std::span<const ByteRange> words);

}  // namespace bantam
