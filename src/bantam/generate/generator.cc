#include "bantam/generate/generator.h"

#include "bantam/generate/beam_search.h"

namespace bantam {
namespace {

Decoding decoding_of(const Request& request) {
  return parse_decoding(request.options.decode.value_or("greedy"));
}

// Counts what is done for the caller's progress and hooks.
class Report {
 public:
  Report(std::size_t requests, const GenerateHooks& hooks)
      : hooks_(hooks),
        phase_(hooks.progress == nullptr ? silent_progress() : *hooks.progress, "Generating",
               static_cast<double>(requests), "prompts") {}

  void done(std::size_t request, const Completion& completion) {
    tokens_ += completion.generated_tokens();
    phase_.advance(++finished_, {{"tokens", static_cast<double>(tokens_)}});
    if (hooks_.on_done) hooks_.on_done(request, completion);
  }

 private:
  const GenerateHooks& hooks_;
  ProgressPhase phase_;
  double finished_ = 0;
  std::int64_t tokens_ = 0;
};

}  // namespace

Generator::Generator(LoadedModel model, const GeneratorOptions& options)
    : model_(std::move(model)),
      tokens_(answer_tokens(*model_.model, *model_.tokenizer, model_.generation_defaults)),
      options_(options),
      scheduler_(model_.model, model_.tokenizer, tokens_, options) {}

std::vector<std::int32_t> encode_prompt(const Tokenizer& tokenizer, std::string_view text) {
  std::vector<std::int32_t> ids;
  if (tokenizer.add_bos() && tokenizer.bos()) ids.push_back(*tokenizer.bos());
  const Encoding encoding = tokenizer.encode(text, Special::plain);
  ids.insert(ids.end(), encoding.ids.begin(), encoding.ids.end());
  return ids;
}

std::vector<std::int32_t> Generator::encode_prompt(std::string_view text) const {
  return bantam::encode_prompt(*model_.tokenizer, text);
}

std::vector<Completion> Generator::generate(std::span<const Request> requests,
                                            const GenerateHooks& hooks) {
  for (std::size_t i = 0; i < requests.size(); ++i) {
    try {
      scheduler_.check(requests[i]);
      decoding_of(requests[i]);
    } catch (const Error& error) {
      if (requests.size() == 1) throw;
      throw error.at(fmt::format("request {}", i + 1));
    }
  }
  const auto cancelled = [&hooks] {
    return Interrupt::requested() != 0 || (hooks.cancelled && hooks.cancelled());
  };
  std::vector<Completion> completions(requests.size());
  Report report(requests.size(), hooks);
  const auto finish = [&](std::size_t i, Completion completion) {
    completions[i] = std::move(completion);
    report.done(i, completions[i]);
  };
  const auto show = [&](std::size_t i, int sample, std::string_view text) {
    if (hooks.on_text && !text.empty()) hooks.on_text(i, sample, text);
  };
  try {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Decoding decoding = decoding_of(requests[i]);
      if (decoding.kind == Decoding::Kind::beam) {
        const BeamSettings settings{decoding.beams, scheduler_.context(), options_.step_rows,
                                    cancelled};
        Completion completion =
            beam_search(*model_.model, model_.tokenizer, tokens_, requests[i], settings);
        for (std::size_t n = 0; n < completion.choices.size(); ++n) {
          show(i, static_cast<int>(n), completion.choices[n].text);
        }
        finish(i, std::move(completion));
        continue;
      }
      Request request = requests[i];
      if (!request.stream) request.stream = i;
      scheduler_.submit(std::move(request),
                        {[&show, i](int sample, std::string_view text) { show(i, sample, text); },
                         cancelled, [&finish, i](Completion done) { finish(i, std::move(done)); }});
    }
    while (scheduler_.step()) {
    }
  } catch (...) {
    scheduler_.clear();
    throw;
  }
  return completions;
}

}  // namespace bantam
