#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/text/training/trained_vocabulary.h"
#include "bantam/text/training/unigram_lattice.h"
#include "bantam/text/training/unigram_seeds.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

constexpr double usual_coverage = 0.9995;  // as SentencePiece
constexpr double kept_share = 0.75;        // of the pieces, each time some are pruned
constexpr int steps_between_prunings = 2;
constexpr std::int64_t seeds_per_token = 10;
constexpr double least_expected = 0.5;
// Sums are over so many stretches of words whatever the number of threads, so that rounding is the
// same. Each has an array of all pieces.
constexpr std::int64_t stretches = 8;

/// Without recurrences: psi(x) for x above 0 by its asymptotic series at x >= 7.
double digamma(double x) {
  double result = 0;
  for (; x < 7; ++x) result -= 1 / x;
  const double inverse = 1 / (x - 0.5), square = inverse * inverse;
  return result + std::log(x - 0.5) +
         square * (1.0 / 24 - square * (7.0 / 960 - square * (31.0 / 8064 - square * 127 / 30720)));
}

/// The characters that spell byte tokens are always there: "<0x41>" in a text must not become one.
Alphabet with_byte_spelling(Alphabet alphabet) {
  for (const char c : std::string_view("<>x0123456789ABCDEF")) {
    if (!alphabet.has(static_cast<char32_t>(c))) {
      alphabet.characters.push_back(static_cast<char32_t>(c));
      std::sort(alphabet.characters.begin(), alphabet.characters.end());
    }
  }
  return alphabet;
}

/// The words cut at characters outside the alphabet, which become bytes whatever is learned.
WordCounts inside_alphabet(const WordCounts& words, const Alphabet& alphabet) {
  std::map<std::string, std::int64_t, std::less<>> counts;
  const auto add = [&](std::string_view part, std::int64_t count) {
    if (part.empty()) return;
    const auto known = counts.find(part);
    known == counts.end() ? void(counts.emplace(part, count)) : void(known->second += count);
  };
  for (std::size_t word = 0; word < words.words.size(); ++word) {
    const std::string_view text = words.words[word];
    std::size_t begin = 0;
    for (std::size_t at = 0; at < text.size();) {
      const CodePoint c = code_point_at(text, at);
      const auto length = static_cast<std::size_t>(c.length);
      if (!alphabet.has(c.value)) {
        add(text.substr(begin, at - begin), words.counts[word]);
        begin = at + length;
      }
      at += length;
    }
    add(text.substr(begin), words.counts[word]);
  }
  WordCounts result;
  for (const auto& [text, count] : counts) {
    result.words.push_back(text);
    result.counts.push_back(count);
  }
  return result;
}

/// Expectation maximization and pruning. The first pieces are the alphabet and stay.
class UnigramTrainer {
 public:
  UnigramTrainer(WordCounts words, const Alphabet& alphabet, const TrainingOptions& options)
      : words_(std::move(words)),
        characters_(alphabet.characters.size()),
        progress_(*options.progress) {
    std::vector<std::int64_t> counts = character_counts(alphabet);
    for (std::size_t i = 0; i < characters_; ++i) {
      UnigramPiece& piece = pieces_.emplace_back();
      append_utf8(piece.text, alphabet.characters[i]);
      piece.score = std::max(static_cast<double>(counts[i]), least_expected);
    }
    const std::vector<UnigramPiece> seeds = frequent_substrings(
        words_, {.most = static_cast<std::size_t>(
                     options.seed_pieces.value_or(seeds_per_token * options.vocabulary_size)),
                 .minimum_frequency = options.minimum_frequency});
    pieces_.insert(pieces_.end(), seeds.begin(), seeds.end());
    double sum = 0;
    for (const UnigramPiece& piece : pieces_) sum += piece.score;
    for (UnigramPiece& piece : pieces_) piece.score = std::log(piece.score / sum);
  }

  /// At most `target` pieces with their log-probabilities, the alphabet among them; the most likely
  /// first.
  std::vector<UnigramPiece> run(std::size_t target) {
    const double rounds = std::log(static_cast<double>(target) /
                                   static_cast<double>(std::max(pieces_.size(), target))) /
                          std::log(kept_share);
    ProgressPhase phase(progress_, "Choosing pieces", std::ceil(rounds) + 1, "rounds");
    for (int round = 1; pieces_.size() != target; ++round) {
      for (int step = 0; step < steps_between_prunings; ++step) improve();
      if (pieces_.size() <= target) break;
      prune(std::max(target,
                     static_cast<std::size_t>(kept_share * static_cast<double>(pieces_.size()))));
      phase.advance(round, {{"pieces", static_cast<double>(pieces_.size())}});
    }
    settle();
    std::sort(pieces_.begin(), pieces_.end(), [](const UnigramPiece& a, const UnigramPiece& b) {
      return a.score != b.score ? a.score > b.score : a.text < b.text;
    });
    return std::move(pieces_);
  }

 private:
  std::vector<std::int64_t> character_counts(const Alphabet& alphabet) const {
    std::vector<std::int64_t> counts(alphabet.characters.size());
    for (std::size_t word = 0; word < words_.words.size(); ++word) {
      const std::string& text = words_.words[word];
      for (std::size_t at = 0; at < text.size();) {
        const CodePoint c = code_point_at(text, at);
        const auto place =
            std::lower_bound(alphabet.characters.begin(), alphabet.characters.end(), c.value);
        counts[static_cast<std::size_t>(place - alphabet.characters.begin())] +=
            words_.counts[word];
        at += static_cast<std::size_t>(c.length);
      }
    }
    return counts;
  }

  /// Calls visit(word, count, sums) for every word, where `sums` has a place for each piece; the
  /// sums over all words.
  template <class Visit>
  std::vector<double> sum_over_words(Visit visit) const {
    std::vector<std::vector<double>> parts(stretches);
    const auto count = static_cast<std::int64_t>(words_.words.size());
    parallel_for(stretches, 1, [&](std::int64_t part, std::int64_t) {
      std::vector<double>& sums = parts[static_cast<std::size_t>(part)];
      sums.resize(pieces_.size());
      for (std::int64_t i = count * part / stretches; i < count * (part + 1) / stretches; ++i) {
        if (i % 1024 == 0 && Interrupt::requested() != 0) return;
        const auto word = static_cast<std::size_t>(i);
        visit(words_.words[word], static_cast<double>(words_.counts[word]), sums);
      }
    });
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, "stopped while the pieces were chosen");
    }
    for (std::int64_t part = 1; part < stretches; ++part) {
      const std::vector<double>& sums = parts[static_cast<std::size_t>(part)];
      for (std::size_t i = 0; i < sums.size(); ++i) parts[0][i] += sums[i];
    }
    return std::move(parts[0]);
  }

  std::vector<double> expected_counts() const {
    const UnigramLattice lattice(pieces_);
    return sum_over_words([&](std::string_view word, double count, std::vector<double>& sums) {
      lattice.add_expected(word, count, sums);
    });
  }

  /// One step of EM. The maximization is that of a sparse prior (Liang and Klein 2007, tutorial at
  /// ACL, "Bayesian EM"), as in SentencePiece: rare pieces get less than their share, those that
  /// almost never occur are dropped.
  void improve() {
    const std::vector<double> expected = expected_counts();
    std::vector<UnigramPiece> kept;
    std::vector<double> counts;
    double sum = 0;
    for (std::size_t i = 0; i < pieces_.size(); ++i) {
      if (expected[i] < least_expected && i >= characters_) continue;
      counts.push_back(std::max(expected[i], least_expected));
      sum += counts.back();
      kept.push_back(std::move(pieces_[i]));
    }
    const double log_sum = digamma(sum);
    for (std::size_t i = 0; i < kept.size(); ++i) kept[i].score = digamma(counts[i]) - log_sum;
    pieces_ = std::move(kept);
  }

  /// Steps of plain EM: the probabilities that make the words most likely.
  void settle() {
    for (int step = 0; step < steps_between_prunings; ++step) {
      std::vector<double> expected = expected_counts();
      for (double& count : expected) count = std::max(count, least_expected);
      const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
      for (std::size_t i = 0; i < pieces_.size(); ++i) {
        pieces_[i].score = std::log(expected[i] / sum);
      }
    }
  }

  /// Keeps the `kept` pieces without which the likelihood of the words would fall most.
  void prune(std::size_t kept) {
    const UnigramLattice lattice(pieces_);
    const std::vector<double> counts =
        sum_over_words([&](std::string_view word, double count, std::vector<double>& sums) {
          thread_local std::vector<std::int32_t> best;
          lattice.best(word, UnigramLattice::nothing, best);
          for (const std::int32_t piece : best) sums[static_cast<std::size_t>(piece)] += count;
        });
    const std::vector<double> losses = losses_without(lattice, counts);
    std::vector<std::uint32_t> order(pieces_.size() - characters_);
    std::iota(order.begin(), order.end(), static_cast<std::uint32_t>(characters_));
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return losses[a] > losses[b]; });
    order.resize(kept - characters_);
    std::sort(order.begin(), order.end());
    std::vector<UnigramPiece> rest(pieces_.begin(),
                                   pieces_.begin() + static_cast<std::ptrdiff_t>(characters_));
    for (const std::uint32_t i : order) rest.push_back(std::move(pieces_[i]));
    pieces_ = std::move(rest);
  }

  /// By how many nats all words together become less likely when a piece is replaced by the best
  /// other way to write it (arXiv:1804.10959, section 3.2). counts[i]: how often piece i stands in
  /// the best segmentations.
  std::vector<double> losses_without(const UnigramLattice& lattice,
                                     const std::vector<double>& counts) const {
    const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
    std::vector<double> losses(pieces_.size());
    constexpr std::int64_t pieces_at_a_time = 4096;
    parallel_for(std::ssize(pieces_), pieces_at_a_time, [&](std::int64_t begin, std::int64_t end) {
      std::vector<std::int32_t> instead;
      for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
        if (counts[i] == 0 || i < characters_) continue;
        lattice.best(pieces_[i].text, static_cast<std::int32_t>(i), instead);
        const double more = counts[i] * static_cast<double>(instead.size() - 1);
        double other = 0;
        for (const std::int32_t piece : instead) {
          other += std::log((counts[static_cast<std::size_t>(piece)] + counts[i]) / (sum + more));
        }
        losses[i] = counts[i] * (std::log(counts[i] / sum) - other);
      }
    });
    return losses;
  }

  WordCounts words_;
  std::size_t characters_;
  ProgressSink& progress_;
  std::vector<UnigramPiece> pieces_;
};

std::vector<std::string> byte_tokens() {
  std::vector<std::string> texts;
  for (int byte = 0; byte < 256; ++byte) texts.push_back(fmt::format("<0x{:02X}>", byte));
  return texts;
}

}  // namespace

Vocabulary train_unigram(const WordCounts& words, const WordSplit& split,
                         const TrainingOptions& options) {
  require_words(words);
  Vocabulary vocabulary = with_special_tokens(split, options.special);
  vocabulary.byte_fallback = true;
  append_tokens(byte_tokens(), TokenType::byte, vocabulary);
  const std::size_t before = vocabulary.tokens.size();
  const Alphabet alphabet = with_byte_spelling(
      options.alphabet_limit
          ? alphabet_of(words, *options.alphabet_limit, 1.0)
          : alphabet_of(words, std::numeric_limits<std::int64_t>::max(), usual_coverage));
  const std::int64_t room = options.vocabulary_size - static_cast<std::int64_t>(before);
  require_room(before + alphabet.characters.size(), options.vocabulary_size,
               "256 bytes, the characters and the special tokens");
  const std::vector<UnigramPiece> pieces =
      UnigramTrainer(inside_alphabet(words, alphabet), alphabet, options)
          .run(static_cast<std::size_t>(room));
  // So unlikely that what spells a byte token in a text is never one.
  constexpr double longest_spelling = 6;
  vocabulary.scores.assign(vocabulary.tokens.size(), 0.0);
  std::fill_n(vocabulary.scores.end() - 256, 256, (longest_spelling + 2) * pieces.back().score);
  std::vector<std::string> texts;
  for (const UnigramPiece& piece : pieces) {
    texts.push_back(piece.text);
    vocabulary.scores.push_back(piece.score);
  }
  append_tokens(texts, TokenType::normal, vocabulary);
  return vocabulary;
}

}  // namespace bantam
