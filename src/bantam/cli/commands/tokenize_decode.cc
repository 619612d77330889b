#include <charconv>

#include "bantam/base/error.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tokenizer_choice.h"

namespace bantam {

namespace {

struct TokenizeDecodeOptions {
  TokenizerChoice choice;
  bool skip_special = false;
};

}  // namespace

template <>
void describe(Describer<TokenizeDecodeOptions>& d) {
  d.nested(&TokenizeDecodeOptions::choice);
  d(&TokenizeDecodeOptions::skip_special, "skip_special", "Leave control tokens out.");
}

namespace {

/// Whole numbers with spaces, commas or brackets between them.
std::vector<std::int32_t> parse_ids(std::string_view text) {
  constexpr std::string_view separators = " \t\r\n,[]";
  std::vector<std::int32_t> ids;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    const std::string_view word = text.substr(at, end - at);
    std::int32_t id = 0;
    const auto result = std::from_chars(word.data(), word.data() + word.size(), id);
    if (result.ec != std::errc() || result.ptr != word.data() + word.size()) {
      throw input_error("token ids: expected a whole number, found '{}'", escaped(word, 60));
    }
    ids.push_back(id);
    at = text.find_first_not_of(separators, end);
  }
  return ids;
}

class TokenizeDecode final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const auto tokenizer = load(options_.choice);
    const std::string text =
        tokenizer->decode(parse_ids(given_text(session)), options_.skip_special);
    if (session.json()) {
      session.result({{"text", text}});
    } else {
      session.print("{}\n", text);
    }
    return 0;
  }

 private:
  TokenizeDecodeOptions options_;
};

}  // namespace

Command tokenize_decode_command() {
  return {.name = "tokenize decode",
          .group = CommandGroup::use_model,
          .summary = "Turn token ids into text.",
          .arguments = {{.name = "ID",
                         .help = "Ids, with spaces or commas; stdin when left out.",
                         .least = 0,
                         .most = Argument::kAny}},
          .examples = {{"bantam tokenize decode 19556 665", ""},
                       {"bantam tokenize encode < a.txt | bantam tokenize decode", ""}},
          .body = [] { return std::make_unique<TokenizeDecode>(); }};
}

}  // namespace bantam
