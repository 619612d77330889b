// Chat templates: the Jinja programs that turn messages into the text a model was trained on.
//
// Output is byte-equal to jinja2 as `transformers` configures it. Every byte of the output
// remembers where it came from: the template itself, or a field of message i (jinja/value.h:
// strings carry origins through every operation). This gives three things that plain text cannot:
//   - special tokens are recognised only in what the template wrote, so a user who types
//   "<|im_end|>" ends nothing;
//   - each token has the role of the message it came from;
//   - the bytes an assistant must write are known without searching for the answer in the text.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/json.h"
#include "bantam/text/chat_message.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// The variables bos_token, eos_token, ... of a template.
struct SpecialTexts {
  std::string bos, eos, pad, unk;
};
SpecialTexts special_texts(const Tokenizer& tokenizer);

struct RenderOptions {
  Json tools;      ///< null or an array of OpenAI tool declarations
  Json documents;  ///< null or an array of {title, text}
  bool add_generation_prompt = false;
  /// More variables, such as {"enable_thinking": false}. Reserved names (messages, tools, ...) are
  /// refused.
  Json variables = Json::object();
};

class ChatTemplate {
 public:
  /// Throws Error(input) naming the line: bad syntax, source over 1 MiB, nesting over 100.
  static std::shared_ptr<const ChatTemplate> parse(std::string_view source, SpecialTexts tokens);
  /// One of the built-in templates: chatml, llama-3, gemma, zephyr, plain. Throws Error(usage)
  /// naming the nearest.
  static std::shared_ptr<const ChatTemplate> built_in(std::string_view name, SpecialTexts tokens);
  static std::vector<std::string> built_in_names();

  ~ChatTemplate();
  ChatTemplate(const ChatTemplate&) = delete;
  ChatTemplate& operator=(const ChatTemplate&) = delete;

  /// Throws Error(input) naming the line of the template: what the template raises, a failed
  /// operation, or a budget (10^6 steps, 8 MiB of output, 1 s).
  std::string render(std::span<const Message> messages, const RenderOptions& options = {}) const;
  const std::string& source() const;
  /// What a user should know before trusting the template: it ignores the system message, or the
  /// last user message.
  std::vector<std::string> warnings() const;

  struct Program;
  const Program& program() const { return *program_; }

 private:
  explicit ChatTemplate(std::unique_ptr<const Program> program);
  std::unique_ptr<const Program> program_;
};

struct Rendered {
  std::vector<std::int32_t>
      ids;  ///< begins with bos if the tokenizer adds one and the template did not
  std::vector<std::string>
      roles;  ///< for each id: role of the message it came from, "" for the template's own text
  std::vector<float>
      weights;  ///< for each id: weight of its loss; 0 for everything but assistant turns
  std::vector<ByteRange> offsets;  ///< for each id: bytes of `text`
  std::string text;
};

/// A conversation as training sees it. Weight is 1 (or the message's own) on the tokens an
/// assistant turn consists of, its end token included: the `{% generation %}` blocks of the
/// template if it has them, else what follows the rendering of the messages before it with
/// add_generation_prompt, up to the first end token after its content. The text is cut at the start
/// of each such range before encoding: the ids before it are those generation will see.
Rendered render_for_training(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                             std::span<const Message> messages, const Json& tools = {});

/// A conversation as generation sees it: add_generation_prompt unless the last message is the
/// assistant's, which is then continued (its end token is left out). All weights are 0.
Rendered render_prompt(const ChatTemplate& chat_template, const Tokenizer& tokenizer,
                       std::span<const Message> messages, RenderOptions options = {});

}  // namespace bantam
