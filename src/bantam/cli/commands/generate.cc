#include <chrono>
#include <functional>
#include <map>
#include <numeric>

#include "bantam/base/files.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/input_lines.h"
#include "bantam/cli/session.h"
#include "bantam/data/dataset.h"
#include "bantam/generate/generator.h"
#include "bantam/generate/seq2seq_answer.h"
#include "bantam/model/load_model.h"
#include "bantam/model/load_seq2seq.h"
#include "bantam/model/model_reference.h"
#include "bantam/model/open_model.h"
#include "bantam/model/translation_languages.h"
#include "bantam/text/chat_template.h"

namespace bantam {

namespace {

// Of an answer, where neither the user nor the model's files say.
constexpr std::int64_t kUsualTokens = 256;

struct GenerateCommandOptions {
  std::string model{default_model_name()};
  std::vector<std::string> data;
  bool chat = false;
  int batch = 8;
  std::int64_t context = 0;
  std::string source_language, target_language;
  GenerateOptions generate;
};

}  // namespace

template <>
void describe(Describer<GenerateCommandOptions>& d) {
  d(&GenerateCommandOptions::model, "model", "The model that writes: a file, a folder or a name.");
  d(&GenerateCommandOptions::data, "data",
    "Rows to complete: each row's prompt, conversation or text.");
  d(&GenerateCommandOptions::chat, "chat",
    "Give prompts to the model as the first message of a chat, in its template.");
  d(&GenerateCommandOptions::batch, "batch", "Answers under way at once.", between(1, 1024));
  d(&GenerateCommandOptions::context, "context",
    "Tokens that prompt and answer may have; 0 is what the model was trained for.",
    at_least(std::int64_t{0}));
  d(&GenerateCommandOptions::source_language, "source_language",
    "What a translation model reads, as its files call it: eng_Latn (NLLB), en_XX (mBART), en "
    "(M2M-100).");
  d(&GenerateCommandOptions::target_language, "target_language",
    "What a translation model writes: fra_Latn, fr_XX, fr, or fra (Marian's models of many "
    "languages).");
  d.nested(&GenerateCommandOptions::generate);
}

namespace {

// One thing to complete, with what identifies it in the output.
struct Item {
  std::string id, prompt;
  std::vector<Message> messages;  ///< not empty: rendered by the template
  Json tools;
  std::string where;
};

Item item_of(const Row& row) {
  Item item{row.id, "", {}, row.tools, where_is(row)};
  if (row.kind == Row::Kind::chat) {
    item.messages = row.messages;
    if (!item.messages.empty() && item.messages.back().role == "assistant") {
      item.messages.pop_back();
    }
  } else {
    item.prompt = row.kind == Row::Kind::prompt_completion ? row.prompt : row.text;
  }
  return item;
}

std::vector<std::int32_t> encode(const Item& item, const Generator& generator, bool chat) {
  std::vector<Message> messages = item.messages;
  if (messages.empty() && chat) {
    messages.emplace_back();
    messages.back().role = "user";
    messages.back().content = item.prompt;
  }
  if (messages.empty()) return generator.encode_prompt(item.prompt);
  const LoadedModel& model = generator.model();
  if (model.chat_template == nullptr) {
    throw refused_error("{}: this model has no chat template; give it prompts without --chat",
                        model.name);
  }
  RenderOptions render;
  render.tools = item.tools;
  return render_prompt(*model.chat_template, *model.tokenizer, messages, render).ids;
}

// An encoder-decoder reads a text with all that its tokenizer puts around one.
std::vector<std::int32_t> encode(const Item& item, const LoadedSeq2Seq& loaded) {
  if (!item.messages.empty()) {
    throw input_error("a conversation; {} is an encoder-decoder, which answers to a text",
                      loaded.name);
  }
  return loaded.tokenizer->model_input(item.prompt).ids;
}

template <class Encode>
auto encoded(const std::vector<Item>& items, Encode encode_one) {
  std::vector<decltype(encode_one(items.front()))> all;
  for (const Item& item : items) {
    try {
      all.push_back(encode_one(item));
    } catch (const Error& error) {
      throw item.where.empty() ? error : error.at(item.where);
    }
  }
  return all;
}

// Rows in the order of the prompts, as soon as all before them are there.
class RowWriter {
 public:
  RowWriter(Session& session, const std::vector<Item>& items, std::span<const Path> inputs)
      : session_(session), items_(items) {
    const auto& out = session.shared().out;
    if (!out || *out == "-") return;
    require_fresh_output(*out, session.shared().force, inputs);
    file_.emplace(*out);
  }
  void take(std::size_t i, const Completion& completion) {
    Json row = Json::object();
    if (!items_[i].id.empty()) row["id"] = items_[i].id;
    row.update(completion_to_json(items_[i].prompt, completion));
    if (!items_[i].messages.empty()) {
      row.erase("prompt");
      row["messages"] = Json::array();
      for (const Message& message : items_[i].messages) {
        row["messages"].push_back(message_to_json(message));
      }
    }
    waiting_.emplace(i, dump_json(row) + "\n");
    for (auto next = waiting_.find(written_); next != waiting_.end();
         next = waiting_.find(written_)) {
      file_ ? file_->write(next->second) : session_.print(next->second);
      waiting_.erase(next);
      ++written_;
    }
    if (!file_) session_.flush();
  }
  void finish() {
    if (!file_) return;
    file_->commit();
    if (session_.run() != nullptr) session_.run()->add_file(*session_.shared().out, "completions");
  }

 private:
  Session& session_;
  const std::vector<Item>& items_;
  std::optional<AtomicFile> file_;
  std::map<std::size_t, std::string> waiting_;
  std::size_t written_ = 0;
};

struct Totals {
  std::int64_t prompt_tokens = 0, cached_tokens = 0, tokens = 0;
  std::size_t failed = 0, cancelled = 0;
  double seconds = 0;
};

class Generate final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const std::vector<Item> items = read_items(session);
    options_.generate.sampler.seed = session.shared().seed;
    const ModelReference reference = resolve_model_reference(options_.model);
    if (kind_of_model(reference.path) == ModelKind::encoder_decoder) {
      return answer(session, items, reference);
    }
    refuse_languages(reference);
    return go_on(session, items);
  }

 private:
  std::vector<Item> read_items(Session& session) {
    from_data_ = !options_.data.empty();
    const auto& arguments = session.arguments();
    if (from_data_ == !arguments.empty()) {
      throw usage_error("generate: expected a PROMPT or --data, found {}",
                        from_data_ ? "both" : "neither");
    }
    if (!from_data_) {
      return {{"", arguments[0] == "-" ? InputLines().rest() : arguments[0], {}, Json(), ""}};
    }
    std::vector<DataRef> refs;
    for (const std::string& text : options_.data) refs.push_back(parse_data_ref(text));
    std::vector<Item> items;
    for (const Row& row : Dataset::open(refs)) items.push_back(item_of(row));
    return items;
  }

  // Makes all completions, telling the hooks.
  using Work = std::function<std::vector<Completion>(const GenerateHooks& hooks)>;

  int go_on(Session& session, const std::vector<Item>& items) {
    LoadedModel loaded = load_model(options_.model);
    if (!options_.generate.max_tokens) options_.generate.max_tokens = kUsualTokens;
    tell(session, loaded.name, loaded.warnings,
         apply_generation_defaults(options_.generate, loaded.generation_defaults));
    GeneratorOptions settings;
    settings.max_batch = options_.batch;
    settings.context = options_.context;
    Generator generator(std::move(loaded), settings);
    const std::vector<Request> requests = encoded(items, [&](const Item& item) {
      return Request{encode(item, generator, options_.chat), options_.generate, {}};
    });
    return write(session, generator.model().path, items,
                 [&](const GenerateHooks& hooks) { return generator.generate(requests, hooks); });
  }

  int answer(Session& session, const std::vector<Item>& items, const ModelReference& reference) {
    if (options_.chat || options_.context != 0) {
      throw usage_error(
          "{}: this model is an encoder-decoder, which answers to a text; leave {} out",
          name_of_model(reference.path), options_.chat ? "--chat" : "--context");
    }
    LoadedSeq2Seq loaded = load_seq2seq(reference);
    choose_languages(loaded);
    std::vector<std::string> told;
    Seq2SeqOptions search = seq2seq_options(options_.generate, loaded.generation_defaults, told);
    if (search.max_tokens == 0) search.max_tokens = kUsualTokens;
    tell(session, loaded.name, loaded.warnings, told);
    const auto texts = encoded(items, [&](const Item& item) { return encode(item, loaded); });
    return write(session, loaded.path, items, [&](const GenerateHooks& hooks) {
      return answer_texts(loaded, texts, search, hooks);
    });
  }

  void choose_languages(LoadedSeq2Seq& loaded) const {
    if (!options_.source_language.empty()) {
      loaded.tokenizer = with_source_language(loaded.tokenizer, options_.source_language);
    }
    if (options_.target_language.empty()) return;
    const TargetLanguage target = with_target_language(loaded.tokenizer, options_.target_language);
    loaded.tokenizer = target.tokenizer;
    if (target.first_token) loaded.tokens.forced_first = target.first_token;
  }

  // A language model is told in its prompt.
  void refuse_languages(const ModelReference& reference) const {
    if (options_.source_language.empty() && options_.target_language.empty()) return;
    throw usage_error(
        "--{}-language: {} is no encoder-decoder; say in the prompt what to translate into",
        options_.source_language.empty() ? "target" : "source", name_of_model(reference.path));
  }

  static void tell(Session& session, const std::string& model,
                   const std::vector<std::string>& warnings,
                   const std::vector<std::string>& asked) {
    for (const std::string& warning : warnings) session.progress().note(warning);
    if (asked.empty()) return;
    session.progress().note(fmt::format("{} asks for {}", model, fmt::join(asked, ", ")));
  }

  int write(Session& session, const Path& model, const std::vector<Item>& items, const Work& work) {
    return from_data_ || options_.generate.n > 1 || session.json() || session.shared().out
               ? write_rows(session, model, items, work)
               : stream(session, work);
  }

  // One prompt, one answer: the text as it comes.
  int stream(Session& session, const Work& work) {
    GenerateHooks hooks;
    hooks.on_text = [&session](std::size_t, int, std::string_view text) {
      session.print(text);
      session.flush();
    };
    const auto completions = timed(work, hooks);
    session.print("\n");
    session.flush();  // before the figures on standard error
    return summarize(session, completions);
  }

  int write_rows(Session& session, const Path& model, const std::vector<Item>& items,
                 const Work& work) {
    std::vector<Path> inputs = {model};
    for (const std::string& text : options_.data) inputs.emplace_back(parse_data_ref(text).path);
    RowWriter writer(session, items, inputs);
    GenerateHooks hooks;
    hooks.progress = &session.progress();
    hooks.on_done = [&](std::size_t i, const Completion& completion) {
      writer.take(i, completion);
    };
    const auto completions = timed(work, hooks);
    if (Interrupt::requested() == 0) writer.finish();
    return summarize(session, completions);
  }

  std::vector<Completion> timed(const Work& work, const GenerateHooks& hooks) {
    const auto start = std::chrono::steady_clock::now();
    std::vector<Completion> completions = work(hooks);
    totals_.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    for (const Completion& completion : completions) {
      totals_.prompt_tokens += completion.prompt_tokens;
      totals_.cached_tokens += completion.cached_tokens;
      totals_.tokens += completion.generated_tokens();
      totals_.failed += completion.error.empty() ? 0 : 1;
    }
    return completions;
  }

  int summarize(Session& session, const std::vector<Completion>& completions) {
    if (const int signal = Interrupt::requested(); signal != 0) {
      throw Interrupted(signal,
                        session.shared().out ? "nothing was written" : "the rest is missing");
    }
    const double rate =
        totals_.seconds > 0 ? static_cast<double>(totals_.tokens) / totals_.seconds : 0;
    session.progress().note(fmt::format(
        "{} {}, {} tokens of answers in {:.1f} s: {:.1f} tokens/s ({} prompt tokens, {} of them "
        "shared)",
        completions.size(), completions.size() == 1 ? "prompt" : "prompts",
        with_commas(totals_.tokens), totals_.seconds, rate, with_commas(totals_.prompt_tokens),
        with_commas(totals_.cached_tokens)));
    if (session.run() != nullptr) {
      session.run()->log(0, "tokens", static_cast<double>(totals_.tokens));
      session.run()->log(0, "tokens_per_second", rate);
    }
    for (const Completion& completion : completions) {
      if (!completion.choices.empty() && completion.choices.front().context_full) {
        session.progress().note(fmt::format(
            "an answer was ended by the context of {} tokens (a prompt of {})",
            with_commas(completion.prompt_tokens +
                        static_cast<std::int64_t>(completion.choices.front().tokens.size())),
            with_commas(completion.prompt_tokens)));
        break;
      }
    }
    if (totals_.failed == 0) return 0;
    session.progress().note(fmt::format("{} of {} prompts failed; see their \"error\"",
                                        totals_.failed, completions.size()));
    return static_cast<int>(Error::Kind::failed_expectation);
  }

  GenerateCommandOptions options_;
  bool from_data_ = false;
  Totals totals_;
};

}  // namespace

Command generate_command() {
  return {
      .name = "generate",
      .group = CommandGroup::use_model,
      .summary = "Complete a prompt, or many prompts in batches.",
      .details =
          "One PROMPT is completed as it stands and the text streams to standard output; "
          "\"-\" reads it from standard input. --data completes rows and writes one JSON "
          "row each: id, prompt, completions with text, tokens and finish_reason. An "
          "encoder-decoder (T5, BART, Marian and their kin) answers to the text instead: greedy or "
          "with beams, as its generation_config.json says unless --decode does. An answer has at "
          "most --max-tokens tokens, by default 256, or what an encoder-decoder's files say.",
      .arguments = {{"PROMPT", "Text to go on from.", 0, 1}},
      .examples = {{"bantam generate -m model.gguf \"The capital of France is\" --max-tokens 8",
                    "One completion."},
                   {"bantam generate -m model.gguf --data prompts.jsonl --n 4 --temperature 0.8 "
                    "-o out.jsonl",
                    "Four samples of each row."},
                   {"bantam generate -m model.gguf --chat \"Name three fruits.\" --decode beam:4",
                    "The best of four beams, as a chat answer."},
                   {"bantam generate -m flan-t5-small \"translate English to German: Good "
                    "morning.\" --decode beam:4",
                    "The answer of an encoder-decoder."}},
      .shared = {"out", "seed", "name", "no_run", "force"},
      .recorded = true,
      .body = [] { return std::make_unique<Generate>(); }};
}

}  // namespace bantam
