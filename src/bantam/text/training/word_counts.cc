#include "bantam/text/training/word_counts.h"

#include <algorithm>
#include <mutex>
#include <numeric>

#include "bantam/base/json.h"
#include "bantam/base/progress.h"
#include "bantam/base/threads.h"

namespace bantam {
namespace {

Json parsed(const std::string& json) { return json.empty() ? Json() : parse_json(json); }

AddedTokenMatcher matcher_of(std::span<const std::string> texts) {
  std::vector<AddedToken> tokens;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    tokens.push_back({{.id = static_cast<std::int32_t>(i)}, texts[i], true});
  }
  return AddedTokenMatcher(std::move(tokens));
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

}  // namespace

WordCounter::WordCounter(const WordSplit& split, std::span<const std::string> special_tokens)
    : bytes_(split.kind == TokenModelKind::byte_bpe),
      normalizer_(Normalizer::from_json(parsed(split.normalizer_json))),
      pre_tokenizer_(PreTokenizer::from_json(
          parsed(split.pre_tokenizer_json),
          bytes_ ? PreTokenizer::Bytes::raw : PreTokenizer::Bytes::spelled)),
      special_tokens_(matcher_of(special_tokens)) {}

void WordCounter::add(std::span<const std::string_view> texts) {
  constexpr std::int64_t texts_at_a_time = 64;  // most new words of a corpus come early
  std::mutex merging;
  parallel_for(std::ssize(texts), texts_at_a_time, [&](std::int64_t begin, std::int64_t end) {
    Counts own;
    for (std::int64_t i = begin; i < end; ++i) {
      if (Interrupt::requested() != 0) return;
      count(texts[static_cast<std::size_t>(i)], own);
    }
    const std::lock_guard lock(merging);
    counts_.invalid_bytes += own.invalid_bytes;
    for (auto node = own.words.begin(); node != own.words.end();) {
      const auto next = std::next(node);
      const auto known = counts_.words.find(node->first);
      if (known != counts_.words.end()) {
        known->second += node->second;
      } else {
        counts_.words.insert(own.words.extract(node));
      }
      node = next;
    }
  });
  if (const int signal = Interrupt::requested(); signal != 0) {
    throw Interrupted(signal, "stopped while words were counted");
  }
}

WordCounts WordCounter::take() {
  WordCounts result;
  result.invalid_bytes = counts_.invalid_bytes;
  result.words.reserve(counts_.words.size());
  std::vector<std::pair<std::string, std::int64_t>> sorted;
  sorted.reserve(counts_.words.size());
  while (!counts_.words.empty()) {
    auto node = counts_.words.extract(counts_.words.begin());
    sorted.emplace_back(std::move(node.key()), node.mapped());
  }
  counts_ = {};
  std::sort(sorted.begin(), sorted.end());
  for (auto& [word, count] : sorted) {
    result.words.push_back(std::move(word));
    result.counts.push_back(count);
  }
  return result;
}

void WordCounter::count(std::string_view text, Counts& counts) const {
  std::vector<Stretch> stretches;
  special_tokens_.split(text, stretches,
                        [](const AddedToken&, std::size_t, std::size_t) { return true; });
  const AlignedText whole(text);
  for (const Stretch& stretch : stretches) {
    if (stretch.id < 0) count_plain(whole.part(stretch.begin, stretch.end), counts);
  }
}

void WordCounter::count_plain(AlignedText text, Counts& counts) const {
  normalizer_.apply(text);
  const PreTokenized split = pre_tokenizer_.split(std::move(text));
  const std::string_view view = split.text.view();
  for (const Piece& piece : split.pieces) {
    if (piece.fixed && !bytes_) {
      counts.invalid_bytes += piece.end - piece.begin;
    } else {
      count_word(view.substr(piece.begin, piece.end - piece.begin), counts);
    }
  }
}

void WordCounter::count_word(std::string_view word, Counts& counts) {
  while (!word.empty()) {
    std::size_t length = std::min(word.size(), longest_word);
    while (length < word.size() && length + 4 > longest_word && !begins_character(word[length])) {
      --length;
    }
    const std::string_view part = word.substr(0, length);
    const auto known = counts.words.find(part);
    known == counts.words.end() ? void(counts.words.emplace(part, 1)) : void(++known->second);
    word.remove_prefix(length);
  }
}

void append_blocks(std::string_view text, std::vector<std::string_view>& blocks) {
  constexpr std::size_t usual_size = std::size_t{64} << 10;
  const auto is_visible = [&](std::size_t at) { return text[at] > ' ' && text[at] < 0x7F; };
  const auto ends_block = [&](std::size_t at) {  // `at` is where the next block would begin
    return text[at - 1] == '\n' && is_visible(at - 2) && is_visible(at);
  };
  while (text.size() > usual_size) {
    std::size_t end = usual_size;
    while (end < text.size() && !ends_block(end)) ++end;
    blocks.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  if (!text.empty()) blocks.push_back(text);
}

}  // namespace bantam
