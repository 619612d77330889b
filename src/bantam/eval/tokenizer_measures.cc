#include "bantam/eval/tokenizer_measures.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>
#include <vector>

#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr double renyi_order = 2.5;  // correlates best with translation quality in the paper

std::int64_t count_words(std::string_view text) {
  std::int64_t words = 0;
  bool inside = false;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = code_point_at(text, at);
    const bool visible = !c.valid || !is_white_space(c.value);
    words += visible && !inside;
    inside = visible;
    at += static_cast<std::size_t>(c.length);
  }
  return words;
}

/// Which tokens are unknown and which are parts of characters.
struct TokenClasses {
  explicit TokenClasses(const Tokenizer& tokenizer) {
    const Vocabulary& vocabulary = tokenizer.vocabulary();
    fragment.resize(vocabulary.tokens.size());
    for (std::size_t id = 0; id < fragment.size(); ++id) {
      fragment[id] = vocabulary.types[id] == TokenType::byte ||
                     (vocabulary.kind == TokenModelKind::byte_bpe &&
                      !is_valid_utf8(tokenizer.token_bytes(static_cast<std::int32_t>(id))));
    }
    unknown = vocabulary.unk.value_or(-1);
  }
  std::vector<bool> fragment;
  std::int32_t unknown;
};

LostText difference(std::int64_t number, std::string_view text, std::string_view decoded) {
  constexpr std::size_t before = 20, shown = 40;
  const auto [differs, other] =
      std::mismatch(text.begin(), text.end(), decoded.begin(), decoded.end());
  const auto at = static_cast<std::size_t>(differs - text.begin());
  const std::size_t from = at - std::min(at, before);
  return {number, at, std::string(text.substr(from, shown)),
          std::string(decoded.substr(std::min(from, decoded.size()), shown))};
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

double TokenizerMeasures::fertility() const {
  return ratio(static_cast<double>(tokens), static_cast<double>(words));
}
double TokenizerMeasures::bytes_per_token() const {
  return ratio(static_cast<double>(bytes), static_cast<double>(tokens));
}
double TokenizerMeasures::megabytes_per_second() const {
  return ratio(1e-6 * static_cast<double>(bytes), seconds);
}

double renyi_entropy(std::span<const std::int64_t> counts, double order) {
  const auto total =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  double sum = 0;
  for (const std::int64_t count : counts) {
    if (count > 0) sum += std::pow(static_cast<double>(count) / total, order);
  }
  return sum > 0 ? std::log(sum) / (1 - order) : 0;
}

TokenizerMeasures measure_tokenizer(const Tokenizer& tokenizer, std::span<const std::string> texts,
                                    ProgressSink& progress) {
  using Clock = std::chrono::steady_clock;
  const TokenClasses classes(tokenizer);
  std::vector<std::int64_t> counts(static_cast<std::size_t>(tokenizer.vocabulary_size()));
  TokenizerMeasures result;
  ProgressPhase phase(progress, "Encoding texts", static_cast<double>(texts.size()), "texts");
  for (const std::string& text : texts) {
    const auto start = Clock::now();
    const std::vector<std::int32_t> ids = tokenizer.encode(text).ids;
    result.seconds += std::chrono::duration<double>(Clock::now() - start).count();
    for (const std::int32_t id : ids) {
      ++counts[static_cast<std::size_t>(id)];
      result.unknown += id == classes.unknown;
      result.fragments += classes.fragment[static_cast<std::size_t>(id)];
    }
    const std::string decoded = tokenizer.decode(ids);
    if (decoded == text) {
      ++result.came_back;
    } else if (!result.lost) {
      result.lost = difference(result.texts, text, decoded);
    }
    ++result.texts;
    result.bytes += std::ssize(text);
    result.words += count_words(text);
    result.tokens += std::ssize(ids);
    phase.advance(static_cast<double>(result.texts));
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, "stopped while texts were encoded");
    }
  }
  result.used = std::ssize(counts) - std::count(counts.begin(), counts.end(), 0);
  result.renyi_efficiency = renyi_entropy(counts, renyi_order) /
                            std::log(std::max(2.0, static_cast<double>(counts.size())));
  return result;
}

}  // namespace bantam
