#include "bantam/cli/commands/tokenizer_choice.h"

#include <fmt/ranges.h>

#include <iostream>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/model/load_tokenizer.h"
#include "bantam/model/model_reference.h"

namespace bantam {
namespace {

// A file of JSON is a tokenizer alone.
bool is_tokenizer_json(const Path& path) { return path.extension() == ".json"; }

// A folder of `tokenize train` is no model.
Path place_of(const std::string& reference) {
  const bool is_folder = !reference.empty() && has_tokenizer(reference);
  return is_folder ? Path(reference) : resolve_model_reference(reference).path;
}

}  // namespace

std::shared_ptr<const Tokenizer> tokenizer_named(const std::string& reference) {
  if (is_tokenizer_json(reference)) {
    return Tokenizer::from_tokenizer_json(read_file(reference), reference);
  }
  return load_tokenizer(place_of(reference));
}

std::shared_ptr<const Tokenizer> load(const TokenizerChoice& choice) {
  if (!choice.model.empty() && !choice.tokenizer.empty()) {
    throw usage_error("--model and --tokenizer: expected one of them, found both");
  }
  return tokenizer_named(choice.tokenizer.empty() ? choice.model : choice.tokenizer);
}

std::shared_ptr<const ChatTemplate> load_template(const TokenizerChoice& choice,
                                                  const Tokenizer& tokenizer) {
  const std::string& reference = choice.tokenizer.empty() ? choice.model : choice.tokenizer;
  std::shared_ptr<const ChatTemplate> found;
  if (!is_tokenizer_json(reference)) found = load_chat_template(place_of(reference), tokenizer);
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
