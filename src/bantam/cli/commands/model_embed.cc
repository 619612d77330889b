#include <fmt/ranges.h>

#include <chrono>

#include "bantam/base/error.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/data_options.h"
#include "bantam/cli/input_lines.h"
#include "bantam/cli/session.h"
#include "bantam/data/dataset.h"
#include "bantam/generate/embedder.h"
#include "bantam/model/safetensors.h"
#include "bantam/tensor/ops/matmul.h"

namespace bantam {

namespace {

struct ModelEmbedOptions {
  std::string model;
  std::vector<std::string> data;
  DataOptions read;
  std::string pooling = "auto";
  std::string normalize = "auto";
  std::optional<std::int64_t> max_tokens;
  std::optional<std::string> prompt;
  std::int64_t step_tokens = EmbedderOptions().step_tokens;
};

}  // namespace

template <>
void describe(Describer<ModelEmbedOptions>& d) {
  d(&ModelEmbedOptions::model, "model", "The model that reads: a file, a folder or a name.");
  d(&ModelEmbedOptions::data, "data", "Rows to embed: what a model would be given of each.");
  d.nested(&ModelEmbedOptions::read);
  d(&ModelEmbedOptions::pooling, "pooling",
    "How the states of tokens become one vector; auto is what the model's files say.",
    OneOf{{"auto", "mean", "first", "last", "max"}});
  d(&ModelEmbedOptions::normalize, "normalize",
    "Make vectors of length 1; auto is what the model's files say.", OneOf{{"auto", "yes", "no"}});
  d(&ModelEmbedOptions::max_tokens, "max_tokens",
    "Tokens of a text that are read; default: what the model's files say.",
    at_least(std::int64_t{1}));
  d(&ModelEmbedOptions::prompt, "prompt",
    "Text in front of every text, such as 'query: '; default: what the model's files say.");
  d(&ModelEmbedOptions::step_tokens, "step_tokens", "Tokens of one pass through the model.",
    between(std::int64_t{1}, std::int64_t{1} << 20));
}

namespace {

constexpr std::size_t kMostCompared = 12;  // texts of which the table shows all pairs
constexpr std::size_t kMostNamed = 5;

// What is embedded, with what identifies it in the output.
struct Items {
  std::vector<std::string> texts, ids;
};

std::string shown(std::string_view text) { return escaped(text, 40); }

class ModelEmbed final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    if (options_.model.empty()) {
      throw usage_error("model embed: -m names the model that reads, such as all-minilm-l6-v2");
    }
    const Items items = read_items(session);
    const auto& out = session.shared().out;
    if (out && *out != "-") require_fresh_output(*out, session.shared().force, inputs());
    // Sums of products in bf16 move cosines by some 1e-3; a vector is compared with ones of other
    // machines, so no product is rounded that far unless asked for.
    if (session.shared().precision == "auto") {
      set_matmul_precision(cpu_multiplies_integers() ? MatmulPrecision::i16 : MatmulPrecision::f32);
    }
    const Embedder embedder(load_encoder(options_.model), embedder_options());
    for (const std::string& warning : embedder.encoder().warnings) session.progress().note(warning);

    const auto start = std::chrono::steady_clock::now();
    const Embeddings found = embedder.embed(items.texts, session.progress());
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    note_truncated(session, embedder, found);
    if (out || !options_.data.empty() || session.json()) {
      write(session, items, found);
    } else {
      show(session, items, found);
    }
    session.progress().note(summary(embedder, found, seconds));
    return 0;
  }

 private:
  EmbedderOptions embedder_options() const {
    EmbedderOptions options;
    options.pooling = pooling_named(options_.pooling);
    if (options_.normalize != "auto") options.normalize = options_.normalize == "yes";
    options.longest = options_.max_tokens;
    options.prompt = options_.prompt;
    options.step_tokens = options_.step_tokens;
    return options;
  }

  std::vector<Path> inputs() const {
    std::vector<Path> paths;
    for (const std::string& text : options_.data) paths.emplace_back(parse_data_ref(text).path);
    return paths;
  }

  Items read_items(Session& session) const {
    const auto& arguments = session.arguments();
    if (arguments.empty() == options_.data.empty()) {
      throw usage_error("model embed: expected TEXT or --data, found {}",
                        arguments.empty() ? "neither" : "both");
    }
    Items items;
    for (const std::string& text : arguments) {
      items.texts.push_back(text == "-" ? InputLines().rest() : text);
    }
    if (options_.data.empty()) return items;
    for (const Row& row : read_data(session, options_.data, options_.read)) {
      items.texts.push_back(input_of(row));
      items.ids.push_back(row.id);
    }
    return items;
  }

  static void note_truncated(Session& session, const Embedder& embedder, const Embeddings& found) {
    if (found.truncated.empty()) return;
    std::string numbers;
    for (std::size_t i = 0; i < std::min(kMostNamed, found.truncated.size()); ++i) {
      numbers += fmt::format("{}{}", i == 0 ? "" : ", ", found.truncated[i] + 1);
    }
    session.progress().note(fmt::format(
        "{} of {} texts are longer than {} tokens and were read up to there: number {}{}",
        found.truncated.size(), found.tokens.size(), embedder.longest(), numbers,
        found.truncated.size() > kMostNamed ? ", …" : ""));
  }

  // A safetensors file by its name, else a JSON object a line.
  void write(Session& session, const Items& items, const Embeddings& found) const {
    const auto& out = session.shared().out;
    if (out && Path(*out).extension() == ".safetensors") {
      const std::vector<std::int32_t> counts(found.tokens.begin(), found.tokens.end());
      const std::pair<std::string, Tensor> tensors[] = {
          {"vectors", found.vectors}, {"tokens", Tensor::from(counts, {std::ssize(counts)})}};
      write_safetensors(*out, tensors, metadata_of(items));
      return;
    }
    std::optional<AtomicFile> file;
    if (out && *out != "-") file.emplace(*out);
    for (std::size_t i = 0; i < items.texts.size(); ++i) {
      const std::string line = line_of(items, found, i);
      file ? file->write(line) : session.print(line);
    }
    if (file) file->commit();
  }

  static SafetensorsMetadata metadata_of(const Items& items) {
    SafetensorsMetadata metadata = {{"format", "pt"}};
    if (!items.ids.empty()) metadata["ids"] = dump_json(Json(items.ids));
    return metadata;
  }

  // The vector is written by hand: numbers as short as f32 allows.
  static std::string line_of(const Items& items, const Embeddings& found, std::size_t i) {
    Json row = Json::object();
    if (!items.ids.empty()) row["id"] = items.ids[i];
    row["text"] = items.texts[i];
    row["tokens"] = found.tokens[i];
    std::string line = dump_json(row);
    line.pop_back();
    const auto width = static_cast<std::size_t>(found.vectors.size(1));
    const auto vector = found.vectors.span<float>().subspan(i * width, width);
    return line + fmt::format(",\"vector\":[{}]}}\n", fmt::join(vector, ","));
  }

  // For a person: how alike the texts are, or a glance at the one vector.
  static void show(Session& session, const Items& items, const Embeddings& found) {
    if (items.texts.size() < 2) {
      const auto values = found.vectors.span<float>();
      session.print("{} numbers: {:.4f} {:.4f} {:.4f} {:.4f} … (--json prints all)\n",
                    values.size(), values[0], values[1], values[2], values[3]);
      return;
    }
    const std::vector<double> cosines = cosine_similarities(found.vectors).values();
    const std::size_t count = items.texts.size(), columns = std::min(count, kMostCompared);
    std::vector<std::string> header = {">", "text"};
    for (std::size_t i = 0; i < columns; ++i) header.push_back(fmt::format(">{}", i + 1));
    Table table(header);
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::string> row = {fmt::format("{}", i + 1), shown(items.texts[i])};
      for (std::size_t j = 0; j < columns; ++j) {
        row.push_back(fmt::format("{:.3f}", cosines[i * count + j]));
      }
      table.add(row);
    }
    session.print(table);
  }

  static std::string summary(const Embedder& embedder, const Embeddings& found, double seconds) {
    std::int64_t tokens = 0;
    for (const std::int64_t count : found.tokens) tokens += count;
    return fmt::format(
        "{} texts, {} tokens: {} vectors of {}, {}{}; {:.2f} s, {} texts/s, {} tokens/s",
        found.tokens.size(), with_commas(tokens), pooling_name(embedder.pooling()),
        embedder.width(), embedder.normalizes() ? "of length 1" : "not normalized",
        embedder.prompt().empty() ? "" : ", prompt '" + escaped(embedder.prompt()) + "'", seconds,
        with_commas(static_cast<std::int64_t>(static_cast<double>(found.tokens.size()) / seconds)),
        with_commas(static_cast<std::int64_t>(static_cast<double>(tokens) / seconds)));
  }

  ModelEmbedOptions options_;
};

}  // namespace

Command model_embed_command() {
  return {.name = "model embed",
          .group = CommandGroup::use_model,
          .summary = "Turn texts into vectors, and compare them.",
          .details =
              "The model is a text encoder, with the files of sentence-transformers or without, or "
              "a model that writes text, whose last token stands for all. Several texts on the "
              "command line are answered with the cosines of all pairs; rows of --data, --json and "
              "--out with a JSON object a line (text, tokens, vector), or, when --out ends in "
              ".safetensors, with `vectors` [texts, features] and `tokens` [texts].",
          .arguments = {{.name = "TEXT",
                         .help = "A text; - reads standard input.",
                         .least = 0,
                         .most = Argument::kAny}},
          .examples = {{"bantam model embed -m models/all-minilm-l6-v2 'a cat sleeps' 'the kitten "
                        "naps' 'rates rise'",
                        "How alike these are."},
                       {"bantam model embed -m models/all-minilm-l6-v2 --data rows.jsonl --out "
                        "vectors.safetensors",
                        "Vectors of many rows."}},
          .shared = {"out", "force"},
          .body = [] { return std::make_unique<ModelEmbed>(); }};
}

}  // namespace bantam
