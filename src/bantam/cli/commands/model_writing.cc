#include "bantam/cli/commands/model_writing.h"

#include <algorithm>

#include "bantam/generate/generator.h"
#include "bantam/model/save_model.h"
#include "bantam/recipe/tune/tune_export.h"

namespace bantam {
namespace {

// Any text will do that a language model has an opinion on.
constexpr std::string_view kProbeText =
    "The harbor was quiet in the early morning. A ferry left for the islands every hour, and the "
    "people who worked there "
    "carried bread, letters and newspapers. def area(width, height): return width * height";

// What the model goes on with, most likely tokens only.
std::vector<std::int32_t> continued(const LoadedModel& model, std::vector<std::int32_t> prompt,
                                    std::int64_t tokens) {
  Request request;
  request.prompt = std::move(prompt);
  request.options.decode = "greedy";
  request.options.max_tokens = tokens;
  request.options.ignore_eos = true;
  GeneratorOptions options;
  options.max_batch = 1;
  options.context = static_cast<std::int64_t>(request.prompt.size()) + tokens;
  Completion completion = std::move(Generator(model, options).generate({&request, 1}).front());
  if (!completion.error.empty()) throw input_error("{}: {}", model.name, completion.error);
  return completion.choices.front().tokens;
}

// "24 of 24 tokens of text are the same", or nothing where the probe fills the context.
std::string compare_texts(const LoadedModel& expected, const LoadedModel& found,
                          const std::vector<std::int32_t>& prompt) {
  const auto room = expected.model->config().context - static_cast<std::int64_t>(prompt.size());
  const std::int64_t tokens = std::min<std::int64_t>(room, 24);
  if (tokens <= 0) return "";
  const auto first = continued(expected, prompt, tokens), second = continued(found, prompt, tokens);
  const auto same = std::ranges::mismatch(first, second).in1 - first.begin();
  return fmt::format(", {} of {} tokens of text that follow are the same", same, tokens);
}

}  // namespace

template <>
void describe(Describer<ModelWritingOptions>& d) {
  d(&ModelWritingOptions::type, "type",
    "Weight type: f32, f16, bf16, or for GGUF also q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, "
    "q4_0, iq4_nl, q3_k, q2_k; default q8_0 for GGUF, bf16 for a folder.");
}

int write_model(Session& session, const LoadedModel& source, const LoadedModel& model,
                const ModelWritingOptions& options, std::vector<Path> inputs) {
  if (!session.shared().out) throw usage_error("--out names the .gguf file or folder to write");
  const Path out = *session.shared().out;
  inputs.push_back(source.path);
  require_fresh_output(out, session.shared().force, inputs);
  const bool is_gguf = out.extension() == ".gguf";
  const DType dtype = dtype_named(!options.type.empty() ? options.type : is_gguf ? "q8_0" : "bf16");
  if (is_gguf) {
    save_gguf(model, out, dtype, "from " + source.name);
  } else {
    save_hf_folder(model, out, dtype);
  }
  const ExportProbe probe{{source.tokenizer->encode(kProbeText).ids}};
  const LoadedModel written = load_model(out.string());
  const ExportCheck check = compare_models(*source.model, *written.model, probe);
  const std::string verdict =
      fmt::format("{} of {} next tokens agree, log-probabilities differ by at most {:.4f} nats",
                  check.same, check.compared, check.largest_difference);
  if (10 * check.same < 9 * check.compared) {
    throw Error(Error::Kind::failed_expectation,
                fmt::format("{}: {}; do not use it", out.string(), verdict));
  }
  session.print("{}: {}{}\n", out.string(), verdict,
                compare_texts(source, written, probe.sequences.front()));
  return 0;
}

}  // namespace bantam
