#include <csignal>

#include "bantam/base/files.h"
#include "bantam/base/options.h"
#include "bantam/cli/answer_printer.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/input_lines.h"
#include "bantam/cli/session.h"
#include "bantam/cli/terminal.h"
#include "bantam/generate/chat_model.h"
#include "bantam/model/load_model.h"
#include "bantam/model/model_reference.h"

namespace bantam {

namespace {

struct ChatCommandOptions {
  std::string model{default_model_name()};
  std::string system, tools;
  std::int64_t context = 0;
  bool show_reasoning = false;
  GenerateOptions generate;
};

}  // namespace

template <>
void describe(Describer<ChatCommandOptions>& d) {
  d(&ChatCommandOptions::model, "model", "The model to talk to: a file, a folder or a name.");
  d(&ChatCommandOptions::system, "system", "System message: who the model is to be.");
  d(&ChatCommandOptions::tools, "tools",
    "File with the tools the model may call: a JSON list in OpenAI's form.");
  d(&ChatCommandOptions::context, "context",
    "Tokens that a conversation may have; 0 is what the model was trained for.",
    at_least(std::int64_t{0}));
  d(&ChatCommandOptions::show_reasoning, "show_reasoning",
    "Print thoughts, between <think> and </think>, where output goes to a file or a pipe too; on a "
    "terminal they are always there, dimmed.");
  d.nested(&ChatCommandOptions::generate);
}

namespace {

constexpr std::string_view kHelp =
    "/system TEXT   set the system message; without TEXT, take it away\n"
    "/reset         forget the conversation, keep the system message\n"
    "/save FILE     write the conversation as a row of chat data\n"
    "/model REF     go on with another model\n"
    "/exit          leave, as Ctrl-D does\n"
    "Ctrl-C stops an answer. A line that ends with \\ goes on in the next one.\n";

Json read_tools(const std::string& file) {
  try {
    Json tools = parse_json(read_file(file));
    if (!tools.is_array()) {
      throw input_error("expected a list of tools, found {}", tools.type_name());
    }
    return tools;
  } catch (const Error& error) {
    throw error.at(escaped(file));
  }
}

// One conversation at a terminal or over a pipe.
class Conversation {
 public:
  Conversation(Session& session, ChatCommandOptions& options)
      : session_(session), options_(options) {
    options_.generate.sampler.seed = session.shared().seed;
    load(options_.model);
    set_system(options_.system);
    if (!options_.tools.empty()) tools_ = read_tools(options_.tools);
  }

  /// False when Ctrl-C stopped the answer.
  bool say(const std::string& text);
  /// False when the conversation is over.
  bool take_line(const std::string& line);

 private:
  void load(const std::string& reference);
  void set_system(const std::string& text);
  void command(const std::string& line);
  void save(const std::string& file) const;
  void report(const Reply& reply);

  Session& session_;
  ChatCommandOptions& options_;
  std::unique_ptr<LocalChatModel> model_;
  std::vector<Message> messages_;
  Json tools_;
  bool over_ = false;
};

void Conversation::load(const std::string& reference) {
  LoadedModel loaded = load_model(reference);
  for (const std::string& warning : loaded.warnings) session_.progress().note(warning);
  GenerateOptions probe = options_.generate;
  const std::vector<std::string> told =
      apply_generation_defaults(probe, loaded.generation_defaults);
  if (!told.empty()) {
    session_.progress().note(fmt::format("{} asks for {}", loaded.name, fmt::join(told, ", ")));
  }
  GeneratorOptions options;
  options.context = options_.context;
  model_ = std::make_unique<LocalChatModel>(std::move(loaded), options);
}

void Conversation::set_system(const std::string& text) {
  if (!messages_.empty() && messages_.front().role == "system") messages_.erase(messages_.begin());
  if (text.empty()) return;
  Message system;
  system.role = "system";
  system.content = text;
  messages_.insert(messages_.begin(), std::move(system));
}

bool Conversation::say(const std::string& text) {
  Message user;
  user.role = "user";
  user.content = text;
  messages_.push_back(std::move(user));
  ChatOptions options;
  options.generate = options_.generate;
  options.tools = tools_;
  AnswerPrinter printer(session_, options_.show_reasoning);
  if (!session_.json()) {
    options.on_text = [&printer](std::string_view piece) { printer.content(piece); };
    options.on_thought = [&printer](std::string_view piece) { printer.thought(piece); };
  }
  Reply reply;
  try {
    reply = model_->chat(messages_, options);
  } catch (...) {
    messages_.pop_back();  // the conversation stays as it was
    throw;
  }
  if (const int signal = Interrupt::requested(); signal != 0) {
    if (signal != SIGINT) throw Interrupted(signal, "chat");
    Interrupt::reset();
  }
  messages_.push_back(reply.message);
  if (!session_.json()) printer.finish(reply.message.tool_calls);
  report(reply);
  return reply.finish_reason != FinishReason::cancelled;
}

void Conversation::report(const Reply& reply) {
  if (session_.json()) {
    session_.event({{"message", message_to_json(reply.message)},
                    {"finish_reason", name_of(reply.finish_reason)},
                    {"usage",
                     {{"prompt_tokens", reply.prompt_tokens},
                      {"cached_tokens", reply.cached_tokens},
                      {"completion_tokens", reply.completion_tokens}}},
                    {"seconds", reply.seconds}});
  }
  if (reply.context_full) {
    session_.progress().note(
        fmt::format("the answer ends here: {} tokens of conversation fill the context of {}; "
                    "/reset begins anew",
                    with_commas(reply.prompt_tokens + reply.completion_tokens),
                    with_commas(model_->generator().context())));
  } else if (reply.finish_reason == FinishReason::length) {
    session_.progress().note(
        fmt::format("the answer ends here: --max-tokens {}", reply.completion_tokens));
  } else if (reply.finish_reason == FinishReason::cancelled) {
    session_.progress().note("stopped");
  }
  if (session_.shared().verbose) {
    const double writing = reply.seconds - reply.prompt_seconds;
    session_.progress().note(fmt::format(
        "{} prompt tokens ({} kept), {} answer tokens, {:.2f} s to the first, {:.1f} tokens/s",
        reply.prompt_tokens, reply.cached_tokens, reply.completion_tokens, reply.prompt_seconds,
        writing > 0 ? static_cast<double>(reply.completion_tokens - 1) / writing : 0.0));
  }
}

void Conversation::save(const std::string& file) const {
  require_fresh_output(file, false);
  Json row = {{"messages", Json::array()}};
  for (const Message& message : messages_) row["messages"].push_back(message_to_json(message));
  write_file_atomically(file, dump_json(row) + "\n");
  session_.progress().note(fmt::format("{} messages written to {}", messages_.size(), file));
}

void Conversation::command(const std::string& line) {
  const std::size_t space = line.find(' ');
  const std::string name = line.substr(0, space);
  const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
  if (name == "/help") {
    write_stderr(kHelp);
  } else if (name == "/exit" || name == "/quit" || name == "/bye") {
    over_ = true;
  } else if (name == "/system") {
    set_system(rest);
    session_.progress().note(rest.empty() ? "no system message" : "system message set");
  } else if (name == "/reset") {
    std::erase_if(messages_, [](const Message& message) { return message.role != "system"; });
    session_.progress().note("the conversation is forgotten");
  } else if (name == "/save") {
    if (rest.empty()) throw usage_error("/save needs the name of a file");
    save(rest);
  } else if (name == "/model") {
    if (rest.empty()) throw usage_error("/model needs the name of a model");
    load(rest);
    session_.progress().note(fmt::format("now talking to {}", model_->name()));
  } else {
    const std::vector<std::string> known = {"/help", "/system", "/reset",
                                            "/save", "/model",  "/exit"};
    throw_unknown_name("chat command", name, known);
  }
}

bool Conversation::take_line(const std::string& line) {
  try {
    if (line.starts_with('/')) {
      command(line);
    } else if (line.find_first_not_of(" \t") != std::string::npos) {
      say(line);
    }
  } catch (const Error& error) {
    // A person can go on after a mistake; a script that fed us a wrong line should fail.
    if (!InputLines::is_typed() || error.kind() == Error::Kind::internal) throw;
    write_stderr(fmt::format("bantam: {}\n", error.what()));
  }
  return !over_;
}

class Chat final : public CommandBody {
 public:
  std::vector<Option> options() override {
    std::vector<Option> list = options_of(options_);
    std::erase_if(list, [](const Option& option) {
      return option.key == "n" || option.key == "logprobs" || option.key == "ignore_eos";
    });
    return list;
  }

  int run(Session& session) override {
    Conversation conversation(session, options_);
    InputLines reader;
    if (!session.arguments().empty()) {
      const std::string& prompt = session.arguments()[0];
      const bool whole = conversation.say(prompt == "-" ? reader.rest() : prompt);
      if (!whole) throw Interrupted(SIGINT, "the answer is not complete");
      return 0;
    }
    const bool person = InputLines::is_typed() && is_terminal(Stream::out);
    if (person) session.progress().note("/help lists commands, Ctrl-D leaves");
    std::string text;
    while (true) {
      if (person) {
        session.print(text.empty() ? "> " : "  ");
        session.flush();
      }
      const InputLines::Result read = reader.next();
      if (read.outcome == InputLines::Outcome::interrupted) {
        if (Interrupt::requested() != SIGINT) throw Interrupted(Interrupt::requested(), "chat");
        Interrupt::reset();
        text.clear();
        session.print("\n");
        continue;
      }
      if (read.outcome == InputLines::Outcome::end) break;
      text += read.line;
      if (text.ends_with('\\')) {
        text.back() = '\n';
        continue;
      }
      if (!conversation.take_line(std::exchange(text, {}))) break;
    }
    if (person) session.print("\n");
    return 0;
  }

 private:
  ChatCommandOptions options_;
};

}  // namespace

Command chat_command() {
  return {.name = "chat",
          .group = CommandGroup::use_model,
          .summary = "Talk to a model.",
          .details =
              "With PROMPT, answer once and exit; \"-\" reads the prompt from standard input. "
              "Without it, every line is a turn, typed or piped.",
          .arguments = {{"PROMPT", "What to say.", 0, 1}},
          .examples = {{"bantam chat -m model.gguf", "A conversation."},
                       {"bantam chat -m model.gguf \"What is gravity?\"", "One answer."},
                       {"bantam chat -m model.gguf --temperature 0.7 --seed 3",
                        "Answers that vary with the seed."}},
          .shared = {"seed"},
          .body = [] { return std::make_unique<Chat>(); }};
}

}  // namespace bantam
