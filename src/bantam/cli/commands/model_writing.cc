#include "bantam/cli/commands/model_writing.h"

#include <algorithm>

#include "bantam/generate/generator.h"
#include "bantam/model/gguf.h"
#include "bantam/model/rounded_weights.h"
#include "bantam/model/save_model.h"

namespace bantam {
namespace {

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

// Parts of a split set that was written to the same --out.
std::vector<Path> parts_beside(const Path& file) {
  std::vector<Path> found;
  const Path folder = file.has_parent_path() ? file.parent_path() : Path(".");
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    if (is_gguf_part_of(entry.path(), file)) found.push_back(entry.path());
  }
  std::ranges::sort(found);
  return found;
}

// Saving has no place of its own to stop at, for checkpoints are saved while training stops; but it
// tells of each tensor.
class StoppingProgress final : public ProgressSink {
 public:
  StoppingProgress(ProgressSink& sink, const Path& path) : sink_(sink), path_(path) {}

  void begin(std::string_view title, double total, std::string_view unit) override {
    sink_.begin(title, total, unit);
  }
  void advance(double done, const std::vector<std::pair<std::string, double>>& figures) override {
    sink_.advance(done, figures);
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal, fmt::format("{} was not finished", path_.string()));
    }
  }
  void end() override { sink_.end(); }
  void note(std::string_view text) override { sink_.note(text); }

 private:
  ProgressSink& sink_;
  const Path& path_;
};

}  // namespace

template <>
void describe(Describer<ModelWritingOptions>& d) {
  d(&ModelWritingOptions::type, "type",
    "Weight type: f32, f16, bf16, or for GGUF also q8_0, q6_k, q5_k, q5_1, q5_0, q4_k, q4_1, "
    "q4_0, iq4_nl, q3_k, q2_k, and llama.cpp's mixtures q5_k_m, q5_k_s, q4_k_m, q4_k_s, q3_k_l, "
    "q3_k_m, q3_k_s, q2_k_mixed; default q8_0 for GGUF, bf16 for a folder.");
  d(&ModelWritingOptions::max_shard_size, "max_shard_size",
    "Write weights in several files of at most this size, such as 2GB: MODEL-00001-of-00003.gguf, "
    "or shards with an index; when unset, one GGUF file, and a folder's of 5GB.");
}

ModelOutput model_output(Session& session, const ModelWritingOptions& options,
                         std::vector<Path> inputs) {
  if (!session.shared().out) throw usage_error("--out names the .gguf file or folder to write");
  ModelOutput output{.path = *session.shared().out};
  require_fresh_output(output.path, session.shared().force, inputs);
  output.is_gguf = output.path.extension() == ".gguf";
  output.max_shard_bytes = options.max_shard_size ? options.max_shard_size->bytes
                           : output.is_gguf       ? 0
                                                  : kMaxShardBytes;
  if (options.max_shard_size && output.max_shard_bytes == 0) {
    throw usage_error("--max-shard-size is 0; expected a size such as 2GB");
  }
  if (output.is_gguf && options.max_shard_size) {
    for (const Path& part : parts_beside(output.path)) {
      require_fresh_output(part, session.shared().force, inputs);
    }
  }
  const char* usual = output.is_gguf ? "q8_0" : "bf16";
  output.type = gguf_weight_type_named(options.type.empty() ? usual : options.type);
  if (!output.is_gguf && !std::holds_alternative<DType>(output.type)) {
    throw usage_error("--type {}: a Hugging Face folder holds f32, bf16 or f16 weights",
                      options.type);
  }
  return output;
}

void save_until_interrupted(Session& session, const ModelOutput& output,
                            const std::function<void(ProgressSink&)>& save) {
  const bool is_new = !std::filesystem::exists(output.path);
  const Path path = output.path;
  StoppingProgress progress(session.progress(), path);
  try {
    save(progress);
  } catch (const Interrupted&) {
    if (is_new) std::filesystem::remove_all(path);
    throw;
  }
}

void ModelOutput::take(const std::vector<Path>& written) {
  if (max_shard_bytes > 0) {
    for (const Path& part : parts_beside(path)) {
      const auto same_name = [&](const Path& other) { return other.filename() == part.filename(); };
      if (std::ranges::none_of(written, same_name)) std::filesystem::remove(part);
    }
  }
  path = written.front();
}

ModelInput probe_input(const Tokenizer& tokenizer, std::string_view text, std::int64_t longest) {
  ModelInput input = tokenizer.model_input(text);
  if (std::ssize(input.ids) <= longest) return input;
  input.ids.resize(static_cast<std::size_t>(longest));
  input.type_ids.resize(static_cast<std::size_t>(longest));
  return input;
}

void reject(const ModelOutput& output, const std::string& verdict) {
  throw Error(Error::Kind::failed_expectation,
              fmt::format("{}: {}; do not use it", output.path.string(), verdict));
}

void require_same_tokens(const ModelOutput& output, const Tokenizer& expected,
                         const Tokenizer& found) {
  const std::string text = std::string(kProbeText) + " Déjà vu:  two spaces.";
  if (expected.model_input(text).ids == found.model_input(text).ids) return;
  reject(output, "its tokenizer makes other tokens of a text than the source's");
}

std::string agreement(Session& session, const ModelOutput& output, const ExportCheck& check,
                      const Transformer& source, const Transformer& written) {
  std::string verdict =
      fmt::format("{} of {} next tokens agree, log-probabilities differ by at most {:.4f} nats",
                  check.same, check.compared, check.largest_difference);
  if (check.mostly_same()) return verdict;
  if (!holds_rounded(written, source)) reject(output, verdict);
  session.progress().note(coarse_note(name_of(output.type)));
  return verdict;
}

int write_model(Session& session, const LoadedModel& source, const LoadedModel& model,
                const ModelWritingOptions& options, std::vector<Path> inputs) {
  inputs.push_back(source.path);
  ModelOutput output = model_output(session, options, std::move(inputs));
  save_until_interrupted(session, output, [&](ProgressSink& progress) {
    if (output.is_gguf) {
      output.take(save_gguf(model, output.path, output.type, "from " + source.name, progress,
                            output.max_shard_bytes));
    } else {
      save_hf_folder(model, output.path, std::get<DType>(output.type), progress,
                     output.max_shard_bytes);
    }
  });
  ExportProbe probe{{source.tokenizer->encode(kProbeText).ids}};
  std::vector<std::int32_t>& text = probe.sequences.front();
  text.resize(std::min(text.size(), static_cast<std::size_t>(source.model->config().context)));
  const LoadedModel written = load_model(output.path.string());
  require_same_tokens(output, *source.tokenizer, *written.tokenizer);
  session.print("{}: {}{}\n", output.path.string(),
                agreement(session, output, compare_models(*source.model, *written.model, probe),
                          *model.model, *written.model),
                compare_texts(source, written, probe.sequences.front()));
  return 0;
}

}  // namespace bantam
