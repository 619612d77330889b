#include <fmt/ranges.h>

#include "bantam/base/error.h"
#include "bantam/cli/commands.h"
#include "bantam/cli/commands/tokenizer_choice.h"

namespace bantam {

namespace {

struct TokenizeEncodeOptions {
  TokenizerChoice choice;
  bool special = false;
  bool pieces = false;
};

}  // namespace

template <>
void describe(Describer<TokenizeEncodeOptions>& d) {
  d.nested(&TokenizeEncodeOptions::choice);
  d(&TokenizeEncodeOptions::special, "special",
    "Recognise control tokens such as <|im_end|> in the text.");
  d(&TokenizeEncodeOptions::pieces, "pieces", "Print the tokens' text, with bars between them.");
}

namespace {

class TokenizeEncode final : public CommandBody {
 public:
  std::vector<Option> options() override { return options_of(options_); }

  int run(Session& session) override {
    const auto tokenizer = load(options_.choice);
    const std::string text = given_text(session);
    const Encoding encoding =
        tokenizer->encode(text, options_.special ? Special::parse : Special::plain);
    std::vector<std::string> pieces;
    for (const std::int32_t id : encoding.ids) {
      pieces.push_back(escaped(tokenizer->token_bytes(id), 1000));
    }
    if (session.json()) {
      session.result({{"ids", encoding.ids}, {"pieces", pieces}, {"offsets", encoding.offsets}});
    } else if (options_.pieces) {
      session.print("{}\n", fmt::join(pieces, "|"));
    } else {
      session.print("{}\n", fmt::join(encoding.ids, " "));
    }
    return 0;
  }

 private:
  TokenizeEncodeOptions options_;
};

}  // namespace

Command tokenize_encode_command() {
  return {.name = "tokenize encode",
          .group = CommandGroup::use_model,
          .summary = "Turn text into token ids.",
          .arguments = {{.name = "TEXT",
                         .help = "The text; stdin when left out.",
                         .least = 0,
                         .most = Argument::kAny}},
          .examples = {{"bantam tokenize encode 'Hello there'", ""},
                       {"bantam tokenize encode --pieces < notes.txt", "Where the borders are."}},
          .body = [] { return std::make_unique<TokenizeEncode>(); }};
}

}  // namespace bantam
