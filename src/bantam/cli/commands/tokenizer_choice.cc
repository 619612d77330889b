#include "bantam/cli/commands/tokenizer_choice.h"

#include <fmt/ranges.h>

#include <iostream>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"

namespace bantam {

std::shared_ptr<const Tokenizer> load(const TokenizerChoice& choice) {
  if (!choice.model.empty() && !choice.tokenizer.empty()) {
    throw usage_error("--model and --tokenizer: expected one of them, found both");
  }
  if (!choice.tokenizer.empty()) {
    return Tokenizer::from_tokenizer_json(read_file(choice.tokenizer), choice.tokenizer);
  }
  return load_tokenizer(resolve_model_reference(choice.model).path);
}

std::shared_ptr<const ChatTemplate> load_template(const TokenizerChoice& choice,
                                                  const Tokenizer& tokenizer) {
  std::shared_ptr<const ChatTemplate> found;
  if (choice.tokenizer.empty()) {
    found = load_chat_template(resolve_model_reference(choice.model).path, tokenizer);
  }
  return found ? found : ChatTemplate::built_in("chatml", special_texts(tokenizer));
}

std::string given_text(const Session& session) {
  if (!session.arguments().empty()) return fmt::format("{}", fmt::join(session.arguments(), " "));
  constexpr std::size_t limit = std::size_t{64} << 20;
  std::string text;
  char buffer[1 << 16];
  while (std::cin.read(buffer, sizeof buffer), std::cin.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    if (text.size() > limit)
      throw input_error("stdin: expected at most {} bytes", with_commas(limit));
  }
  return text;
}

}  // namespace bantam
