#include <fmt/ranges.h>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tokenizer_choice.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

struct TokenizeRenderOptions {
  TokenizerChoice choice;
  std::string chat_template;
  bool prompt = false;
  bool ids = false;
};

}  // namespace

template <>
void describe(Describer<TokenizeRenderOptions>& d) {
  d.nested(&TokenizeRenderOptions::choice);
  d(&TokenizeRenderOptions::chat_template, "template",
    "Use this Jinja file, or a built-in template (chatml, llama-3, gemma, zephyr, plain).");
  d(&TokenizeRenderOptions::prompt, "prompt", "Render as generation sees it, instead of training.");
  d(&TokenizeRenderOptions::ids, "ids", "Also print the ids.");
}

namespace {

class TokenizeRender final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const auto tokenizer = load(options_.choice);
    const auto chat = choose_template(*tokenizer);
    const std::string& path = session.arguments()[0];
    const std::string text = read_file(path);
    std::size_t line = 0;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      const std::string_view row = std::string_view(text).substr(at, end - at);
      ++line;
      at = end + 1;
      if (row.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      try {
        show(session, *tokenizer, render(*chat, *tokenizer, parse_json(row)));
      } catch (const Error& error) {
        throw error.at(fmt::format("{}:{}", path, line));
      }
    }
    return 0;
  }

 private:
  std::shared_ptr<const ChatTemplate> choose_template(const Tokenizer& tokenizer) const {
    const std::string& name = options_.chat_template;
    if (name.empty()) return load_template(options_.choice, tokenizer);
    const SpecialTexts tokens = special_texts(tokenizer);
    if (std::filesystem::exists(name)) return ChatTemplate::parse(read_file(name), tokens);
    return ChatTemplate::built_in(name, tokens);
  }

  Rendered render(const ChatTemplate& chat, const Tokenizer& tokenizer, const Json& row) const {
    if (!row.is_object() || !row.contains("messages") || !row["messages"].is_array()) {
      throw input_error("expected an object with a list `messages`");
    }
    std::vector<Message> messages;
    for (const Json& item : row["messages"]) messages.push_back(message_from_json(item));
    const Json tools = row.contains("tools") ? row["tools"] : Json();
    if (!options_.prompt) return render_for_training(chat, tokenizer, messages, tools);
    RenderOptions options;
    options.tools = tools;
    return render_prompt(chat, tokenizer, messages, options);
  }

  /// Trained tokens are green, control tokens faint; without colour, trained ones are in [ ].
  void show(Session& session, const Tokenizer& tokenizer, const Rendered& rendered) const {
    if (session.json()) {
      session.event({{"text", rendered.text},
                     {"ids", rendered.ids},
                     {"roles", rendered.roles},
                     {"weights", rendered.weights}});
      return;
    }
    std::string shown;
    for (std::size_t i = 0; i < rendered.ids.size(); ++i) {
      const std::string_view token = tokenizer.token_bytes(rendered.ids[i]);
      const bool trained = rendered.weights[i] > 0;
      const bool line_end = token == "\n";
      const std::string text = line_end ? "\n" : escaped(token, 1000);
      if (trained) {
        shown += session.color() ? "\x1b[32m" + text + "\x1b[0m" : "[" + text + "]";
      } else {
        shown += tokenizer.is_special(rendered.ids[i]) ? faint(text, session.color()) : text;
      }
    }
    const auto count = [](const auto& values) {
      return std::count_if(values.begin(), values.end(), [](float w) { return w > 0; });
    };
    session.print("{}\n", shown);
    if (options_.ids) session.print("{}\n", fmt::join(rendered.ids, " "));
    session.print("{} tokens, {} trained\n", rendered.ids.size(), count(rendered.weights));
  }

  TokenizeRenderOptions options_;
};

}  // namespace

Command tokenize_render_command() {
  return {.name = "tokenize render",
          .group = CommandGroup::use_model,
          .summary = "Show what a chat template makes of conversations, and what is trained.",
          .arguments = {{"FILE", "Rows with messages: JSON, one object a line."}},
          .examples = {{"bantam tokenize render chat.jsonl", "Trained tokens are green."},
                       {"bantam tokenize render chat.jsonl --template llama-3 --prompt", ""}},
          .body = [] { return std::make_unique<TokenizeRender>(); }};
}

}  // namespace bantam
