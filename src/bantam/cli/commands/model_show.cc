#include <algorithm>
#include <functional>

#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"
#include "bantam/model/gguf.h"
#include "bantam/model/model_card.h"
#include "bantam/model/peft_files.h"

namespace bantam {

namespace {

struct ModelShowOptions {
  bool tensors = false;
  bool keys = false;
};

}  // namespace

template <>
void describe(Describer<ModelShowOptions>& d) {
  d(&ModelShowOptions::tensors, "tensors", "Also list every tensor with its shape and type.");
  d(&ModelShowOptions::keys, "keys", "Also list every metadata key of a GGUF file.");
}

namespace {

class ModelShow final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const ModelReference reference =
        resolve_model_reference(session.arguments().empty() ? "" : session.arguments()[0]);
    const ModelCard card = read_model_card(reference);
    if (session.json()) {
      session.result(as_json(card, reference));
      return 0;
    }
    print_head(session, card);
    print_shapes(session, card);
    print_types(session, card);
    print_memory(session, card);
    print_tokenizer(session, card);
    print_provenance(session, card);
    print_adapters(session, reference);
    if (options_.keys) print_keys(session, card);
    if (options_.tensors) print_tensors(session, card);
    for (const std::string& warning : card.warnings) session.progress().note("warning: " + warning);
    return 0;
  }

 private:
  static void heading(Session& session, std::string_view text) {
    session.print("\n{}\n", bold(text, session.color()));
  }
  static void line(Session& session, std::string_view label, const std::string& value) {
    session.print("  {:<18} {}\n", label, value);
  }

  static void print_head(Session& session, const ModelCard& card) {
    session.print("{}  {} parameters, {}\n", bold(escaped(card.name), session.color()),
                  with_commas(static_cast<std::int64_t>(card.parameters)),
                  format_bytes(card.file_bytes));
    session.print("{}\n", card.path.string());
  }

  static void print_shapes(Session& session, const ModelCard& card) {
    heading(session, "Architecture");
    line(session, "family", card.family.empty() ? "?" : escaped(card.family));
    if (!card.config) return;
    const DecoderConfig& config = *card.config;
    line(session, "kind", kind_text(card.kind));
    if (config.encoder) {
      print_stack(session, *config.encoder);
      heading(session, "Decoder");
    }
    print_stack(session, config);
  }

  static std::string kind_text(ModelKind kind) {
    switch (kind) {
      case ModelKind::encoder:
        return "encoder";
      case ModelKind::encoder_decoder:
        return "encoder-decoder";
      case ModelKind::decoder:
        break;
    }
    return "decoder";
  }

  // "9", or "3 to 5" where layers differ.
  static std::string sizes_text(const DecoderConfig& config, std::int64_t LayerPart::*size) {
    std::int64_t least = config.layer(0).*size, most = least;
    for (int layer = 1; layer < config.layers; ++layer) {
      least = std::min(least, config.layer(layer).*size);
      most = std::max(most, config.layer(layer).*size);
    }
    return least == most ? with_commas(most)
                         : fmt::format("{} to {}", with_commas(least), with_commas(most));
  }

  static void print_stack(Session& session, const DecoderConfig& config) {
    line(session, "layers", std::to_string(config.layers));
    line(session, "width", with_commas(config.width));
    line(session, "attention",
         fmt::format("{} query heads on {} key/value heads of {}",
                     sizes_text(config, &LayerPart::heads),
                     sizes_text(config, &LayerPart::kv_heads), config.head_width));
    line(session, "feed-forward", sizes_text(config, &LayerPart::feed_forward));
    line(session, "vocabulary",
         fmt::format("{}{}", with_commas(config.vocabulary),
                     config.tied_head ? ", output head tied to the embedding" : ""));
    line(session, "context", with_commas(config.context) + " tokens");
    for (const RopePart& rope : config.ropes) {
      line(session, "rotation base", fmt::format("{}", rope.theta));
    }
  }

  static void print_types(Session& session, const ModelCard& card) {
    heading(session, "Weights");
    Table table({"type", ">tensors", ">elements", ">size", ">bits an element"});
    for (const TypeShare& share : card.types) {
      table.add({std::string(info(share.dtype).name), std::to_string(share.tensors),
                 with_commas(static_cast<std::int64_t>(share.elements)), format_bytes(share.bytes),
                 fmt::format("{:.2f}", info(share.dtype).bits_per_element())});
    }
    session.print(table);
  }

  static void print_memory(Session& session, const ModelCard& card) {
    if (card.memory.empty()) return;
    heading(session, "Memory");
    Table table({">context", ">weights", ">keys and values", ">working", ">together"});
    for (const MemoryEstimate& memory : card.memory) {
      table.add({memory.context == 0 ? "any" : with_commas(memory.context),
                 format_bytes(memory.weights), format_bytes(memory.kv_cache),
                 format_bytes(memory.total - memory.weights - memory.kv_cache),
                 format_bytes(memory.total)});
    }
    session.print(table);
    session.print("  {} are available now\n", format_bytes(card.memory.front().available));
  }

  static void print_tokenizer(Session& session, const ModelCard& card) {
    if (!card.tokenizer) return;
    heading(session, "Tokenizer");
    line(session, "tokens", with_commas(card.tokenizer->vocabulary));
    if (!card.tokenizer->bos.empty()) line(session, "begins with", escaped(card.tokenizer->bos));
    std::string ends;
    for (const std::string& token : card.tokenizer->end_of_turn)
      ends += (ends.empty() ? "" : " ") + escaped(token);
    line(session, "ends with", ends.empty() ? "nothing" : ends);
    line(session, "chat template",
         card.chat_template.empty()
             ? "none"
             : fmt::format("{} characters",
                           with_commas(static_cast<std::int64_t>(card.chat_template.size()))));
  }

  static void print_provenance(Session& session, const ModelCard& card) {
    if (card.provenance.empty()) return;
    heading(session, "Where it comes from");
    for (const auto& [label, text] : card.provenance) line(session, label, escaped(text));
  }

  static void print_adapters(Session& session, const ModelReference& reference) {
    for (const AdapterReference& wanted : reference.adapters) {
      const PeftAdapter adapter = read_peft_adapter(wanted.path);
      heading(session, "Adapter " + escaped(wanted.path.filename().string()));
      line(session, "rank", std::to_string(adapter.r));
      line(session, "alpha", fmt::format("{}", adapter.alpha));
      line(session, "gate", fmt::format("{}", wanted.scale));
      line(session, "modules", std::to_string(adapter.modules.size()));
      std::string targets;
      for (const std::string& target : adapter.target_modules)
        targets += (targets.empty() ? "" : ", ") + escaped(target);
      line(session, "targets", targets);
    }
  }

  static void print_keys(Session& session, const ModelCard& card) {
    if (std::filesystem::is_directory(card.path)) return;
    heading(session, "Metadata");
    Table table({"key", "type", "value"});
    for (const auto& [key, value] : GgufFile::open(card.path, WeightCheck::never)->metadata())
      table.add({escaped(key), type_text(value), value_text(value)});
    session.print(table);
  }

  static void print_tensors(Session& session, const ModelCard& card) {
    heading(session, "Tensors");
    Table table({"name", "type", "shape", ">size"});
    for (const WeightInfo& weight : card.weights) {
      table.add({escaped(weight.name), std::string(info(weight.dtype).name), weight.shape.text(),
                 format_bytes(weight.bytes)});
    }
    session.print(table);
  }

  // One number, or one for each layer where they differ.
  static Json sizes_json(const DecoderConfig& config, std::int64_t LayerPart::*size) {
    Json sizes = Json::array();
    for (int layer = 0; layer < config.layers; ++layer) sizes.push_back(config.layer(layer).*size);
    return std::ranges::adjacent_find(sizes, std::not_equal_to<>()) == sizes.end() ? sizes[0]
                                                                                   : sizes;
  }

  static Json config_json(const DecoderConfig& config) {
    return {{"layers", config.layers},
            {"width", config.width},
            {"heads", sizes_json(config, &LayerPart::heads)},
            {"kv_heads", sizes_json(config, &LayerPart::kv_heads)},
            {"head_width", config.head_width},
            {"feed_forward", sizes_json(config, &LayerPart::feed_forward)},
            {"vocabulary", config.vocabulary},
            {"context", config.context},
            {"rope_theta", config.ropes.empty() ? Json(nullptr) : Json(config.ropes[0].theta)},
            {"tied_head", config.tied_head}};
  }

  static Json memory_json(const ModelCard& card) {
    Json out = Json::array();
    for (const MemoryEstimate& memory : card.memory) {
      out.push_back({{"context", memory.context},
                     {"weights", memory.weights},
                     {"kv_cache", memory.kv_cache},
                     {"copies", memory.copies},
                     {"program", memory.program},
                     {"scratch", memory.scratch},
                     {"total", memory.total},
                     {"available", memory.available}});
    }
    return out;
  }

  Json as_json(const ModelCard& card, const ModelReference& reference) const {
    Json out = {{"name", card.name},
                {"path", card.path.string()},
                {"bytes", card.file_bytes},
                {"family", card.family},
                {"parameters", card.parameters},
                {"kind", card.config ? Json(kind_text(card.kind)) : Json()},
                {"config", card.config ? config_json(*card.config) : Json()},
                {"encoder",
                 card.config && card.config->encoder ? config_json(*card.config->encoder) : Json()},
                {"types", Json::array()},
                {"memory", memory_json(card)},
                {"tokenizer", Json()},
                {"chat_template", card.chat_template},
                {"provenance", Json::object()},
                {"adapters", Json::array()},
                {"warnings", card.warnings}};
    for (const TypeShare& share : card.types) {
      out["types"].push_back({{"type", info(share.dtype).name},
                              {"tensors", share.tensors},
                              {"elements", share.elements},
                              {"bytes", share.bytes}});
    }
    if (card.tokenizer) {
      out["tokenizer"] = {{"vocabulary", card.tokenizer->vocabulary},
                          {"bos", card.tokenizer->bos},
                          {"eos", card.tokenizer->eos},
                          {"end_of_turn", card.tokenizer->end_of_turn}};
    }
    for (const auto& [label, text] : card.provenance) out["provenance"][label] = text;
    for (const AdapterReference& adapter : reference.adapters)
      out["adapters"].push_back({{"path", adapter.path.string()}, {"scale", adapter.scale}});
    if (options_.tensors) {
      out["tensors"] = Json::array();
      for (const WeightInfo& weight : card.weights) {
        const auto extents = weight.shape.extents();
        out["tensors"].push_back(
            {{"name", weight.name},
             {"type", info(weight.dtype).name},
             {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}});
      }
    }
    return out;
  }

  ModelShowOptions options_;
};

}  // namespace

Command model_show_command() {
  return {.name = "model show",
          .group = CommandGroup::operate,
          .summary = "Show what a model is: shapes, types, memory, tokenizer, origin.",
          .details = "Nothing is loaded: the card is read from the headers of the files.",
          .arguments = {{"MODEL",
                         "A file, folder, name or owner/name; the default model if left "
                         "out.",
                         0, 1}},
          .examples = {{"bantam model show", "The default model."},
                       {"bantam model show model.gguf --tensors", ""}},
          .body = [] { return std::make_unique<ModelShow>(); }};
}

}  // namespace bantam
