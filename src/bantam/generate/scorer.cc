#include "bantam/generate/scorer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "bantam/base/threads.h"
#include "bantam/generate/cached_forward.h"
#include "bantam/generate/generator.h"
#include "bantam/generate/option_tree.h"
#include "bantam/nn/kv_store.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/tape.h"

namespace bantam {
namespace {

constexpr std::size_t kWorthSharing = 16;  // tokens; less is cheaper to compute again
constexpr std::size_t kHeadRows = 128;     // logits at once: 25 MB for 50,000 tokens

void stop_if_interrupted(std::size_t done, std::size_t total) {
  if (const int signal = Interrupt::requested(); signal != 0) {
    throw Interrupted(signal, fmt::format("scoring stopped after {} of {}", done, total));
  }
}

// The probability of one token, wanted after one row of hidden states.
struct Wanted {
  std::int32_t row, token;
  double* into;  // the log-probability is added here
};

// Rows of hidden states through the head, a few at a time; each row once.
void add_log_probabilities(const CausalLM& model, const Tensor& hidden,
                           const std::vector<Wanted>& wanted) {
  std::map<std::int32_t, std::vector<const Wanted*>> by_row;
  for (const Wanted& one : wanted) by_row[one.row].push_back(&one);
  std::vector<std::int32_t> rows;
  for (const auto& [row, ones] : by_row) rows.push_back(row);
  for (std::size_t begin = 0; begin < rows.size(); begin += kHeadRows) {
    const std::span<const std::int32_t> some =
        std::span(rows).subspan(begin, std::min(kHeadRows, rows.size() - begin));
    const Tensor logits = logits_of_rows(model, hidden, some);
    const auto width = static_cast<std::size_t>(logits.size(1));
    const auto row_of = [&](std::size_t i) {
      return std::span<const float>(logits.data<float>() + i * width, width);
    };
    std::vector<double> normalizers(some.size());
    parallel_for(
        static_cast<std::int64_t>(some.size()), 1, [&](std::int64_t first, std::int64_t last) {
          for (auto i = static_cast<std::size_t>(first); i < static_cast<std::size_t>(last); ++i) {
            normalizers[i] = log_sum_exp(row_of(i));
          }
        });
    // One thread adds: the tokens of an option come from several rows.
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (!std::isfinite(normalizers[i])) {
        throw input_error("logits are not finite; the weights or an adapter are damaged");
      }
      for (const Wanted* one : by_row.at(some[i])) {
        *one->into += row_of(i)[static_cast<std::size_t>(one->token)] - normalizers[i];
      }
    }
  }
}

void check_tokens(std::span<const std::int32_t> tokens, std::int64_t vocabulary) {
  for (const std::int32_t id : tokens) {
    if (id < 0 || id >= vocabulary) {
      throw input_error("token {} is outside the vocabulary; expected 0 to {}", id, vocabulary - 1);
    }
  }
}

void check_question(const Question& question, std::int64_t context, std::int64_t vocabulary) {
  if (question.context.empty()) throw input_error("the context has no token");
  check_tokens(question.context, vocabulary);
  for (const std::vector<std::int32_t>& option : question.options) {
    if (option.empty()) throw input_error("an option has no token");
    check_tokens(option, vocabulary);
    const std::size_t length = question.context.size() + option.size();
    if (static_cast<std::int64_t>(length) > context) {
      throw input_error("{} tokens of context and option do not fit a context of {}; shorten it",
                        with_commas(static_cast<std::int64_t>(length)), with_commas(context));
    }
  }
}

// Adds an option's tokens to `wanted`; the first is predicted by `context_row`, which inner nodes
// of the tree follow from `tree_row` on.
void want(const OptionTree& tree, std::size_t option, std::int32_t context_row,
          std::int32_t tree_row, double* into, std::vector<Wanted>& wanted) {
  for (const OptionTree::Prediction& next : tree.options[option]) {
    wanted.push_back({next.after < 0 ? context_row : tree_row + next.after, next.token, into});
  }
}

// A question ready to run: what it adds to the prefix that all share.
struct Planned {
  const Question* question;
  OptionTree tree;
  std::int64_t rows;
  std::int64_t length;  // of context and longest option
  OptionScores* scores;
};

// Some questions that go through the model together.
class QuestionBatch {
 public:
  QuestionBatch(const CausalLM& model, KvStore& store, std::span<const Planned> questions,
                std::size_t shared)
      : model_(model), store_(store), questions_(questions), shared_(shared) {}

  // Contexts and all options in one pass.
  void read_all(KvStore::Sequence base) {
    read_contexts(base, [&](std::size_t q, std::int32_t context_row) {
      const Planned& planned = questions_[q];
      append_tree(q, planned.tree);
      for (std::size_t option = 0; option < planned.tree.options.size(); ++option) {
        want(planned.tree, option, context_row, context_row + 1,
             &planned.scores->log_probability[option], wanted_);
        planned.scores->complete[option] = true;
      }
    });
  }

  // Contexts first, which give each option's first token; then, in as many passes as it takes, the
  // options that these do not rule out.
  void read_likely(KvStore::Sequence base, double left_out) {
    read_contexts(base, [&](std::size_t q, std::int32_t context_row) {
      const Planned& planned = questions_[q];
      for (std::size_t option = 0; option < planned.tree.options.size(); ++option) {
        const auto& first = planned.tree.options[option].front();
        wanted_.push_back({context_row, first.token, &planned.scores->log_probability[option]});
        planned.scores->complete[option] = planned.tree.options[option].size() == 1;
      }
    });
    while (true) {
      for (std::size_t q = 0; q < questions_.size(); ++q) {
        read_options(q, undecided(questions_[q], std::log(left_out)));
      }
      if (tokens_.empty()) return;
      run();
      for (std::size_t q = 0; q < questions_.size(); ++q) {
        store_.truncate(sequences_[q],
                        static_cast<std::int64_t>(questions_[q].question->context.size()));
      }
    }
  }

  void release() {
    for (const KvStore::Sequence sequence : sequences_) store_.release(sequence);
  }

 private:
  // after_context(question, row of its last token) adds what is to be read and known there.
  template <class AfterContext>
  void read_contexts(KvStore::Sequence base, AfterContext after_context) {
    for (std::size_t q = 0; q < questions_.size(); ++q) {
      sequences_.push_back(store_.branch(base));
      const std::span<const std::int32_t> own =
          std::span(questions_[q].question->context).subspan(shared_);
      const KvStore::Append append{sequences_[q], std::ssize(own), questions_[q].length};
      append_step(step_, store_.extend({&append, 1}));
      tokens_.insert(tokens_.end(), own.begin(), own.end());
      after_context(q, static_cast<std::int32_t>(tokens_.size()) - 1);
    }
    run();
  }

  void append_tree(std::size_t q, const OptionTree& tree) {
    std::vector<std::int32_t> parents;
    for (const OptionTree::Inner& node : tree.inner) {
      parents.push_back(node.parent);
      tokens_.push_back(node.token);
    }
    append_step(step_, store_.extend_tree(sequences_[q], parents, questions_[q].length));
  }

  // Options to read next: those that may still count beside the likeliest one known.
  static std::vector<std::size_t> undecided(const Planned& planned, double log_share) {
    const OptionScores& scores = *planned.scores;
    const auto best_of = [&](bool complete) {
      double best = -std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < scores.complete.size(); ++i) {
        if (scores.complete[i] == complete) best = std::max(best, scores.log_probability[i]);
      }
      return best;
    };
    const double complete = best_of(true);
    const double least = (std::isfinite(complete) ? complete : best_of(false)) + log_share;
    std::vector<std::size_t> options;
    for (std::size_t i = 0; i < scores.complete.size(); ++i) {
      const bool always = static_cast<std::int64_t>(i) == planned.question->always_read;
      if (!scores.complete[i] && (always || scores.log_probability[i] >= least)) {
        options.push_back(i);
      }
    }
    return options;
  }

  void read_options(std::size_t q, std::span<const std::size_t> options) {
    if (options.empty()) return;
    const Planned& planned = questions_[q];
    std::vector<std::vector<std::int32_t>> tokens;
    for (const std::size_t option : options) {
      tokens.push_back(planned.question->options[option]);
    }
    OptionTree tree = make_option_tree(tokens);
    const auto tree_row = static_cast<std::int32_t>(tokens_.size());
    append_tree(q, tree);
    for (std::size_t i = 0; i < options.size(); ++i) {
      tree.options[i].erase(tree.options[i].begin());  // known from the context
      want(tree, i, -1, tree_row, &planned.scores->log_probability[options[i]], wanted_);
      planned.scores->complete[options[i]] = true;
    }
  }

  void run() {
    const Tensor hidden =
        forward_cached(model_, store_, std::move(step_), std::move(tokens_), Rounding::passage);
    add_log_probabilities(model_, hidden, wanted_);
    step_ = {};
    tokens_.clear();
    wanted_.clear();
  }

  const CausalLM& model_;
  KvStore& store_;
  std::span<const Planned> questions_;
  std::size_t shared_;
  std::vector<KvStore::Sequence> sequences_;
  // The pass being put together.
  KvStore::Step step_;
  std::vector<std::int32_t> tokens_;
  std::vector<Wanted> wanted_;
};

// Tokens of a context with its longest option: that option's last counts, though it is not read, as
// it does where whole texts are scored.
std::int64_t length_of(const Question& question) {
  std::size_t longest = 0;
  for (const auto& option : question.options) longest = std::max(longest, option.size());
  return static_cast<std::int64_t>(question.context.size() + longest);
}

// Tokens that all contexts begin with; each keeps at least one of its own, whose row predicts.
std::size_t shared_prefix(std::span<const Question> questions, const DecoderConfig& config) {
  const std::int64_t length = length_of(questions.front());
  for (const Question& question : questions) {
    if (!config.turns_alike(length, length_of(question))) return 0;
  }
  std::size_t shared = questions.front().context.size() - 1;
  for (const Question& question : questions) {
    shared = std::min({shared, question.context.size() - 1,
                       common_prefix(question.context, questions.front().context)});
  }
  return questions.size() < 2 || shared < kWorthSharing ? 0 : shared;
}

// Ends of runs of questions whose rows stay within the budget, or that are single.
std::vector<std::size_t> batches_within(std::span<const Planned> planned, std::int64_t budget) {
  std::vector<std::size_t> ends;
  std::int64_t rows = 0;
  for (std::size_t i = 0; i < planned.size(); ++i) {
    if (i > 0 && rows + planned[i].rows > budget) {
      ends.push_back(i);
      rows = 0;
    }
    rows += planned[i].rows;
  }
  ends.push_back(planned.size());
  return ends;
}

}  // namespace

Question make_question(const Tokenizer& tokenizer, std::string_view context,
                       std::span<const std::string> options, Boundary boundary) {
  Question question;
  question.context = encode_prompt(tokenizer, context);
  if (question.context.empty()) throw input_error("the context of a question is empty");
  for (const std::string& option : options) {
    if (option.empty()) throw input_error("option {} is empty", question.options.size() + 1);
    if (boundary == Boundary::joined) {
      question.options.push_back(encode_prompt(tokenizer, std::string(context) + option));
    } else {
      question.options.push_back(tokenizer.encode(option, Special::plain).ids);
    }
  }
  if (boundary == Boundary::separate) return question;
  std::size_t shared = question.context.size();
  for (const std::vector<std::int32_t>& whole : question.options) {
    shared = std::min(shared, common_prefix(whole, question.context));
  }
  if (shared == 0) {
    throw input_error("no token of the context is left when '{}' follows it; begin with more text",
                      escaped(options.front()));
  }
  question.context.resize(shared);
  for (std::vector<std::int32_t>& whole : question.options) {
    whole.erase(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(shared));
  }
  return question;
}

Scorer::Scorer(std::shared_ptr<const CausalLM> model, const ScorerOptions& options)
    : model_(std::move(model)), options_(options) {
  if (options_.context == 0) options_.context = model_->config().context;
  if (!(options_.left_out >= 0 && options_.left_out < 1)) {
    throw usage_error("left_out is {}; expected a share from 0 to below 1", options_.left_out);
  }
}

std::vector<OptionScores> Scorer::score(std::span<const Question> questions,
                                        ProgressSink& progress) const {
  std::vector<OptionScores> scores(questions.size());
  if (questions.empty()) return scores;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    try {
      check_question(questions[i], options_.context, model_->config().vocabulary);
    } catch (const Error& error) {
      throw error.at(fmt::format("question {}", i + 1));
    }
  }
  const std::size_t shared = shared_prefix(questions, model_->config());
  std::vector<Planned> planned;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const Question& question = questions[i];
    scores[i].log_probability.assign(question.options.size(), 0);
    scores[i].complete.assign(question.options.size(), false);
    for (const auto& option : question.options) {
      scores[i].tokens.push_back(static_cast<int>(option.size()));
    }
    OptionTree tree = make_option_tree(question.options);
    const std::size_t rows = question.context.size() - shared + tree.inner.size();
    planned.push_back({&question, std::move(tree), static_cast<std::int64_t>(rows),
                       length_of(question), &scores[i]});
  }
  const std::vector<std::size_t> ends = batches_within(planned, options_.step_rows);
  // Each question takes whole pages of its own.
  std::int64_t most_pages = 0;
  for (std::size_t begin = 0, batch = 0; batch < ends.size(); begin = ends[batch++]) {
    std::int64_t pages = 0;
    for (std::size_t i = begin; i < ends[batch]; ++i) {
      pages += planned[i].rows / KvStore::kPageRows + 2;
    }
    most_pages = std::max(most_pages, pages);
  }
  KvStore store(model_->kv_shape(),
                static_cast<std::int64_t>(shared) + (most_pages + 1) * KvStore::kPageRows);
  const KvStore::Sequence base = store.new_sequence();
  const std::span<const std::int32_t> prefix =
      std::span(questions.front().context).subspan(0, shared);
  const auto piece = static_cast<std::size_t>(std::max<std::int64_t>(1, options_.step_rows));
  for (std::size_t begin = 0; begin < shared; begin += piece) {
    const auto part = prefix.subspan(begin, std::min(piece, shared - begin));
    const KvStore::Append append{base, std::ssize(part), planned.front().length};
    forward_cached(*model_, store, store.extend({&append, 1}), {part.begin(), part.end()},
                   Rounding::passage);
  }
  ProgressPhase phase(progress, "Scoring", static_cast<double>(questions.size()), "questions");
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    stop_if_interrupted(begin, questions.size());
    QuestionBatch batch(*model_, store, std::span(planned).subspan(begin, end - begin), shared);
    if (options_.left_out > 0) {
      batch.read_likely(base, options_.left_out);
    } else {
      batch.read_all(base);
    }
    batch.release();
    begin = end;
    phase.advance(static_cast<double>(end));
  }
  return scores;
}

std::vector<std::vector<double>> Scorer::token_log_probabilities(std::span<const RollingText> texts,
                                                                 ProgressSink& progress) const {
  std::vector<std::vector<double>> results(texts.size());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto size = static_cast<std::int64_t>(texts[i].tokens.size());
    if (texts[i].first < 1 || texts[i].first > size) {
      throw input_error("text {}: scored from token {}, expected 1 to {}", i + 1, texts[i].first,
                        size);
    }
    if (size > options_.context) {
      throw input_error("text {}: {} tokens do not fit a context of {}; score it in windows", i + 1,
                        with_commas(size), with_commas(options_.context));
    }
    check_tokens(texts[i].tokens, model_->config().vocabulary);
    results[i].assign(static_cast<std::size_t>(size - texts[i].first), 0);
  }
  const Tape::Paused paused;
  const RoundActivations rounded(Rounding::passage);
  ProgressPhase phase(progress, "Scoring", static_cast<double>(texts.size()), "texts");
  for (std::size_t begin = 0, end = 0; begin < texts.size(); begin = end) {
    stop_if_interrupted(begin, texts.size());
    std::vector<std::vector<std::int32_t>> sequences;
    std::vector<Wanted> wanted;
    std::int64_t rows = 0;
    for (; end < texts.size(); ++end) {
      const auto& tokens = texts[end].tokens;
      const auto size = static_cast<std::int64_t>(tokens.size());
      if (end > begin && rows + size > options_.step_rows) break;
      for (std::int64_t i = texts[end].first; i < size; ++i) {
        wanted.push_back({static_cast<std::int32_t>(rows + i - 1),
                          tokens[static_cast<std::size_t>(i)],
                          &results[end][static_cast<std::size_t>(i - texts[end].first)]});
      }
      sequences.push_back(tokens);
      rows += size;
    }
    if (!wanted.empty()) {
      add_log_probabilities(*model_, model_->hidden(make_batch(sequences)), wanted);
    }
    phase.advance(static_cast<double>(end));
  }
  return results;
}

}  // namespace bantam
