#include "bantam/cli/session.h"
#include "bantam/model/hub.h"
#include "bantam/model/hub_settings.h"
#include "bantam/model/model_card.h"
#include "bantam/model/model_reference.h"

namespace bantam {

namespace {

class ModelList final : public CommandBody {
 public:
  int run(Session& session) override {
    const auto models = local_models();
    if (session.json()) {
      session.result(as_json(models));
      return 0;
    }
    if (!models.empty()) {
      Table table({"name", "family", "type", ">parameters", ">size", "place"});
      for (const LocalModel& model : models) {
        const ModelLine line = read_model_line(model.path);
        table.add({escaped(model.name), line.family, line.type, millions(line.parameters),
                   format_bytes(line.bytes), model.in_cache ? "hub" : "store"});
      }
      session.print(table);
    } else {
      session.print("No models yet.\n");
    }
    session.print("\nstore: {}\nhub: {} (shared with Hugging Face's tools)\n",
                  escaped(models_folder().string()), escaped(hub_cache_folder().string()));
    for (const KnownModel& known : known_models()) {
      if (!is_here(known, models))
        session.print("\nTo fetch {}:\n  bantam model pull {}\n", known.description, known.name);
    }
    return 0;
  }

 private:
  static bool is_here(const KnownModel& known, const std::vector<LocalModel>& models) {
    for (const LocalModel& model : models)
      if (model.path.filename() == known.file) return true;
    return false;
  }

  static std::string millions(std::uint64_t parameters) {
    return parameters == 0 ? "?" : fmt::format("{:.1f} M", static_cast<double>(parameters) / 1e6);
  }

  static Json as_json(const std::vector<LocalModel>& models) {
    Json out = Json::array();
    for (const LocalModel& model : models) {
      const ModelLine line = read_model_line(model.path);
      out.push_back({{"name", model.name},
                     {"path", model.path.string()},
                     {"place", model.in_cache ? "hub" : "store"},
                     {"family", line.family},
                     {"type", line.type},
                     {"parameters", line.parameters},
                     {"bytes", line.bytes}});
    }
    return out;
  }
};

}  // namespace

Command model_list_command() {
  return {.name = "model list",
          .group = CommandGroup::operate,
          .summary = "List the models on this machine.",
          .details =
              "Those in the models folder of BANTAM_HOME (store), and those in the cache of "
              "Hugging Face's tools (hub), whoever fetched them.",
          .examples = {{"bantam model list", ""}},
          .body = [] { return std::make_unique<ModelList>(); }};
}

}  // namespace bantam
