#include "bantam/text/training/merge_learner.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "bantam/base/error.h"
#include "bantam/text/training/pair_table.h"

namespace bantam {
namespace {

/// The queue is that of BpeTrainer in `tokenizers`: a candidate knows only the words in which its
/// pair was when it was queued, and its count is brought up to date when it comes first. A pair can
/// have two candidates, where one text is made in two ways; then the later place in the list of
/// merges counts.
class MergeLearner {
 public:
  MergeLearner(SymbolWords words, const MergeLimits& limits, std::vector<std::string>& tokens)
      : symbols_(std::move(words.symbols)),
        counts_(std::move(words.counts)),
        limits_(limits),
        tokens_(tokens) {
    std::size_t begin = 0;
    for (const std::size_t end : words.ends) {
      begins_.push_back(begin);
      lengths_.push_back(static_cast<std::uint32_t>(end - begin));
      begin = end;
    }
    for (std::size_t id = 0; id < tokens_.size(); ++id) {
      ids_.emplace(tokens_[id], static_cast<std::int32_t>(id));
    }
  }

  std::vector<Merge> run() {
    count_pairs();
    const auto start = static_cast<std::int64_t>(tokens_.size());
    ProgressPhase phase(*limits_.progress, "Learning merges",
                        static_cast<double>(limits_.vocabulary_size - start), "tokens");
    while (std::ssize(tokens_) < limits_.vocabulary_size && !queue_.empty()) {
      Candidate best = take_best();
      const std::int64_t count = pairs_[best.pair].count;
      if (best.count != count) {
        best.count = count;
        push(std::move(best));
        continue;
      }
      if (count < 1 || count < limits_.minimum_frequency) break;
      merge_everywhere(best);
      if (const auto made = std::ssize(tokens_) - start; made % 256 == 0) {
        phase.advance(static_cast<double>(made));
      }
      if (const int signal = Interrupt::requested(); signal != 0) {
        throw Interrupted(signal, "stopped while merges were learned");
      }
    }
    return last_of_each_pair();
  }

 private:
  struct Pair {
    std::int64_t count = 0;
    std::vector<std::uint32_t> words;  // where it came up since it was queued last
  };
  struct Candidate {
    std::int64_t count;
    std::uint64_t ids;
    std::uint32_t pair;
    std::vector<std::uint32_t> words;
    bool operator<(const Candidate& other) const {
      return count != other.count ? count < other.count : ids > other.ids;
    }
  };

  void count_pairs() {
    for (std::uint32_t word = 0; word < lengths_.size(); ++word) {
      const std::int32_t* symbols = symbols_.data() + begins_[word];
      for (std::uint32_t i = 0; i + 1 < lengths_[word]; ++i) {
        add(symbols[i], symbols[i + 1], word, counts_[word]);
      }
    }
    queue_changed();
  }

  void add(std::int32_t left, std::int32_t right, std::uint32_t word, std::int64_t count) {
    const std::uint32_t number = table_.number_of(left, right);
    if (number == pairs_.size()) pairs_.emplace_back();
    Pair& pair = pairs_[number];
    pair.count += count;
    if (count < 0) return;
    if (pair.words.empty()) changed_.push_back(number);
    if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  }

  void queue_changed() {
    for (const std::uint32_t number : changed_) {
      Pair& pair = pairs_[number];
      std::vector<std::uint32_t> words = std::move(pair.words);
      pair.words = {};
      if (pair.count > 0) push({pair.count, table_.pair(number), number, std::move(words)});
    }
    changed_.clear();
  }

  void push(Candidate candidate) {
    queue_.push_back(std::move(candidate));
    std::push_heap(queue_.begin(), queue_.end());
  }
  Candidate take_best() {
    std::pop_heap(queue_.begin(), queue_.end());
    Candidate best = std::move(queue_.back());
    queue_.pop_back();
    return best;
  }

  void merge_everywhere(const Candidate& candidate) {
    Merge merge{static_cast<std::int32_t>(candidate.ids >> 32),
                static_cast<std::int32_t>(candidate.ids & 0xFFFFFFFF), 0};
    merge.result = id_of(joined(merge));
    if (static_cast<std::size_t>(merge.result) < limits_.special_tokens) return;
    merges_.push_back(merge);
    for (const std::uint32_t word : candidate.words) merge_in(word, merge);
    queue_changed();
  }

  std::string joined(const Merge& merge) const {
    std::string_view right = tokens_[static_cast<std::size_t>(merge.right)];
    if (right.starts_with(limits_.continuing_prefix)) {
      right.remove_prefix(limits_.continuing_prefix.size());
    }
    return tokens_[static_cast<std::size_t>(merge.left)] + std::string(right);
  }

  std::int32_t id_of(std::string text) {
    const auto [place, is_new] =
        ids_.try_emplace(std::move(text), static_cast<std::int32_t>(tokens_.size()));
    if (is_new) tokens_.push_back(place->first);
    return place->second;
  }

  void merge_in(std::uint32_t word, const Merge& merge) {
    std::int32_t* symbols = symbols_.data() + begins_[word];
    const std::uint32_t length = lengths_[word];
    const std::int64_t count = counts_[word];
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < length; ++i) {
      const bool found =
          i + 1 < length && symbols[i] == merge.left && symbols[i + 1] == merge.right;
      if (!found) {
        symbols[kept++] = symbols[i];
        continue;
      }
      if (kept > 0) {
        add(symbols[kept - 1], merge.left, word, -count);
        add(symbols[kept - 1], merge.result, word, count);
      }
      symbols[kept++] = merge.result;
      ++i;
      if (i + 1 < length) {
        add(merge.right, symbols[i + 1], word, -count);
        add(merge.result, symbols[i + 1], word, count);
      }
    }
    lengths_[word] = kept;
  }

  std::vector<Merge> last_of_each_pair() {
    const auto number = [this](const Merge& merge) {
      return table_.number_of(merge.left, merge.right);
    };
    std::vector<std::size_t> last(table_.size());
    for (std::size_t i = 0; i < merges_.size(); ++i) last[number(merges_[i])] = i;
    std::vector<Merge> kept;
    for (std::size_t i = 0; i < merges_.size(); ++i) {
      if (last[number(merges_[i])] == i) kept.push_back(merges_[i]);
    }
    return kept;
  }

  std::vector<std::int32_t> symbols_;
  std::vector<std::size_t> begins_;
  std::vector<std::uint32_t> lengths_;
  std::vector<std::int64_t> counts_;
  const MergeLimits& limits_;
  std::vector<std::string>& tokens_;
  std::unordered_map<std::string, std::int32_t> ids_;
  PairTable table_;
  std::vector<Pair> pairs_;             // by number in the table
  std::vector<std::uint32_t> changed_;  // pairs that came up in this step
  std::vector<Candidate> queue_;        // a heap
  std::vector<Merge> merges_;
};

}  // namespace

std::vector<Merge> learn_merges(SymbolWords words, const MergeLimits& limits,
                                std::vector<std::string>& tokens) {
  return MergeLearner(std::move(words), limits, tokens).run();
}

}  // namespace bantam
