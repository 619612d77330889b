#include "bantam/text/chat_template.h"

#include <algorithm>

#include "bantam/base/error.h"
#include "bantam/text/built_in_templates.h"
#include "bantam/text/chat_program.h"

namespace bantam {
namespace {

constexpr std::int32_t other_data = -1;

constexpr std::string_view reserved_names[] = {
    "messages",        "tools",       "documents", "add_generation_prompt",
    "bos_token",       "eos_token",   "pad_token", "unk_token",
    "range",           "dict",        "namespace", "joiner",
    "raise_exception", "strftime_now"};

/// The calls with their arguments as objects or as JSON text, where the template cannot take what
/// is there.
Json tool_calls_for(const Json& calls, ArgumentForms takes) {
  Json result = calls;
  for (Json& call : result) {
    if (!call.is_object()) continue;
    const bool nested = call.contains("function") && call["function"].is_object();
    Json& holder = nested ? call["function"] : call;
    if (!holder.contains("arguments")) continue;
    Json& arguments = holder["arguments"];
    if (!takes.text && takes.object && arguments.is_string()) {
      try {
        arguments = parse_json(arguments.get<std::string>());
      } catch (const Error&) {
        // What a model wrote need not be JSON; the template gets it as it is.
      }
    } else if (!takes.object && takes.text && (arguments.is_object() || arguments.is_array())) {
      arguments = dump_json(arguments);
    }
  }
  return result;
}

jinja::Value value_of(const Message& message, std::int32_t source, ArgumentForms takes) {
  using jinja::Text;
  using jinja::Value;
  jinja::Dict dict;
  // Roles are known words, checked on reading; templates build special tokens from them ("<|" +
  // role + "|>").
  dict.set("role", Value::text(message.role));
  const auto original = message.extra.find("content");
  dict.set("content", original == message.extra.end()
                          ? Value::text(Text::from(message.content, source))
                          : jinja::from_json(*original, source));
  if (!message.reasoning_content.empty()) {
    for (const char* key : {"reasoning_content", "thinking", "reasoning"}) {
      dict.set(key, Value::text(Text::from(message.reasoning_content, source)));
    }
  }
  if (message.tool_calls.is_array()) {
    dict.set("tool_calls", jinja::from_json(tool_calls_for(message.tool_calls, takes), source));
  }
  const auto put = [&](const char* key, const std::string& text) {
    if (!text.empty()) dict.set(key, Value::text(Text::from(text, source)));
  };
  put("tool_call_id", message.tool_call_id);
  put("name", message.name);
  for (const auto& [key, value] : message.extra.items()) {
    if (key != "content") dict.set(key, jinja::from_json(value, source));
  }
  return Value::dict(std::move(dict));
}

/// What the template does with small conversations: decides the form of tool arguments, and what to
/// warn of.
class Probe {
 public:
  explicit Probe(ChatTemplate::Program& program) : program_(program) {}

  void run() {
    program_.argument_forms = {takes_arguments(R"({"key_probe": 1})", "\\\"key_probe"),
                               takes_arguments({{"key_probe", 1}}, "'key_probe'")};
    const Message user{.role = "user", .content = "bantam-user-probe"};
    const Message system{.role = "system", .content = "bantam-system-probe"};
    const Message both[] = {system, user};
    const bool user_seen = shows(std::span(&user, 1), user.content) || shows(both, user.content);
    if (!user_seen) program_.warnings.push_back("the chat template ignores the last user message");
    if (!shows(both, system.content)) {
      program_.warnings.push_back("the chat template ignores or refuses a system message");
    }
  }

 private:
  bool shows(std::span<const Message> messages, std::string_view text) const {
    try {
      RenderOptions options;
      options.add_generation_prompt = true;
      return program_.render(messages, options).text.bytes.find(text) != std::string::npos;
    } catch (const Error&) {
      return false;
    }
  }

  /// Whether the arguments of a call come out, and not quoted in a way that shows they were not
  /// meant so.
  bool takes_arguments(const Json& arguments, std::string_view misquoted) const {
    const Message user{.role = "user", .content = "x"};
    Message call{.role = "assistant", .content = ""};
    call.tool_calls = Json::array({{{"id", "call_000001"},
                                    {"type", "function"},
                                    {"function", {{"name", "f"}, {"arguments", arguments}}}}});
    const Message messages[] = {user, call};
    return shows(messages, "key_probe") && !shows(messages, misquoted);
  }

  ChatTemplate::Program& program_;
};

}  // namespace

SpecialTexts special_texts(const Tokenizer& tokenizer) {
  const auto text = [&](std::optional<std::int32_t> id) {
    return id ? std::string(tokenizer.token_bytes(*id)) : "";
  };
  return {text(tokenizer.bos()), text(tokenizer.eos()), text(tokenizer.pad()),
          text(tokenizer.vocabulary().unk)};
}

ChatTemplate::ChatTemplate(std::unique_ptr<const Program> program) : program_(std::move(program)) {}
ChatTemplate::~ChatTemplate() = default;

std::shared_ptr<const ChatTemplate> ChatTemplate::parse(std::string_view source,
                                                        SpecialTexts tokens) {
  auto program = std::make_unique<Program>();
  program->code = jinja::Template::parse(source);
  program->tokens = std::move(tokens);
  Probe(*program).run();
  return std::shared_ptr<const ChatTemplate>(new ChatTemplate(std::move(program)));
}

std::shared_ptr<const ChatTemplate> ChatTemplate::built_in(std::string_view name,
                                                           SpecialTexts tokens) {
  return parse(built_in_template(name), std::move(tokens));
}

std::vector<std::string> ChatTemplate::built_in_names() { return built_in_template_names(); }

std::string ChatTemplate::render(std::span<const Message> messages,
                                 const RenderOptions& options) const {
  return program_->render(messages, options).text.bytes;
}

const std::string& ChatTemplate::source() const { return program_->code->source(); }
std::vector<std::string> ChatTemplate::warnings() const { return program_->warnings; }

jinja::Rendering ChatTemplate::Program::render(std::span<const Message> messages,
                                               const RenderOptions& options) const {
  using jinja::Value;
  std::vector<std::pair<std::string, Value>> variables;
  jinja::Items items;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    items.push_back(value_of(messages[i], static_cast<std::int32_t>(i), argument_forms));
  }
  variables.emplace_back("messages", Value::list(std::move(items)));
  variables.emplace_back("tools", jinja::from_json(options.tools, other_data));
  variables.emplace_back("documents", jinja::from_json(options.documents, other_data));
  variables.emplace_back("add_generation_prompt", Value::boolean(options.add_generation_prompt));
  const auto put = [&](const char* name, const std::string& text) {
    if (!text.empty()) variables.emplace_back(name, Value::text(text));
  };
  put("bos_token", tokens.bos);
  put("eos_token", tokens.eos);
  put("pad_token", tokens.pad);
  put("unk_token", tokens.unk);
  for (const auto& [name, value] : options.variables.items()) {
    if (std::find(std::begin(reserved_names), std::end(reserved_names), name) !=
        std::end(reserved_names)) {
      throw input_error("chat template variable '{}': the name is reserved", name);
    }
    variables.emplace_back(name, jinja::from_json(value, other_data));
  }
  return code->render(variables);
}

}  // namespace bantam
