#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/eval/perplexity.h"

namespace bantam {

namespace {

struct EvalTextOptions {
  std::string model;
  std::string metric = "perplexity";
  std::int64_t window = 512;
  std::optional<std::int64_t> score_from;
  std::int64_t bytes = 0;
  std::int64_t limit = 0;
};

}  // namespace

template <>
void describe(Describer<EvalTextOptions>& d) {
  d(&EvalTextOptions::model, "model", "Model to measure; default: smollm2-135m-instruct.");
  d(&EvalTextOptions::metric, "metric", "What to print first.",
    OneOf{{"perplexity", "bits_per_byte"}});
  d(&EvalTextOptions::window, "window", "Tokens of each stretch of text.",
    between(std::int64_t{2}, std::int64_t{1} << 20));
  d(&EvalTextOptions::score_from, "score_from",
    "Tokens of a window that are context only; default: half of it.", at_least(std::int64_t{0}));
  d(&EvalTextOptions::bytes, "bytes", "Read only this many bytes of the text; 0: all.",
    at_least(std::int64_t{0}));
  d(&EvalTextOptions::limit, "limit", "Measure only this many windows; 0: all.",
    at_least(std::int64_t{0}));
}

namespace {

class EvalText final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    std::string text = read_file(session.arguments()[0], std::uint64_t{1} << 30);
    if (options_.bytes > 0)
      text.resize(std::min(text.size(), static_cast<std::size_t>(options_.bytes)));
    const LoadedModel model = load_model(options_.model);
    PerplexityOptions options;
    options.window = options_.window;
    options.score_from = options_.score_from.value_or(options_.window / 2);
    options.limit_windows = options_.limit;
    options.progress = &session.progress();
    const Perplexity found = measure_perplexity(model, text, options);
    if (Run* run = session.run()) {
      run->log(0, "perplexity", found.perplexity);
      run->log(0, "bits_per_byte", found.bits_per_byte);
    }
    if (session.json()) {
      session.result({{"model", model.name},
                      {"perplexity", found.perplexity},
                      {"low", found.interval.low},
                      {"high", found.interval.high},
                      {"bits_per_byte", found.bits_per_byte},
                      {"window", options.window},
                      {"score_from", options.score_from},
                      {"windows", found.windows},
                      {"scored_tokens", found.scored_tokens}});
      return 0;
    }
    const std::string perplexity =
        fmt::format("perplexity {:.4f} [{:.3f}, {:.3f}]", found.perplexity, found.interval.low,
                    found.interval.high);
    const std::string bits = fmt::format("bits per byte {:.4f}", found.bits_per_byte);
    const bool bits_first = options_.metric == "bits_per_byte";
    session.print("{}   {}\n", bits_first ? bits : perplexity, bits_first ? perplexity : bits);
    session.print("{} windows of {} tokens, scored from {}: {} tokens\n",
                  with_commas(found.windows), options.window, options.score_from,
                  with_commas(found.scored_tokens));
    return 0;
  }

 private:
  EvalTextOptions options_;
};

}  // namespace

Command eval_text_command() {
  return {.name = "eval text",
          .group = CommandGroup::judge,
          .summary = "Perplexity and bits per byte of a text under a model.",
          .details =
              "The text is cut into windows that do not overlap; tokens before --score-from are "
              "context only. With the "
              "defaults this is what llama.cpp's perplexity tool computes at a context of 512.",
          .arguments = {{"FILE", "The text."}},
          .examples = {{"bantam eval text wiki.test.raw -m model.gguf --bytes 200000",
                        "The first 200,000 bytes."}},
          .shared = {"no_run", "name"},
          .recorded = true,
          .body = [] { return std::make_unique<EvalText>(); }};
}

}  // namespace bantam
