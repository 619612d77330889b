#include "bantam/generate/generator.h"

#include "bantam/generate/beam_search.h"
#include "bantam/generate/generation_report.h"

namespace bantam {
namespace {

Decoding decoding_of(const Request& request) {
  return parse_decoding(request.options.decode.value_or("greedy"));
}

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
  std::vector<Completion> completions(requests.size());
  GenerationReport report(requests.size(), "prompts", hooks);
  const auto cancelled = [&report] { return report.cancelled(); };
  const auto finish = [&](std::size_t i, Completion completion) {
    completions[i] = std::move(completion);
    report.done(i, completions[i]);
  };
  try {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Decoding decoding = decoding_of(requests[i]);
      if (decoding.kind == Decoding::Kind::beam) {
        const BeamSettings settings{decoding.beams, scheduler_.context(), options_.step_rows,
                                    cancelled};
        Completion completion =
            beam_search(*model_.model, model_.tokenizer, tokens_, requests[i], settings);
        report.show(i, completion);
        finish(i, std::move(completion));
        continue;
      }
      Request request = requests[i];
      if (!request.stream) request.stream = i;
      scheduler_.submit(
          std::move(request),
          {[&report, i](int sample, std::string_view text) { report.show(i, sample, text); },
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
