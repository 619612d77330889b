#include "bantam/cli/commands/model_writing.h"

#include "bantam/model/save_model.h"
#include "bantam/recipe/tune/tune_export.h"

namespace bantam {
namespace {

// Any text will do that a language model has an opinion on.
constexpr std::string_view kProbeText =
    "The harbor was quiet in the early morning. A ferry left for the islands every hour, and the "
    "people who worked there "
    "carried bread, letters and newspapers. def area(width, height): return width * height";

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
  const ExportCheck check = compare_models(*source.model, *load_model(out.string()).model, probe);
  const std::string verdict =
      fmt::format("{} of {} next tokens agree, log-probabilities differ by at most {:.4f} nats",
                  check.same, check.compared, check.largest_difference);
  if (10 * check.same < 9 * check.compared) {
    throw Error(Error::Kind::failed_expectation,
                fmt::format("{}: {}; do not use it", out.string(), verdict));
  }
  session.print("{}: {}\n", out.string(), verdict);
  return 0;
}

}  // namespace bantam
