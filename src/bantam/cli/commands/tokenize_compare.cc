#include <filesystem>

#include "bantam/base/error.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tokenizer_choice.h"
#include "bantam/cli/commands/tokenizer_texts.h"
#include "bantam/eval/perplexity.h"
#include "bantam/eval/tokenizer_measures.h"
#include "bantam/model/load_model.h"

namespace bantam {

namespace {

struct TokenizeCompareOptions {
  std::vector<std::string> tokenizers;
  TokenizerTexts texts;
  std::string model;
  std::int64_t windows = 32;
};

}  // namespace

template <>
void describe(Describer<TokenizeCompareOptions>& d) {
  using Options = TokenizeCompareOptions;
  d(&Options::tokenizers, "tokenizer",
    "A tokenizer.json, or a folder, GGUF file or model name that has one; may be repeated.");
  d.nested(&Options::texts);
  d(&Options::model, "model",
    "Also measure this model's tokenizer, and its bits per byte on the texts.");
  d(&Options::windows, "windows",
    "Windows of 512 tokens that bits per byte are measured on; 0: all.", at_least(std::int64_t{0}));
}

namespace {

struct Compared {
  std::string name;
  std::shared_ptr<const Tokenizer> tokenizer;
  TokenizerMeasures measures = {};
  std::optional<double> bits_per_byte = {};
};

std::vector<std::string> all_texts(Session& session, const TokenizerTexts& options) {
  std::vector<std::string> all;
  read_texts(session, options, [&](std::span<const std::string_view> texts) {
    all.insert(all.end(), texts.begin(), texts.end());
  });
  if (all.empty()) throw input_error("--data: expected texts, found none in the rows");
  return all;
}

/// What heads a column: the last part of a path that says something.
std::string short_name(const std::string& reference) {
  Path path = reference;
  if (path.filename() == "tokenizer.json" || !path.has_filename()) path = path.parent_path();
  return path.has_filename() ? path.filename().string() : reference;
}

std::string share(std::int64_t part, std::int64_t whole) {
  return whole > 0 ? fmt::format("{:.2f} %",
                                 100.0 * static_cast<double>(part) / static_cast<double>(whole))
                   : "";
}

class TokenizeCompare final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    if (options_.tokenizers.empty() && options_.model.empty()) {
      throw usage_error("--tokenizer: expected at least one to measure, found none");
    }
    std::vector<Compared> list;
    for (const std::string& name : options_.tokenizers)
      list.push_back({name, tokenizer_named(name)});
    const std::vector<std::string> texts = all_texts(session, options_.texts);
    if (!options_.model.empty()) list.push_back(measured_model(session, texts));
    for (Compared& one : list) {
      one.measures = measure_tokenizer(*one.tokenizer, texts, session.progress());
    }
    session.json() ? session.result(as_json(list)) : print(session, list);
    return 0;
  }

 private:
  Compared measured_model(Session& session, const std::vector<std::string>& texts) const {
    const LoadedModel model = load_model(options_.model);
    std::string joined;
    for (const std::string& text : texts) joined += text + "\n";
    const PerplexityOptions perplexity{.limit_windows = options_.windows,
                                       .progress = &session.progress()};
    return {.name = options_.model,
            .tokenizer = model.tokenizer,
            .bits_per_byte = measure_perplexity(model, joined, perplexity).bits_per_byte};
  }

  static Json as_json(const std::vector<Compared>& list) {
    Json out = Json::array();
    for (const Compared& one : list) {
      const TokenizerMeasures& m = one.measures;
      Json lost;
      if (m.lost) {
        lost = {{"text", m.lost->number},
                {"byte", m.lost->at},
                {"was", m.lost->was},
                {"became", m.lost->became}};
      }
      out.push_back({{"tokenizer", one.name},
                     {"vocabulary", one.tokenizer->vocabulary_size()},
                     {"texts", m.texts},
                     {"bytes", m.bytes},
                     {"words", m.words},
                     {"tokens", m.tokens},
                     {"tokens_used", m.used},
                     {"fertility", m.fertility()},
                     {"bytes_per_token", m.bytes_per_token()},
                     {"unknown_tokens", m.unknown},
                     {"parts_of_characters", m.fragments},
                     {"came_back", m.came_back},
                     {"first_lost", lost},
                     {"renyi_efficiency", m.renyi_efficiency},
                     {"megabytes_per_second", m.megabytes_per_second()},
                     {"bits_per_byte", one.bits_per_byte ? Json(*one.bits_per_byte) : Json()}});
    }
    return out;
  }

  static void print(Session& session, const std::vector<Compared>& list) {
    const TokenizerMeasures& first = list[0].measures;
    session.print("{} texts, {} bytes, {} words\n\n", with_commas(first.texts),
                  with_commas(first.bytes), with_commas(first.words));
    std::vector<std::string> header = {""};
    for (const Compared& one : list) header.push_back(">" + short_name(one.name));
    Table table(header);
    const auto add = [&](const std::string& name, auto&& cell) {
      std::vector<std::string> row = {name};
      for (const Compared& one : list) row.push_back(cell(one, one.measures));
      table.add(std::move(row));
    };
    using M = TokenizerMeasures;
    add("vocabulary", [](const Compared& one, const M&) {
      return with_commas(one.tokenizer->vocabulary_size());
    });
    add("tokens", [](const Compared&, const M& m) { return with_commas(m.tokens); });
    add("distinct tokens", [](const Compared&, const M& m) { return with_commas(m.used); });
    add("tokens per word",
        [](const Compared&, const M& m) { return fmt::format("{:.3f}", m.fertility()); });
    add("bytes per token",
        [](const Compared&, const M& m) { return fmt::format("{:.3f}", m.bytes_per_token()); });
    add("unknown", [](const Compared&, const M& m) { return share(m.unknown, m.tokens); });
    add("parts of characters",
        [](const Compared&, const M& m) { return share(m.fragments, m.tokens); });
    add("texts that come back",
        [](const Compared&, const M& m) { return share(m.came_back, m.texts); });
    add("Rényi efficiency",
        [](const Compared&, const M& m) { return fmt::format("{:.4f}", m.renyi_efficiency); });
    add("MB/s on one thread", [](const Compared&, const M& m) {
      return fmt::format("{:.1f}", m.megabytes_per_second());
    });
    if (list.back().bits_per_byte) {
      add("bits per byte", [](const Compared& one, const M&) {
        return one.bits_per_byte ? fmt::format("{:.4f}", *one.bits_per_byte) : std::string();
      });
    }
    session.print(table);
    for (const Compared& one : list) print_lost(session, one);
  }

  static void print_lost(Session& session, const Compared& one) {
    if (!one.measures.lost) return;
    const LostText& lost = *one.measures.lost;
    session.print("\n{}: text {} changes at byte {}: '{}' became '{}'\n", one.name,
                  with_commas(lost.number + 1), with_commas(static_cast<std::int64_t>(lost.at)),
                  escaped(lost.was), escaped(lost.became));
  }

  TokenizeCompareOptions options_;
};

}  // namespace

Command tokenize_compare_command() {
  return {.name = "tokenize compare",
          .group = CommandGroup::judge,
          .summary = "Set tokenizers side by side on the same texts.",
          .details =
              "Words are stretches without white space. Parts of characters are tokens of single "
              "bytes or cut characters. Rényi efficiency (order 2.5, arXiv:2306.16842) says how "
              "evenly the vocabulary is used. Bits per byte are comparable between models with "
              "different tokenizers; perplexity is not.",
          .examples = {{"bantam tokenize compare --tokenizer mine/tokenizer.json --tokenizer "
                        "smollm2-135m-instruct --data notes.txt",
                        ""}},
          .body = [] { return std::make_unique<TokenizeCompare>(); }};
}

}  // namespace bantam
