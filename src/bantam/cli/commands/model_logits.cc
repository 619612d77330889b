#include <array>
#include <charconv>

#include "bantam/cli/commands.h"
#include "bantam/cli/session.h"
#include "bantam/model/load_model.h"
#include "bantam/model/safetensors.h"

namespace bantam {

namespace {

struct ModelLogitsOptions {
  std::vector<std::string> tokens;
  std::string text;
};

}  // namespace

template <>
void describe(Describer<ModelLogitsOptions>& d) {
  d(&ModelLogitsOptions::tokens, "tokens", "Token ids, separated by commas.");
  d(&ModelLogitsOptions::text, "text", "Text to encode instead of --tokens.");
}

namespace {

class ModelLogits final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    if (!session.shared().out)
      throw usage_error("model logits: --out names the .safetensors file to write");
    if (options_.tokens.empty() == options_.text.empty()) {
      throw usage_error("model logits: give either --tokens 1,2,3 or --text TEXT");
    }
    const Path out = *session.shared().out;
    require_fresh_output(out, session.shared().force);
    const LoadedModel model = load_model(session.arguments()[0]);
    require_fresh_output(out, session.shared().force, std::array{model.path});
    const std::vector<std::vector<std::int32_t>> sequences = {ids_of(model)};
    const Tensor logits = model.model->logits(model.model->hidden(make_batch(sequences)));
    const std::vector<std::pair<std::string, Tensor>> tensors = {
        {"logits", logits},
        {"tokens",
         Tensor::from(sequences.front(), {static_cast<std::int64_t>(sequences.front().size())})}};
    write_safetensors(out, tensors);
    session.print("{}: logits {} f32\n", out.string(), logits.shape().text());
    return 0;
  }

 private:
  std::vector<std::int32_t> ids_of(const LoadedModel& model) const {
    if (!options_.text.empty()) return model.tokenizer->encode(options_.text).ids;
    std::vector<std::int32_t> ids;
    for (const std::string& text : options_.tokens) {
      std::int32_t id = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
      if (error != std::errc() || end != text.data() + text.size()) {
        throw usage_error("--tokens: '{}' is not a token id", escaped(text));
      }
      ids.push_back(id);
    }
    return ids;
  }

  ModelLogitsOptions options_;
};

}  // namespace

Command model_logits_command() {
  return {
      .name = "model logits",
      .group = CommandGroup::make_model,
      .summary = "Write the logits of a token sequence, for comparing with another program.",
      .details = "The file holds `logits` [positions, vocabulary] in f32 and `tokens`.",
      .arguments = {{"MODEL", "A model reference."}},
      .examples = {{"bantam model logits model.gguf --tokens 1,2,3 --out logits.safetensors", ""}},
      .shared = {"out", "force"},
      .body = [] { return std::make_unique<ModelLogits>(); }};
}

}  // namespace bantam
