#include "bantam/data/tagged_text.h"

#include <algorithm>
#include <set>

#include "bantam/base/error.h"
#include "bantam/text/unicode.h"
#include "bantam/text/word_tags.h"

namespace bantam {
namespace {

// Bytes before each character of the text, and all of them last.
std::vector<std::uint32_t> byte_of_characters(std::string_view text) {
  std::vector<std::uint32_t> bytes;
  for (std::size_t at = 0; at < text.size();) {
    bytes.push_back(static_cast<std::uint32_t>(at));
    at += static_cast<std::size_t>(code_point_at(text, at).length);
  }
  bytes.push_back(static_cast<std::uint32_t>(text.size()));
  return bytes;
}

// The words that share a byte with [begin, end), which may be none: a span of white space.
Entity words_in(std::span<const ByteRange> words, std::uint32_t begin, std::uint32_t end,
                const std::string& label) {
  Entity found{0, 0, label};
  while (found.begin < words.size() && words[found.begin].second <= begin) ++found.begin;
  found.end = found.begin;
  while (found.end < words.size() && words[found.end].first < end) ++found.end;
  return found;
}

void require_apart(const Row& row, std::span<const Entity> sorted) {
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i - 1].end <= sorted[i].begin) continue;
    throw input_error(
        "{}: spans of {} and {} share a word, and tags give each word one label; keep one of them",
        where_is(row), escaped(sorted[i - 1].label, 40), escaped(sorted[i].label, 40));
  }
}

}  // namespace

std::vector<ByteRange> words_of(const Row& row) {
  if (row.words.empty()) return words_of(std::string_view(row.text));
  std::vector<ByteRange> words;
  std::uint32_t at = 0;
  for (const std::string& word : row.words) {
    const auto end = at + static_cast<std::uint32_t>(word.size());
    words.emplace_back(at, end);
    at = end + 1;  // the space behind it
  }
  return words;
}

TaggedText tagged_text(const Row& row) {
  TaggedText tagged{words_of(row), row.tags, false};
  if (!row.words.empty()) return tagged;
  const std::vector<std::uint32_t> bytes = byte_of_characters(row.text);
  std::vector<Entity> entities;
  for (const TextSpan& span : row.spans) {
    const std::uint32_t begin = bytes[static_cast<std::size_t>(span.start)];
    const std::uint32_t end = bytes[static_cast<std::size_t>(span.end)];
    Entity entity = words_in(tagged.words, begin, end, span.label);
    if (entity.begin == entity.end) continue;
    tagged.was_widened |=
        tagged.words[entity.begin].first < begin || tagged.words[entity.end - 1].second > end;
    entities.push_back(std::move(entity));
  }
  std::ranges::sort(entities);
  require_apart(row, entities);
  tagged.tags = tags_of(entities, tagged.words.size());
  return tagged;
}

std::vector<std::string> tags_of(const Dataset& rows) {
  std::set<std::string> tags;
  for (const Row& row : rows) {
    tags.insert(row.tags.begin(), row.tags.end());
    for (const TextSpan& span : row.spans) {
      tags.insert({"B-" + span.label, "I-" + span.label, std::string(kOutsideTag)});
    }
  }
  return {tags.begin(), tags.end()};
}

}  // namespace bantam
