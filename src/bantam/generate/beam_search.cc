#include "bantam/generate/beam_search.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include "bantam/generate/cached_forward.h"
#include "bantam/generate/forbidden_tokens.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

using Clock = std::chrono::steady_clock;

struct Beam {
  std::vector<std::int32_t> tokens;  // of the answer
  std::vector<double> log_probabilities;
  double sum = 0;
  KvStore::Sequence sequence = 0;
};

struct Continuation {
  std::size_t beam;
  std::int32_t token;
  double sum;              // of the beam and this token, after the repetition penalty
  double log_probability;  // of the token, under the model
};

struct Finished {
  Beam beam;
  double score;
  FinishReason reason;
};

bool better(const Continuation& a, const Continuation& b) {
  if (a.sum != b.sum) return a.sum > b.sum;
  return a.beam != b.beam ? a.beam < b.beam : a.token < b.token;
}

class Search {
 public:
  Search(const CausalLM& model, const std::shared_ptr<const Tokenizer>& tokenizer,
         const AnswerTokens& tokens, const Request& request, const BeamSettings& settings)
      : model_(model),
        tokenizer_(tokenizer),
        tokens_(tokens),
        request_(request),
        settings_(settings),
        limit_(std::min(request.options.max_tokens.value_or(settings.context),
                        settings.context - static_cast<std::int64_t>(request.prompt.size()))),
        // Branches leave pages partly used, in the worst case one a beam and token; memory grows
        // only as it is used.
        store_(model.kv_shape(), static_cast<std::int64_t>(request.prompt.size()) +
                                     (settings.beams * (limit_ + 1) + 1) * KvStore::kPageRows) {
    if (!request.options.ignore_eos) end_tokens_ = tokens.end;
  }

  Completion run();

 private:
  const CausalLM& model_;
  const std::shared_ptr<const Tokenizer>& tokenizer_;
  const AnswerTokens& tokens_;
  const Request& request_;
  const BeamSettings& settings_;
  std::int64_t limit_;  // tokens of an answer
  KvStore store_;
  std::vector<std::int32_t> end_tokens_;
  std::vector<Beam> running_;
  std::vector<Finished> finished_;  // best first
  bool cancelled_ = false;

  Tensor read_prompt();
  Tensor extend_beams();
  std::vector<Continuation> continuations(const Tensor& logits) const;
  void add_continuations(std::size_t beam, std::span<const float> logits, std::size_t count,
                         std::vector<Continuation>& all) const;
  std::optional<std::int32_t> forced_token(const Beam& beam) const;
  std::vector<std::int32_t> forbidden_tokens(const Beam& beam) const;
  std::optional<FinishReason> ends(const Continuation& next) const;
  Beam continued(const Continuation& next) const;
  double score(const Beam& beam) const;
  bool may_improve() const;
  bool advance(const std::vector<Continuation>& best);
  void set_text(Choice& choice, const Finished& finished) const;
  void set_whole_text(Choice& choice, const Finished& finished) const;
  Choice choice_of(const Finished& finished) const;
};

Tensor Search::read_prompt() {
  Beam start;
  start.sequence = store_.new_sequence();
  const std::vector<std::int32_t>& prompt = request_.prompt;
  Tensor hidden;
  std::int64_t rows = 0;
  for (std::size_t begin = 0; begin < prompt.size(); begin += static_cast<std::size_t>(rows)) {
    const auto pending = static_cast<std::int64_t>(prompt.size() - begin);
    const std::int64_t piece = std::min(settings_.step_rows, pending),
                       passage = passage_tokens(piece, pending);
    const Rounding rounding = passage > 0 ? Rounding::passage : Rounding::rows;
    rows = passage > 0 ? passage : piece;
    const KvStore::Append append{start.sequence, rows};
    const auto first = prompt.begin() + static_cast<std::ptrdiff_t>(begin);
    hidden = forward_cached(model_, store_, store_.extend({&append, 1}), {first, first + rows},
                            rounding, settings_.source);
  }
  running_.push_back(std::move(start));
  const auto last = static_cast<std::int32_t>(rows - 1);
  return logits_of_rows(model_, hidden, {&last, 1});
}

Tensor Search::extend_beams() {
  std::vector<KvStore::Append> appends;
  std::vector<std::int32_t> tokens, rows;
  for (const Beam& beam : running_) {
    appends.push_back({beam.sequence, 1});
    rows.push_back(static_cast<std::int32_t>(tokens.size()));
    tokens.push_back(beam.tokens.back());
  }
  const Tensor hidden = forward_cached(model_, store_, store_.extend(appends), std::move(tokens),
                                       Rounding::rows, settings_.source);
  return logits_of_rows(model_, hidden, rows);
}

// A token that is forced costs a beam nothing.
std::optional<std::int32_t> Search::forced_token(const Beam& beam) const {
  if (std::ssize(beam.tokens) == limit_ - 1 && settings_.forced_last) return settings_.forced_last;
  return beam.tokens.empty() ? settings_.forced_first : std::nullopt;
}

// Sorted.
std::vector<std::int32_t> Search::forbidden_tokens(const Beam& beam) const {
  const GenerateOptions& options = request_.options;
  std::vector<std::int32_t> history = request_.prompt;
  history.insert(history.end(), beam.tokens.begin(), beam.tokens.end());
  std::vector<std::int32_t> all = tokens_.hidden;
  const auto add = [&all](const std::vector<std::int32_t>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  if (options.ignore_eos || std::ssize(beam.tokens) < options.min_tokens.value_or(0)) {
    add(tokens_.end);
  }
  add(ends_of_repeats(history, history, options.no_repeat_ngram.value_or(0)));
  add(ends_of_repeats(settings_.source_tokens, history, settings_.no_source_ngram));
  add(ends_of_sequences(settings_.forbidden, history));
  std::ranges::sort(all);
  return all;
}

void Search::add_continuations(std::size_t beam, std::span<const float> logits, std::size_t count,
                               std::vector<Continuation>& all) const {
  const double normalizer = log_sum_exp(logits);
  if (!std::isfinite(normalizer)) {
    throw input_error("logits are not finite; the weights or an adapter are damaged");
  }
  if (const auto forced = forced_token(running_[beam])) {
    all.push_back({beam, *forced, running_[beam].sum,
                   logits[static_cast<std::size_t>(*forced)] - normalizer});
    return;
  }
  Candidates candidates;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    candidates.push_back(
        {static_cast<std::int32_t>(id), static_cast<float>(logits[id] - normalizer)});
  }
  const std::vector<std::int32_t> forbidden = forbidden_tokens(running_[beam]);
  std::erase_if(candidates,
                [&](const Candidate& c) { return std::ranges::binary_search(forbidden, c.id); });
  const double penalty = request_.options.sampler.repetition_penalty.value_or(1);
  if (penalty != 1) {
    std::vector<std::int32_t> history = request_.prompt;
    const std::vector<std::int32_t>& answer = running_[beam].tokens;
    history.insert(history.end(), answer.begin(), answer.end());
    penalize_repetition(candidates, history, penalty);
  }
  keep_top_k(candidates, static_cast<int>(count));
  for (const Candidate& c : candidates) {
    all.push_back({beam, c.id, running_[beam].sum + c.logit,
                   logits[static_cast<std::size_t>(c.id)] - normalizer});
  }
}

// Enough of the best to leave a full set of beams even if every end token is among them.
std::vector<Continuation> Search::continuations(const Tensor& logits) const {
  const std::size_t count =
      std::max<std::size_t>(2, 1 + end_tokens_.size()) * static_cast<std::size_t>(settings_.beams);
  std::vector<Continuation> all;
  const auto width = static_cast<std::size_t>(logits.size(1));
  for (std::size_t beam = 0; beam < running_.size(); ++beam) {
    add_continuations(beam, {logits.data<float>() + beam * width, width}, count, all);
  }
  std::ranges::sort(all, better);
  if (all.size() > count) all.resize(count);
  return all;
}

std::optional<FinishReason> Search::ends(const Continuation& next) const {
  if (std::ranges::binary_search(end_tokens_, next.token)) return FinishReason::stop;
  const Beam& beam = running_[next.beam];
  if (!request_.options.stop.empty()) {
    std::vector<std::int32_t> tokens = beam.tokens;
    tokens.push_back(next.token);
    StopText text(request_.options.stop);
    text.push(tokenizer_->decode(tokens, true));
    if (text.found()) return FinishReason::stop;
  }
  if (static_cast<std::int64_t>(beam.tokens.size()) + 1 >= limit_) return FinishReason::length;
  return std::nullopt;
}

Beam Search::continued(const Continuation& next) const {
  const Beam& parent = running_[next.beam];
  Beam beam{parent.tokens, parent.log_probabilities, next.sum, parent.sequence};
  beam.tokens.push_back(next.token);
  beam.log_probabilities.push_back(next.log_probability);
  return beam;
}

double Search::score(const Beam& beam) const {
  return beam.sum / std::pow(static_cast<double>(beam.tokens.size()),
                             request_.options.length_penalty.value_or(1));
}

// Whether a running beam may still win.
bool Search::may_improve() const {
  if (running_.empty()) return false;
  if (finished_.size() < static_cast<std::size_t>(settings_.beams)) return true;
  if (settings_.early_stopping == EarlyStopping::when_full) return false;
  const Beam& best = running_.front();
  const double penalty = request_.options.length_penalty.value_or(1);
  // A longer answer is divided by more.
  const bool gains = settings_.early_stopping == EarlyStopping::when_proven && penalty > 0;
  const double most =
      gains ? best.sum / std::pow(static_cast<double>(limit_), penalty) : score(best);
  return most > finished_.back().score;
}

// False when no running beam can win any more.
bool Search::advance(const std::vector<Continuation>& best) {
  const auto beams = static_cast<std::size_t>(settings_.beams);
  std::vector<Beam> next;
  if (best.empty() && finished_.empty()) {
    throw input_error("no token is left to choose from; everything is forbidden");
  }
  for (std::size_t rank = 0; rank < best.size(); ++rank) {
    const std::optional<FinishReason> reason = ends(best[rank]);
    if (!reason && next.size() < beams) {
      next.push_back(continued(best[rank]));
    } else if (reason && rank < beams) {
      Beam beam = continued(best[rank]);
      const double beam_score = score(beam);
      finished_.push_back({std::move(beam), beam_score, *reason});
    }
  }
  std::ranges::stable_sort(finished_, std::greater<>(), &Finished::score);
  if (finished_.size() > beams) finished_.resize(beams);
  for (Beam& beam : next) beam.sequence = store_.branch(beam.sequence);
  for (const Beam& parent : running_) store_.release(parent.sequence);
  running_ = std::move(next);
  return may_improve();
}

// What an encoder-decoder writes is a text of its own, before whose first word there is no space.
void Search::set_whole_text(Choice& choice, const Finished& finished) const {
  std::vector<std::int32_t> tokens = finished.beam.tokens;
  if (!tokens.empty() && std::ranges::binary_search(end_tokens_, tokens.back())) tokens.pop_back();
  StopText text(request_.options.stop);
  choice.text = text.push(repair_utf8(tokenizer_->decode(tokens, true)));
  choice.text += text.finish();
  choice.stop = text.found().value_or("");
}

void Search::set_text(Choice& choice, const Finished& finished) const {
  StopRules rules{end_tokens_, request_.options.stop, limit_,
                  std::numeric_limits<std::int64_t>::max(), request_.shown_tokens};
  Stopper stopper(tokenizer_, std::move(rules));
  for (const std::int32_t token : finished.beam.tokens) {
    if (!stopper.stopped()) choice.text += stopper.push(token);
  }
  if (!stopper.stopped()) choice.text += stopper.end(finished.reason);
  choice.stop = stopper.stop();
}

Choice Search::choice_of(const Finished& finished) const {
  Choice choice;
  if (tokenizer_) {
    settings_.source ? set_whole_text(choice, finished) : set_text(choice, finished);
  }
  choice.tokens = finished.beam.tokens;
  if (request_.options.logprobs) choice.log_probabilities = finished.beam.log_probabilities;
  choice.finish_reason = finished.reason;
  choice.context_full = finished.reason == FinishReason::length &&
                        limit_ < request_.options.max_tokens.value_or(settings_.context);
  choice.score = finished.score;
  return choice;
}

Completion Search::run() {
  const Clock::time_point start = Clock::now();
  const auto elapsed = [start] {
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  Completion completion;
  completion.prompt_tokens = static_cast<std::int64_t>(request_.prompt.size());
  Tensor logits = read_prompt();
  completion.prompt_seconds = elapsed();
  while (advance(continuations(logits))) {
    if (settings_.cancelled && settings_.cancelled()) {
      for (const Beam& beam : running_) {
        finished_.push_back({beam, score(beam), FinishReason::cancelled});
      }
      break;
    }
    logits = extend_beams();
  }
  for (const Finished& finished : finished_) {
    if (completion.choices.size() == static_cast<std::size_t>(request_.options.n)) break;
    completion.choices.push_back(choice_of(finished));
  }
  completion.seconds = elapsed();
  return completion;
}

}  // namespace

Completion beam_search(const CausalLM& model, const std::shared_ptr<const Tokenizer>& tokenizer,
                       const AnswerTokens& tokens, const Request& request,
                       const BeamSettings& settings) {
  if (request.options.n > settings.beams) {
    throw usage_error("n: {} answers need at least as many beams, found beam:{}", request.options.n,
                      settings.beams);
  }
  if (!tokenizer && !request.options.stop.empty()) {
    throw usage_error("stop: strings that end an answer need a tokenizer");
  }
  return Search(model, tokenizer, tokens, request, settings).run();
}

}  // namespace bantam
