#include "bantam/recipe/bench/model_bench.h"

#include <algorithm>
#include <chrono>

#include "bantam/base/process_memory.h"
#include "bantam/base/random.h"
#include "bantam/base/threads.h"
#include "bantam/generate/generator.h"
#include "bantam/recipe/bench/memory_read.h"
#include "bantam/recipe/bench/stop_between.h"
#include "bantam/tensor/allocator.h"

namespace bantam {

template <>
void describe(Describer<ModelBenchOptions>& d) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  d(&ModelBenchOptions::prompt, "prompt", "Tokens of the prompt that is read.",
    between(std::int64_t{1}, kMost));
  d(&ModelBenchOptions::generate, "generate", "Tokens decoded after it.",
    between(std::int64_t{2}, kMost));
  d(&ModelBenchOptions::depth, "depth",
    "Tokens of context before decoding begins; several make a row each: 0,2048,8000.");
  d(&ModelBenchOptions::streams, "streams", "Answers decoded side by side.",
    between(std::int64_t{1}, std::int64_t{4096}));
  d(&ModelBenchOptions::stream_prompt, "stream_prompt", "Tokens of each stream's prompt.",
    between(std::int64_t{1}, kMost));
  d(&ModelBenchOptions::stream_generate, "stream_generate", "Tokens of each stream's answer.",
    between(std::int64_t{1}, kMost));
  d(&ModelBenchOptions::only, "only",
    "Measure only these: first_token, prompt, decode, batch; by default all.");
  d(&ModelBenchOptions::repeat, "repeat", "Measurements of each row; the median is shown.",
    between(1, 1000));
}

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const std::vector<std::string>& kinds() {
  static const std::vector<std::string> all = {"first_token", "prompt", "decode", "batch"};
  return all;
}

// What is decoded: the most likely tokens, however the model would rather end.
Request greedy_request(std::vector<std::int32_t> prompt, std::int64_t tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.options.decode = "greedy";
  request.options.sampler.temperature = 0;
  request.options.max_tokens = tokens;
  request.options.ignore_eos = true;
  return request;
}

class ModelBenchRun {
 public:
  ModelBenchRun(const std::string& reference, const ModelBenchOptions& options,
                ProgressSink& progress)
      : reference_(reference), options_(options), progress_(progress) {
    for (const std::string& kind : options.only) {
      if (std::ranges::find(kinds(), kind) == kinds().end())
        throw_unknown_name("kind of row", kind, kinds());
    }
    for (const std::string& text : options.depth) depths_.push_back(depth_of(text));
    if (depths_.empty()) throw usage_error("depth: expected at least one number, found none");
  }

  ModelBench run() {
    loaded_ = load_model(reference_);
    require_context();
    loaded_ = {};
    result_.device = bench_device({.repeat = std::min(options_.repeat, 3)}, progress_);
    rates_ = rates_of(result_.device, Rounding::passage);
    if (wants("first_token")) first_token();
    begin_peak();
    LoadOptions load;
    load.context = stored_tokens();
    if (wants("batch")) load.answers = options_.streams;
    loaded_ = load_model(reference_, load);
    result_.model = loaded_.name;
    result_.memory.estimate = loaded_.memory;
    take_peak();
    result_.cost = cost_of(*loaded_.model);
    if (wants("prompt")) prompt();
    if (wants("decode")) {
      for (const std::int64_t depth : depths_) decode(depth);
    }
    if (wants("batch")) batch();
    return std::move(result_);
  }

 private:
  static std::int64_t depth_of(const std::string& text) {
    const std::int64_t depth = parse_count(text);
    if (depth < 0) throw usage_error("depth: expected 0 or more tokens, found {}", depth);
    return depth;
  }

  bool wants(std::string_view kind) const {
    return options_.only.empty() || std::ranges::find(options_.only, kind) != options_.only.end();
  }

  std::int64_t deepest() const { return std::max(std::ranges::max(depths_), std::int64_t{1}); }

  // The largest number of tokens that any wanted row keeps in the store.
  std::int64_t stored_tokens() const {
    std::int64_t most = 2;
    if (wants("prompt")) most = std::max(most, options_.prompt + 1);
    if (wants("decode")) most = std::max(most, deepest() + options_.generate);
    if (wants("batch")) {
      const std::int64_t each = options_.stream_prompt + options_.stream_generate;
      const std::int64_t pages = (each + KvStore::kPageRows - 1) / KvStore::kPageRows;
      most = std::max(most, options_.streams * pages * KvStore::kPageRows);
    }
    return most;
  }

  void require_context() const {
    const auto fits = [&](std::string_view what, std::int64_t tokens) {
      const std::int64_t context = loaded_.model->config().context;
      if (tokens <= context) return;
      throw usage_error("{}: {} tokens do not fit the context of {}, which is {}", what,
                        with_commas(tokens), loaded_.name, with_commas(context));
    };
    if (wants("prompt")) fits("prompt", options_.prompt + 1);
    if (wants("decode")) fits("depth and generate", deepest() + options_.generate);
    if (wants("batch")) {
      fits("stream_prompt and stream_generate", options_.stream_prompt + options_.stream_generate);
    }
  }

  // Different for every use, so that no prompt finds another's keys and values in the store.
  std::vector<std::int32_t> random_prompt(std::int64_t tokens) {
    RandomStream stream(1234, "bench-prompt", ++prompts_);
    const auto known = static_cast<std::uint64_t>(loaded_.tokenizer->vocabulary_size());
    std::vector<std::int32_t> ids(static_cast<std::size_t>(tokens));
    for (std::int32_t& id : ids) id = static_cast<std::int32_t>(stream.next_below(known));
    return ids;
  }

  // One measurement that is thrown away, then `repeat` that count.
  template <class Body>
  Spread repeated(std::string_view title, Body&& seconds_of_one) {
    begin_peak();
    ProgressPhase phase(progress_, title, options_.repeat + 1, "measurements");
    std::vector<double> samples;
    for (int i = 0; i <= options_.repeat; ++i) {
      const double seconds = seconds_of_one();
      if (i > 0) samples.push_back(seconds);
      phase.advance(i + 1);
      stop_if_interrupted();
    }
    if (loaded_.model) take_peak();  // the first token's model comes and goes
    return spread_of(std::move(samples));
  }

  // Peaks are taken around loading and each row: what earlier rows left in the cache, and memory
  // that is read to find a bound, is not the model's.
  static void begin_peak() {
    release_cached_tensor_memory();
    reset_peak_process_memory();
    reset_tensor_memory_peak();
  }
  void take_peak() {
    BenchMemory& memory = result_.memory;
    memory.peak_resident = std::max(memory.peak_resident, peak_process_memory());
    memory.peak_tensors = std::max(memory.peak_tensors, tensor_memory().peak);
  }

  static Completion one(Generator& generator, Request request) {
    Completion completion = std::move(generator.generate({&request, 1}).front());
    stop_if_interrupted();
    if (!completion.error.empty()) throw input_error("bench: {}", completion.error);
    return completion;
  }

  // Of a working set of this size: what fits a cache is read faster than memory.
  MachineRates rates_for(const Work& work) const {
    constexpr double kLargest = 1 << 30, kSmallest = 1 << 20;
    MachineRates rates = rates_;
    rates.memory_read =
        measure_memory_read(static_cast<std::uint64_t>(std::clamp(work.bytes, kSmallest, kLargest)),
                            thread_count(), 3)
            .high;
    return rates;
  }

  void first_token() {
    ModelCost cost;
    const Spread seconds = repeated("Loading, first token", [&] {
      const Clock::time_point start = Clock::now();
      loaded_ = load_model(reference_);
      Generator generator(loaded_, {.max_batch = 1, .kept_sequences = 0});
      one(generator, greedy_request({0}, 1));
      const double taken = seconds_since(start);
      cost = cost_of(*loaded_.model);
      loaded_ = {};
      return taken;
    });
    const Work work = cost.decode(1);
    result_.rows.push_back(time_row("first_token", "load, first token (warm files)", seconds,
                                    bound_of(work, rates_for(work)), Json::object()));
  }

  void prompt() {
    const auto tokens = static_cast<double>(options_.prompt);
    const Work work = result_.cost.prompt(tokens);
    const Bound bound = bound_of(work, rates_for(work));
    Generator generator(loaded_,
                        {.context = options_.prompt + 1, .max_batch = 1, .kept_sequences = 0});
    const Spread seconds = repeated("Reading prompts", [&] {
      return one(generator, greedy_request(random_prompt(options_.prompt), 1)).prompt_seconds;
    });
    result_.rows.push_back(
        rate_row("prompt", fmt::format("prompt of {} tokens", with_commas(options_.prompt)), tokens,
                 seconds, bound, {{"tokens", options_.prompt}}));
  }

  void decode(std::int64_t depth) {
    // The first token comes from the prompt's logits; each later one costs a pass.
    const std::int64_t passes = options_.generate - 1;
    const std::int64_t before = std::max<std::int64_t>(depth, 1);
    const double context = static_cast<double>(before) + static_cast<double>(passes) / 2;
    const Work work = result_.cost.decode(context);
    Bound bound = bound_of(work, rates_for(work));
    bound.seconds *= static_cast<double>(passes);
    Generator generator(
        loaded_, {.context = before + options_.generate, .max_batch = 1, .kept_sequences = 1});
    // The same prompt each time: its keys and values stay in the store.
    const Request request = greedy_request(random_prompt(before), options_.generate);
    const Spread seconds = repeated("Decoding", [&] {
      const Completion done = one(generator, request);
      return done.seconds - done.prompt_seconds;
    });
    result_.rows.push_back(rate_row("decode",
                                    fmt::format("decode {} tokens after {}",
                                                with_commas(options_.generate), with_commas(depth)),
                                    static_cast<double>(passes), seconds, bound,
                                    {{"tokens", options_.generate},
                                     {"depth", depth},
                                     {"bytes_per_token", work.bytes},
                                     {"operations_per_token", work.all_operations()}}));
  }

  void batch() {
    const auto streams = static_cast<double>(options_.streams);
    const auto read = static_cast<double>(options_.stream_prompt);
    const auto written = static_cast<double>(options_.stream_generate);
    const Work prompts = streams * result_.cost.prompt(read);
    const Work pass = result_.cost.decode(read + written / 2, streams);
    const Bound reading = bound_of(prompts, rates_), writing = bound_of(pass, rates_for(pass));
    const Bound bound{reading.seconds + (written - 1) * writing.seconds,
                      reading.by == writing.by
                          ? reading.by
                          : fmt::format("reading: {}; writing: {}", reading.by, writing.by)};
    Generator generator(loaded_, {.context = options_.stream_prompt + options_.stream_generate,
                                  .max_batch = static_cast<int>(options_.streams),
                                  .kept_sequences = 0});
    const Spread seconds = repeated("Decoding streams", [&] {
      std::vector<Request> requests;
      for (std::int64_t i = 0; i < options_.streams; ++i) {
        requests.push_back(
            greedy_request(random_prompt(options_.stream_prompt), options_.stream_generate));
      }
      const Clock::time_point start = Clock::now();
      const std::vector<Completion> done = generator.generate(requests);
      const double taken = seconds_since(start);
      stop_if_interrupted();
      for (const Completion& completion : done) {
        if (!completion.error.empty()) throw input_error("bench: {}", completion.error);
      }
      return taken;
    });
    result_.rows.push_back(
        rate_row("batch",
                 fmt::format("{} streams, {} + {} tokens", options_.streams, options_.stream_prompt,
                             options_.stream_generate),
                 streams * written, seconds, bound,
                 {{"streams", options_.streams},
                  {"stream_prompt", options_.stream_prompt},
                  {"stream_generate", options_.stream_generate},
                  {"counted", "tokens written, over the time of reading and writing"}}));
  }

  const std::string reference_;
  const ModelBenchOptions options_;
  ProgressSink& progress_;
  std::vector<std::int64_t> depths_;
  std::uint64_t prompts_ = 0;
  MachineRates rates_;
  LoadedModel loaded_;
  ModelBench result_;
};

}  // namespace

ModelBench bench_model(const std::string& reference, const ModelBenchOptions& options,
                       ProgressSink& progress) {
  return ModelBenchRun(reference, options, progress).run();
}

Json model_bench_json(const ModelBench& bench) {
  Json rows = Json::array();
  for (const BenchRow& row : bench.rows) rows.push_back(bench_row_json(row));
  const MemoryEstimate& estimate = bench.memory.estimate;
  return {{"model", bench.model},
          {"device", device_bench_json(bench.device)},
          {"rows", rows},
          {"memory",
           {{"weights_bytes", estimate.weights},
            {"kv_bytes", estimate.kv_cache},
            {"stored_tokens", estimate.context},
            {"estimate_bytes", estimate.total},
            {"peak_resident_bytes", bench.memory.peak_resident},
            {"peak_tensor_bytes", bench.memory.peak_tensors}}}};
}

}  // namespace bantam
