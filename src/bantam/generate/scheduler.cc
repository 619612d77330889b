#include "bantam/generate/scheduler.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "bantam/base/threads.h"
#include "bantam/generate/cached_forward.h"
#include "bantam/generate/forbidden_tokens.h"
#include "bantam/tensor/ops.h"

namespace bantam {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Below this, sharing a prefix saves less than the page it leaves half empty.
constexpr std::size_t kWorthSharing = 16;

std::int64_t pages_of(std::int64_t tokens) {
  return (tokens + KvStore::kPageRows - 1) / KvStore::kPageRows;
}

// Every lane may fill its context; each branch leaves at most one page partly unused.
std::int64_t store_tokens(const GeneratorOptions& options) {
  return (options.max_batch * (pages_of(options.context) + 3) + options.kept_sequences) *
         KvStore::kPageRows;
}

GeneratorOptions completed(GeneratorOptions options, const DecoderConfig& config) {
  if (options.context == 0) options.context = config.context;
  if (options.context < 2) {
    throw usage_error("context: expected at least 2 tokens, found {}", options.context);
  }
  if (options.max_batch < 1 || options.step_rows < 1) {
    throw usage_error("batch: expected at least 1 answer and 1 row a step, found {} and {}",
                      options.max_batch, options.step_rows);
  }
  return options;
}

}  // namespace

AnswerTokens answer_tokens(const CausalLM& model, const Tokenizer& tokenizer,
                           const Json& generation_config) {
  AnswerTokens tokens;
  tokens.end = tokenizer.end_of_generation();
  const Json eos = generation_config.is_object() && generation_config.contains("eos_token_id")
                       ? generation_config["eos_token_id"]
                       : Json();
  for (const Json& id : eos.is_array() ? eos : Json::array({eos})) {
    if (id.is_number_integer()) tokens.end.push_back(id.get<std::int32_t>());
  }
  std::ranges::sort(tokens.end);
  tokens.end.erase(std::unique(tokens.end.begin(), tokens.end.end()), tokens.end.end());
  const auto& types = tokenizer.vocabulary().types;
  for (std::int32_t id = 0; id < static_cast<std::int32_t>(model.config().vocabulary); ++id) {
    const bool hole = static_cast<std::size_t>(id) < types.size() &&
                      types[static_cast<std::size_t>(id)] == TokenType::unused;
    if (id >= tokenizer.vocabulary_size() || hole) tokens.hidden.push_back(id);
  }
  return tokens;
}

// A request on its way: its answers share one prompt.
struct Scheduler::Job {
  Request request;
  Listener listener;
  Completion completion;
  int started = 0, finished = 0;  // answers
  // Once the prompt is read, until the last answer has started:
  std::optional<KvStore::Sequence> prompt_end;
  std::vector<float> first_logits;
  Clock::time_point admitted;
  bool ended = false;    // failed or cancelled: nothing of it goes on
  bool damaged = false;  // its keys and values are not finite
};

// One sequence that grows: a prompt being read, then an answer.
struct Scheduler::Lane {
  std::shared_ptr<Job> job;
  int sample = -1;  // -1 while the prompt is read
  KvStore::Sequence sequence = 0;
  std::vector<std::int32_t> tokens;  // prompt and answer
  std::size_t cached = 0;            // of them, in the store
  std::optional<Sampler> sampler;
  std::optional<Stopper> stopper;
  bool done = false;
};

struct Scheduler::Drawn {
  bool damaged = false;  // logits are not finite
  std::int32_t token = 0;
  double log_probability = 0;
};

// What lanes bring to one forward pass.
struct Scheduler::Pass {
  Rounding rounding;
  std::vector<KvStore::Append> appends = {};
  std::vector<std::int32_t> tokens = {};
  std::vector<std::int32_t> rows = {};  // the last of each lane that is read to its end
  std::vector<Lane*> ready = {};        // those lanes
};

struct Scheduler::Kept {
  std::vector<std::int32_t> tokens;
  KvStore::Sequence sequence;
};

Scheduler::Scheduler(std::shared_ptr<const CausalLM> model,
                     std::shared_ptr<const Tokenizer> tokenizer, AnswerTokens tokens,
                     const GeneratorOptions& options)
    : model_(std::move(model)),
      tokenizer_(std::move(tokenizer)),
      tokens_(std::move(tokens)),
      options_(completed(options, model_->config())),
      store_(model_->kv_shape(), store_tokens(options_)) {
  model_->prepare_answers();
}

Scheduler::~Scheduler() = default;

void Scheduler::check(const Request& request) const {
  const auto length = static_cast<std::int64_t>(request.prompt.size());
  if (length == 0) throw input_error("prompt: expected at least one token, found none");
  if (length >= options_.context) {
    throw input_error(
        "prompt: {} tokens leave no room for an answer in a context of {}; shorten it, or raise "
        "--context (the model was trained for {})",
        with_commas(length), with_commas(options_.context), with_commas(model_->config().context));
  }
  for (std::size_t i = 0; i < request.prompt.size(); ++i) {
    const std::int32_t id = request.prompt[i];
    if (id < 0 || id >= model_->config().vocabulary) {
      throw input_error("prompt: token {} is {}; expected 0 to {}", i, id,
                        model_->config().vocabulary - 1);
    }
  }
  if (request.options.n < 1) {
    throw usage_error("n: expected at least 1 answer, found {}", request.options.n);
  }
}

void Scheduler::submit(Request request, Listener listener) {
  check(request);
  auto job = std::make_shared<Job>();
  job->completion.choices.resize(static_cast<std::size_t>(request.options.n));
  job->completion.prompt_tokens = static_cast<std::int64_t>(request.prompt.size());
  job->request = std::move(request);
  job->listener = std::move(listener);
  job->admitted = Clock::now();
  waiting_.push_back(std::move(job));
}

void Scheduler::make_room(std::int64_t tokens) {
  while (store_.free_tokens() < tokens && !kept_.empty()) {
    store_.release(kept_.front().sequence);
    kept_.pop_front();
  }
}

// Answers to prompts already read come before new prompts: they cost no reading.
void Scheduler::start_answers() {
  while (!full() && !read_.empty()) {
    const std::shared_ptr<Job> job = read_.front();
    const bool last = job->started + 1 == job->request.options.n;
    const KvStore::Sequence sequence = last ? *job->prompt_end : store_.branch(*job->prompt_end);
    if (last) {
      job->prompt_end.reset();
      read_.erase(read_.begin());
    }
    start_answer(job, sequence);
  }
}

// False when the prompt should wait for a running one to get through what both begin with.
bool Scheduler::admit(const std::shared_ptr<Job>& job) {
  const std::vector<std::int32_t>& prompt = job->request.prompt;
  // The last token is always computed: its logits are needed.
  const std::size_t reusable = prompt.size() - 1;
  std::size_t shared = 0, coming = 0;
  std::optional<KvStore::Sequence> source;
  auto kept_source = kept_.end();
  const auto common_with = [&](const std::vector<std::int32_t>& tokens) {
    if (!model_->config().turns_alike(std::ssize(prompt), std::ssize(tokens)))
      return std::size_t{0};
    return std::min(common_prefix(prompt, tokens), reusable);
  };
  for (const Lane& lane : lanes_) {
    const std::size_t common = common_with(lane.tokens);
    coming = std::max(coming, common);
    if (std::min(common, lane.cached) > shared) {
      shared = std::min(common, lane.cached);
      source = lane.sequence;
    }
  }
  for (auto kept = kept_.begin(); kept != kept_.end(); ++kept) {
    const std::size_t common = common_with(kept->tokens);
    if (common > shared) {
      shared = common;
      source = kept->sequence;
      kept_source = kept;
    }
  }
  if (coming >= kWorthSharing && coming > shared) return false;

  Lane lane;
  lane.job = job;
  lane.tokens = prompt;
  if (source && shared >= kWorthSharing) {
    lane.sequence = store_.branch(*source);
    store_.truncate(lane.sequence, static_cast<std::int64_t>(shared));
    lane.cached = shared;
    // A conversation goes on: what it held is held by the new lane.
    if (kept_source != kept_.end() && kept_source->tokens.size() <= shared + kWorthSharing) {
      store_.release(kept_source->sequence);
      kept_.erase(kept_source);
    }
  } else {
    lane.sequence = store_.new_sequence();
  }
  job->completion.cached_tokens = static_cast<std::int64_t>(lane.cached);
  job->admitted = Clock::now();
  lanes_.push_back(std::move(lane));
  return true;
}

// The first token of an answer comes from the logits after the prompt, which all answers share.
void Scheduler::start_answer(const std::shared_ptr<Job>& job, KvStore::Sequence sequence) {
  Lane lane;
  lane.job = job;
  lane.sequence = sequence;
  lane.tokens = job->request.prompt;
  lane.cached = lane.tokens.size();
  lane.sample = job->started++;
  const GenerateOptions& options = job->request.options;
  const std::int64_t room = options_.context - static_cast<std::int64_t>(lane.tokens.size());
  StopRules rules;
  if (!options.ignore_eos) rules.end_tokens = tokens_.end;
  rules.stops = options.stop;
  rules.max_tokens = options.max_tokens.value_or(std::numeric_limits<std::int64_t>::max());
  rules.room = room;
  rules.shown_tokens = job->request.shown_tokens;
  lane.stopper.emplace(tokenizer_, std::move(rules));
  // Streams of different answers to one prompt are different streams.
  const std::uint64_t stream = job->request.stream.value_or(0);
  lane.sampler.emplace(options.sampler, (stream << 12) + static_cast<std::uint64_t>(lane.sample));
  lanes_.push_back(std::move(lane));
  const bool last = job->started == options.n;
  std::vector<float> logits = last ? std::move(job->first_logits) : job->first_logits;
  append_token(lanes_.back(), draw(lanes_.back(), logits));
}

// What a lane's logits give: of a prompt, only whether they can be used. `logits` are overwritten:
// tokens that may not be chosen become -inf. Reads nothing that other lanes write.
Scheduler::Drawn Scheduler::draw(const Lane& lane, std::span<float> logits) const {
  if (!all_finite(logits)) return {.damaged = true};
  if (lane.sample < 0) return {};
  const Choice& choice = lane.job->completion.choices[static_cast<std::size_t>(lane.sample)];
  const GenerateOptions& options = lane.job->request.options;
  const double normalizer = options.logprobs ? log_sum_exp(logits) : 0;
  const float never = -std::numeric_limits<float>::infinity();
  for (const std::int32_t id : tokens_.hidden) logits[static_cast<std::size_t>(id)] = never;
  const bool too_short = std::ssize(choice.tokens) < options.min_tokens.value_or(0);
  if (options.ignore_eos || too_short) {
    for (const std::int32_t id : tokens_.end) logits[static_cast<std::size_t>(id)] = never;
  }
  const int repeat = options.no_repeat_ngram.value_or(0);
  for (const std::int32_t id : ends_of_repeats(lane.tokens, lane.tokens, repeat)) {
    logits[static_cast<std::size_t>(id)] = never;
  }
  const std::int32_t next = lane.sampler->choose(logits, lane.tokens, choice.tokens.size());
  return {.token = next, .log_probability = logits[static_cast<std::size_t>(next)] - normalizer};
}

void Scheduler::take(Lane& lane, std::span<const float> logits, const Drawn& drawn) {
  Job& job = *lane.job;
  if (job.ended) return;
  if (drawn.damaged) {
    job.completion.error =
        fmt::format("logits are not finite after {} tokens; the weights or an adapter are damaged",
                    lane.tokens.size());
    job.damaged = true;
    end_job(lane.job);
  } else if (lane.sample >= 0) {
    append_token(lane, drawn);
  } else {
    job.first_logits.assign(logits.begin(), logits.end());
    job.completion.prompt_seconds = seconds_since(job.admitted);
    job.prompt_end = lane.sequence;
    read_.push_back(lane.job);
    lane.done = true;
  }
}

void Scheduler::append_token(Lane& lane, const Drawn& drawn) {
  Job& job = *lane.job;
  Choice& choice = job.completion.choices[static_cast<std::size_t>(lane.sample)];
  choice.tokens.push_back(drawn.token);
  lane.tokens.push_back(drawn.token);
  if (job.request.options.logprobs) choice.log_probabilities.push_back(drawn.log_probability);
  const std::string shown = lane.stopper->push(drawn.token);
  choice.text += shown;
  if (!shown.empty() && job.listener.on_text) job.listener.on_text(lane.sample, shown);
  lane.done = lane.stopper->stopped();
  if (!lane.done &&
      !model_->config().keys_stay(std::ssize(lane.tokens) - 1, std::ssize(lane.tokens))) {
    store_.truncate(lane.sequence, 0);
    lane.cached = 0;
  }
}

bool Scheduler::step() {
  end_cancelled();
  remove_finished();
  start_answers();
  while (!full() && !waiting_.empty() && admit(waiting_.front())) waiting_.pop_front();
  remove_finished();  // an answer of one token ends as it starts
  if (!lanes_.empty()) {
    forward_lanes();
    remove_finished();
  }
  return !lanes_.empty() || !read_.empty() || !waiting_.empty();
}

// Pieces of a prompt end where they would have ended had nothing run beside it; see
// passage_tokens().
std::int64_t Scheduler::tokens_to_read(std::int64_t pending, std::int64_t budget) const {
  if (pending <= budget || options_.step_rows < kPassageRun) return std::min(pending, budget);
  return budget / kPassageRun * kPassageRun;
}

void Scheduler::add(Lane& lane, std::int64_t count, Pass& pass) const {
  if (count == 0) return;
  pass.appends.push_back({lane.sequence, count, std::ssize(lane.tokens)});
  const auto first = lane.tokens.begin() + static_cast<std::ptrdiff_t>(lane.cached);
  pass.tokens.insert(pass.tokens.end(), first, first + count);
  lane.cached += static_cast<std::size_t>(count);
  if (lane.cached == lane.tokens.size()) {
    pass.ready.push_back(&lane);
    pass.rows.push_back(static_cast<std::int32_t>(pass.tokens.size()) - 1);
  }
}

void Scheduler::forward_lanes() {
  // Answers first, one row each; what is left of the budget reads prompts, and answers that have to
  // be read again.
  std::int64_t budget = std::max<std::int64_t>(options_.step_rows, options_.max_batch);
  Pass passages{Rounding::passage}, rows{Rounding::rows};
  for (const bool reading : {false, true}) {
    // However many answers run, a prompt goes on.
    if (reading) budget = std::max(budget, std::min(options_.step_rows, kPassageRun));
    for (Lane& lane : lanes_) {
      const auto pending = static_cast<std::int64_t>(lane.tokens.size() - lane.cached);
      if ((lane.sample < 0 || pending > 1) != reading) continue;
      const std::int64_t count = tokens_to_read(pending, budget);
      budget -= count;
      const bool in_runs = reading && options_.step_rows >= kPassageRun;
      const std::int64_t passage = in_runs ? passage_tokens(count, pending) : 0;
      add(lane, passage, passages);
      add(lane, count - passage, rows);
    }
  }
  forward(passages);
  forward(rows);
}

void Scheduler::forward(Pass& pass) {
  if (pass.tokens.empty()) return;
  make_room(std::ssize(pass.tokens) + std::ssize(pass.appends) * KvStore::kPageRows);
  const Tensor hidden = forward_cached(*model_, store_, store_.extend(pass.appends),
                                       std::move(pass.tokens), pass.rounding);
  const std::vector<std::int32_t>& rows = pass.rows;
  const std::vector<Lane*>& ready = pass.ready;
  if (rows.empty()) return;
  Tensor logits = logits_of_rows(*model_, hidden, rows);
  const auto width = static_cast<std::size_t>(logits.size(1));
  const auto of_lane = [&, values = logits.data<float>()](std::size_t i) {
    return std::span(values + i * width, width);
  };
  // Going through a vocabulary takes its time: lanes draw side by side, and what they drew is taken
  // in their order.
  std::vector<Drawn> drawn(ready.size());
  parallel_for(std::ssize(ready), 1, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      drawn[i] = draw(*ready[i], of_lane(i));
    }
  });
  for (std::size_t i = 0; i < ready.size(); ++i) take(*ready[i], of_lane(i), drawn[i]);
}

void Scheduler::end_cancelled() {
  const auto gave_up = [](const Job& job) {
    return !job.ended && job.listener.cancelled && job.listener.cancelled();
  };
  std::vector<std::shared_ptr<Job>> given_up;
  std::ranges::copy_if(read_, std::back_inserter(given_up),
                       [&](const auto& job) { return gave_up(*job); });
  for (const Lane& lane : lanes_) {
    if (gave_up(*lane.job) && std::ranges::find(given_up, lane.job) == given_up.end()) {
      given_up.push_back(lane.job);
    }
  }
  for (const auto& job : given_up) end_job(job);
  std::erase_if(waiting_, [&](const std::shared_ptr<Job>& job) {
    if (!gave_up(*job)) return false;
    end_job(job);
    return true;
  });
}

// Ends all answers of a job at once; those under way keep what they have.
void Scheduler::end_job(const std::shared_ptr<Job>& job) {
  job->ended = true;
  for (Choice& choice : job->completion.choices) choice.finish_reason = FinishReason::cancelled;
  for (Lane& lane : lanes_) {
    if (lane.job != job || lane.done) continue;
    lane.done = true;
    if (lane.sample < 0) continue;
    const std::string rest = lane.stopper->end(FinishReason::cancelled);
    job->completion.choices[static_cast<std::size_t>(lane.sample)].text += rest;
    if (!rest.empty() && job->listener.on_text) job->listener.on_text(lane.sample, rest);
  }
  if (std::erase(read_, job) > 0) store_.release(*job->prompt_end);
  job->completion.seconds = seconds_since(job->admitted);
  if (job->listener.on_done) job->listener.on_done(std::move(job->completion));
}

void Scheduler::remove_finished() {
  for (auto lane = lanes_.begin(); lane != lanes_.end();) {
    if (!lane->done) {
      ++lane;
      continue;
    }
    // The sequence of a prompt that was read now belongs to its job.
    const bool prompt_read = lane->sample < 0 && !lane->job->ended;
    if (!prompt_read) finish_answer(*lane);
    lane = lanes_.erase(lane);
  }
}

void Scheduler::finish_answer(Lane& lane) {
  const std::shared_ptr<Job> job = lane.job;
  keep(lane);
  if (job->ended) return;
  Choice& choice = job->completion.choices[static_cast<std::size_t>(lane.sample)];
  choice.finish_reason = lane.stopper->reason();
  choice.stop = lane.stopper->stop();
  choice.context_full = lane.stopper->context_full();
  if (++job->finished < job->request.options.n) return;
  job->completion.seconds = seconds_since(job->admitted);
  if (job->listener.on_done) job->listener.on_done(std::move(job->completion));
}

void Scheduler::clear() {
  for (const Lane& lane : lanes_) {
    const auto& end = lane.job->prompt_end;
    if (end != lane.sequence) store_.release(lane.sequence);
  }
  for (const auto& job : read_) store_.release(*job->prompt_end);
  for (const Kept& kept : kept_) store_.release(kept.sequence);
  lanes_.clear();
  read_.clear();
  kept_.clear();
  waiting_.clear();
}

void Scheduler::keep(Lane& lane) {
  if (options_.kept_sequences <= 0 || lane.cached == 0 || lane.job->damaged) {
    store_.release(lane.sequence);
    return;
  }
  lane.tokens.resize(lane.cached);
  kept_.push_back({std::move(lane.tokens), lane.sequence});
  if (kept_.size() > static_cast<std::size_t>(options_.kept_sequences)) {
    store_.release(kept_.front().sequence);
    kept_.pop_front();
  }
}

}  // namespace bantam
