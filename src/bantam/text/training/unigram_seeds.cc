#include "bantam/text/training/unigram_seeds.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr char32_t word_end = 0xFFFFFFFF;  // no character, so that none is taken for it

/// The suffixes of all words in order, cut after `longest` characters.
class SortedSuffixes {
 public:
  SortedSuffixes(const WordCounts& words, std::size_t longest) : longest_(longest) {
    for (std::size_t word = 0; word < words.words.size(); ++word) {
      const std::string& text = words.words[word];
      for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        characters_.push_back(c.value);
        word_of_.push_back(static_cast<std::uint32_t>(word));
        at += static_cast<std::size_t>(c.length);
      }
      characters_.push_back(word_end);
      word_of_.push_back(static_cast<std::uint32_t>(word));
    }
    if (characters_.size() > 0xFFFFFFFF) {
      throw input_error("tokenizer training: the distinct words have {} characters; take less text",
                        with_commas(std::ssize(characters_)));
    }
    sort();
  }

  std::size_t size() const { return suffixes_.size(); }
  std::uint32_t place(std::size_t i) const { return suffixes_[i].place; }
  std::uint32_t word(std::size_t i) const { return word_of_[place(i)]; }
  bool begins_word(std::size_t i) const {
    return place(i) == 0 || characters_[place(i) - 1] == word_end;
  }
  std::size_t length(std::size_t i) const {
    std::size_t length = 0;
    while (length < longest_ && characters_[place(i) + length] != word_end) ++length;
    return length;
  }
  /// Characters that this suffix and the one before begin with.
  std::size_t shared_with_previous(std::size_t i) const {
    if (i == 0 || i == size()) return 0;
    const char32_t* a = &characters_[place(i - 1)];
    const char32_t* b = &characters_[place(i)];
    std::size_t shared = 0;
    while (shared < longest_ && a[shared] == b[shared] && a[shared] != word_end) ++shared;
    return shared;
  }
  std::string text(std::uint32_t place, std::size_t length) const {
    std::string text;
    for (std::size_t i = 0; i < length; ++i) append_utf8(text, characters_[place + i]);
    return text;
  }

 private:
  struct Suffix {
    std::uint64_t key;  // the first three characters: most comparisons end here
    std::uint32_t place;
  };

  void sort() {
    for (std::size_t at = 0; at < characters_.size(); ++at) {
      if (characters_[at] == word_end) continue;
      std::uint64_t key = 0;
      bool ended = false;
      for (std::size_t i = 0; i < key_length; ++i) {
        ended = ended || characters_[at + i] == word_end;
        key = key << 21 | (ended ? 0 : characters_[at + i] + 1);
      }
      suffixes_.push_back({key, static_cast<std::uint32_t>(at)});
    }
    std::sort(suffixes_.begin(), suffixes_.end(), [this](const Suffix& a, const Suffix& b) {
      if (a.key != b.key) return a.key < b.key;
      for (std::size_t i = 0; i < longest_; ++i) {
        const char32_t x = characters_[a.place + i], y = characters_[b.place + i];
        if (x != y) return x + 1 < y + 1;  // the end of a word, plus one, is zero
        if (x == word_end) break;
      }
      return a.place < b.place;
    });
  }

  static constexpr std::size_t key_length = 3;
  std::size_t longest_;
  std::u32string characters_;
  std::vector<std::uint32_t> word_of_;
  std::vector<Suffix> suffixes_;
};

struct Found {
  double value;  // length times occurrences
  std::uint32_t place, length;
};

/// Substrings that are followed by different characters, or are whole words: the inner nodes of the
/// tree of suffixes, walked with a stack of those that are still open.
std::vector<Found> all_substrings(const SortedSuffixes& suffixes, const WordCounts& words,
                                  std::int64_t minimum_frequency) {
  struct Open {
    std::size_t length;
    std::uint32_t place;
    std::int64_t occurrences;
  };
  std::vector<Found> found;
  std::vector<Open> open;  // each is a beginning of the next
  const auto add = [&](const Open& done) {
    if (done.length < 2 || done.occurrences < minimum_frequency) return;
    const double value = static_cast<double>(done.length) * static_cast<double>(done.occurrences);
    found.push_back({value, done.place, static_cast<std::uint32_t>(done.length)});
  };
  std::size_t shared_before = 0;
  for (std::size_t i = 0; i < suffixes.size(); ++i) {
    const std::size_t shared = suffixes.shared_with_previous(i + 1);
    std::int64_t occurrences = words.counts[suffixes.word(i)];
    if (suffixes.begins_word(i) && suffixes.length(i) > std::max(shared, shared_before)) {
      add({suffixes.length(i), suffixes.place(i), occurrences});
    }
    while (!open.empty() && open.back().length > shared) {
      open.back().occurrences += occurrences;
      occurrences = open.back().occurrences;
      add(open.back());
      open.pop_back();
    }
    if (!open.empty() && open.back().length == shared) {
      open.back().occurrences += occurrences;
    } else if (shared > 0) {
      open.push_back({shared, suffixes.place(i), occurrences});
    }
    shared_before = shared;
  }
  return found;
}

}  // namespace

std::vector<UnigramPiece> frequent_substrings(const WordCounts& words, const SeedOptions& options) {
  const SortedSuffixes suffixes(words, options.longest);
  std::vector<Found> found = all_substrings(suffixes, words, options.minimum_frequency);
  const auto is_better = [](const Found& a, const Found& b) {
    return a.value != b.value ? a.value > b.value : a.place < b.place;
  };
  std::sort(found.begin(), found.end(), is_better);
  if (found.size() > options.most) found.resize(options.most);
  std::vector<UnigramPiece> pieces;
  for (const Found& one : found) {
    pieces.push_back({suffixes.text(one.place, one.length), one.value});
  }
  return pieces;
}

}  // namespace bantam
