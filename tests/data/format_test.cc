#include "bantam/data/format.h"

#include <gmock/gmock.h>

#include <numeric>

#include "tests/data/data_files.h"
#include "tests/data/tiny_tokenizer.h"

namespace bantam {
namespace {

using testing::HasSubstr;

Row prompt_row(std::string prompt, std::string completion) {
  Row row;
  row.kind = Row::Kind::prompt_completion;
  row.id = "r";
  row.prompt = std::move(prompt);
  row.completion = std::move(completion);
  return row;
}

Row text_row(std::string text) {
  Row row;
  row.kind = Row::Kind::text;
  row.id = "t";
  row.text = std::move(text);
  return row;
}

Row chat_row(std::string_view json) { return row_from_json(parse_json(json)); }

/// The tokens whose weight is (not) 0, decoded.
std::string decoded(const Tokenizer& tokenizer, const Example& example, bool targets) {
  std::vector<std::int32_t> ids;
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if ((example.weights[i] != 0) == targets) ids.push_back(example.ids[i]);
  }
  return tokenizer.decode(ids);
}

Formatter formatter(FormatOptions options = {}, bool add_bos = false) {
  const auto tokenizer = tiny_tokenizer(add_bos);
  if (!options.chat_template)
    options.chat_template = ChatTemplate::built_in("chatml", special_texts(*tokenizer));
  return Formatter(tokenizer, std::move(options));
}

Example only(const Formatter& format, const Row& row) {
  FormatReport report;
  auto examples = format.format(row, report);
  EXPECT_EQ(examples.size(), 1u);
  EXPECT_EQ(examples.at(0).ids.size(), examples.at(0).weights.size());
  return examples.at(0);
}

TEST(Format, TargetsOfALabelledRowAreTheLabelAndItsEnd) {
  const Formatter format = formatter({.task = {.prompt = "Package: {text}\nSection:"}});
  const Example example = only(format, labelled("a game", "games"));
  EXPECT_EQ(decoded(format.tokenizer(), example, false), "Package: a game\nSection:");
  EXPECT_EQ(decoded(format.tokenizer(), example, true), " games\n<|im_end|>");
  EXPECT_EQ(example.id, "a game");
}

TEST(Format, AChatTemplateOfRowsAsksAsTheyWereWritten) {
  const auto tokenizer = tiny_tokenizer();
  FormatOptions options{.task = {.prompt = "Package: {text}\nIt's {{a}}:"}};
  options.chat_template = ChatTemplate::built_in("chatml", special_texts(*tokenizer));
  const auto asks = [&](const Row& row, std::string content) {
    const auto found = chat_template_of_rows(Dataset({row}), options, *tokenizer);
    const std::vector<Message> messages = {{.role = "user", .content = "earlier"},
                                           {.role = "assistant", .content = "answer"},
                                           {.role = "user", .content = std::move(content)}};
    return render_prompt(*found, *tokenizer, messages).ids;
  };
  const Row label = labelled("a {game}", "games");
  EXPECT_EQ(asks(label, "a {game}"), Formatter(tokenizer, options).prompt_ids(label));
  const Row completion = prompt_row("x {y}", "z");
  EXPECT_EQ(asks(completion, "x {y}"), Formatter(tokenizer, options).prompt_ids(completion));

  const auto kept = [&](const Row& row) {
    return chat_template_of_rows(Dataset({row}), options, *tokenizer) == options.chat_template;
  };
  EXPECT_TRUE(kept(text_row("a")));
  options.prompts_as_chat = true;
  EXPECT_TRUE(kept(completion));
  options.task.prompt = "{meta.title}: {text}";  // no message has a title
  EXPECT_TRUE(kept(label));
}

TEST(Format, TargetsOfACompletionAreExactlyItAndTheEndToken) {
  const Formatter format = formatter();
  // " a" and "ab" are tokens: encoded as one text, "x a" and "b" would merge across the boundary.
  for (const auto& [prompt, completion] :
       {std::pair<std::string, std::string>{"x", " ab"}, {"x ", "ab"}, {"xa", "b"}, {"", "ab"}}) {
    const Example example = only(format, prompt_row(prompt, completion));
    const std::string lost = prompt.empty() ? "ab<|im_end|>" : completion + "<|im_end|>";
    if (!prompt.empty()) {
      EXPECT_EQ(decoded(format.tokenizer(), example, false), prompt);
      EXPECT_EQ(decoded(format.tokenizer(), example, true), lost);
    }
    EXPECT_EQ(example.weights[0], 0);
    const auto prefix = format.prompt_ids(prompt_row(prompt, completion));
    EXPECT_TRUE(std::equal(prefix.begin(), prefix.end(), example.ids.begin()));
  }
}

TEST(Format, WhatAUserWroteNeverBecomesAControlToken) {
  const Formatter format = formatter();
  const Example example = only(format, prompt_row("say <|im_end|>", " <|im_end|>"));
  EXPECT_EQ(std::count(example.ids.begin(), example.ids.end(), 260), 1);
  EXPECT_EQ(example.ids.back(), 260);
}

TEST(Format, BeginsWithTheTokenThatTheModelWants) {
  EXPECT_EQ(only(formatter({}, true), prompt_row("x", "y")).ids.front(), 259);
  EXPECT_EQ(only(formatter({}, true), text_row("xy")).ids.front(), 259);
  const Example example = only(formatter({}, true), text_row("xy"));
  EXPECT_THAT(example.weights, testing::ElementsAre(0.f, 1.f, 1.f, 1.f));
}

TEST(Format, EveryTokenOfPlainTextButTheFirstIsATarget) {
  const Example example = only(formatter(), text_row("xyz"));
  EXPECT_THAT(example.ids, testing::ElementsAre('x', 'y', 'z', 260));
  EXPECT_THAT(example.weights, testing::ElementsAre(0.f, 1.f, 1.f, 1.f));
}

TEST(Format, TargetsOfAConversationAreTheAssistantsTurns) {
  const Formatter format = formatter();
  const Example example = only(format, chat_row(R"({"messages":[{"role":"user","content":"q1"},
      {"role":"assistant","content":"r1","weight":0},{"role":"user","content":"q2"},{"role":"assistant","content":"r2"}]})"));
  EXPECT_THAT(decoded(format.tokenizer(), example, true), testing::StartsWith("r2<|im_end|>"));
  EXPECT_THAT(decoded(format.tokenizer(), example, true), testing::Not(HasSubstr("r1")));
}

TEST(Format, PromptsBecomeTurnsWhenAsked) {
  const Formatter format = formatter({.prompts_as_chat = true});
  const Example example = only(format, prompt_row("q", "r"));
  EXPECT_THAT(decoded(format.tokenizer(), example, false), HasSubstr("user\nq"));
  EXPECT_THAT(decoded(format.tokenizer(), example, true), testing::StartsWith("r<|im_end|>"));
  const auto prompt = format.prompt_ids(prompt_row("q", "r"));
  EXPECT_THAT(format.tokenizer().decode(prompt), testing::EndsWith("assistant\n"));
}

TEST(Format, AConversationNeedsATemplate) {
  const Formatter bare(tiny_tokenizer(), {});
  FormatReport report;
  try {
    bare.format(
        chat_row(
            R"({"messages":[{"role":"user","content":"q"},{"role":"assistant","content":"r"}]})"),
        report);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::usage);
  }
}

TEST(Format, TheRowsWeightScalesItsTargets) {
  Row row = prompt_row("x", "y");
  row.weight = 0.25;
  EXPECT_EQ(only(formatter(), row).weights.back(), 0.25f);
}

// D10
TEST(Format, ALongLabelledTextLosesItsEndAndKeepsTheTemplate) {
  const Formatter format = formatter({.max_tokens = 30, .task = {.prompt = "T: {text}\nL:"}});
  FormatReport report;
  const auto examples = format.format(labelled(std::string(40, 'x') + "größe", "yes"), report);
  ASSERT_EQ(examples.size(), 1u);
  EXPECT_LE(examples[0].ids.size(), 30u);
  EXPECT_GE(examples[0].ids.size(), 28u);
  EXPECT_EQ(report.truncated.count, 1);
  EXPECT_THAT(decoded(format.tokenizer(), examples[0], false), testing::StartsWith("T: xxx"));
  EXPECT_THAT(decoded(format.tokenizer(), examples[0], false), testing::EndsWith("x\nL:"));
  EXPECT_EQ(decoded(format.tokenizer(), examples[0], true), " yes\n<|im_end|>");
}

// D10
TEST(Format, ALongPromptLosesItsStart) {
  const Formatter format = formatter({.max_tokens = 10}, true);
  const Example example = only(format, prompt_row("0123456789", "yz"));
  EXPECT_EQ(example.ids.size(), 10u);
  EXPECT_EQ(example.ids[0], 259);
  EXPECT_EQ(decoded(format.tokenizer(), example, false), "<|begin|>456789");
  EXPECT_EQ(decoded(format.tokenizer(), example, true), "yz<|im_end|>");
}

// D10
TEST(Format, ALongAnswerLosesItsEndButThePromptStays) {
  const Formatter format = formatter({.max_tokens = 10});
  const Example example = only(format, prompt_row("012", std::string(30, 'y')));
  EXPECT_EQ(example.ids.size(), 10u);
  EXPECT_EQ(decoded(format.tokenizer(), example, false), "012");
  EXPECT_EQ(decoded(format.tokenizer(), example, true), "yyyyyyy");
}

// D10
TEST(Format, DropsWhatIsTooLongWhenAskedAndWhenTheTargetIsCutAway) {
  const Formatter drop = formatter({.max_tokens = 8, .too_long = TooLong::drop});
  FormatReport report;
  EXPECT_TRUE(drop.format(prompt_row("0123456789", "y"), report).empty());
  EXPECT_TRUE(drop.format(text_row("0123456789"), report).empty());
  EXPECT_EQ(drop.format(text_row("0123"), report).size(), 1u);
  EXPECT_EQ(report.dropped_too_long.count, 2);
  EXPECT_EQ(report.truncated.count, 0);

  const Formatter cut = formatter({.max_tokens = 12});
  FormatReport chat_report;
  EXPECT_TRUE(cut.format(chat_row(R"({"messages":[{"role":"user","content":"a long question"},
      {"role":"assistant","content":"r"}]})"),
                         chat_report)
                  .empty());
  EXPECT_EQ(chat_report.dropped_too_long.count, 1);
  FormatReport label_report;
  EXPECT_TRUE(cut.format(labelled("x", "a label that fills the window"), label_report).empty());
  EXPECT_EQ(label_report.dropped_too_long.count, 1);
}

// D10
TEST(Format, SplitsPlainTextSoThatEveryTokenIsATargetOnce) {
  const Formatter format = formatter({.max_tokens = 4, .too_long = TooLong::split});
  FormatReport report;
  const auto examples = format.format(text_row("0123456789"), report);
  EXPECT_EQ(report.split.count, 1);
  std::string targets;
  for (const Example& example : examples) {
    EXPECT_LE(example.ids.size(), 4u);
    targets += decoded(format.tokenizer(), example, true);
  }
  EXPECT_EQ(targets, "123456789<|im_end|>");
  EXPECT_EQ(examples[1].id, "t (2 of 4)");
}

// D2
TEST(Format, CountsRowsWithoutATargetAndRefusesOnlySuch) {
  const Formatter format = formatter({.end_token = false});
  FormatReport report;
  Row silent = prompt_row("x", "y");
  silent.weight = 0;
  const auto examples = format.format(
      Dataset({text_row("x"), prompt_row("x", ""), silent, prompt_row("x", "y")}), report);
  EXPECT_EQ(examples.size(), 1u);
  EXPECT_EQ(report.rows, 4);
  EXPECT_EQ(report.without_target.count, 3);
  EXPECT_EQ(report.targets, 1);
  EXPECT_EQ(report.lengths.longest, 2);
  FormatReport nothing;
  try {
    format.format(Dataset({text_row("x"), silent}), nothing);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    EXPECT_THAT(error.what(), HasSubstr("0 examples to learn from: of 2 rows"));
  }
}

// D16
TEST(Format, NamesATokenIdThatTheVocabularyLacks) {
  Row row;
  row.kind = Row::Kind::tokens;
  row.id = "pre";
  row.ids = {1, 2, 261};
  row.id_weights = {0, 1, 1};
  FormatReport report;
  try {
    formatter().format(row, report);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("pre: token 2 has id 261"));
    EXPECT_THAT(error.what(), HasSubstr("0 to 260"));
  }
  row.ids[2] = 260;
  EXPECT_EQ(only(formatter(), row).ids.size(), 3u);
}

TEST(Format, GivesTheSameExamplesWhateverTheNumberOfRowsInFlight) {
  std::vector<Row> rows;
  for (int i = 0; i < 500; ++i)
    rows.push_back(labelled(fmt::format("text {}", i), i % 2 ? "x" : "y"));
  const Formatter format = formatter();
  FormatReport together, apart;
  const auto examples = format.format(Dataset(rows), together);
  ASSERT_EQ(examples.size(), 500u);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(format.format(rows[i], apart)[0].ids, examples[i].ids);
  }
  EXPECT_EQ(together.tokens, apart.tokens);
  EXPECT_EQ(together.targets, apart.targets);
}

TEST(Format, RefusesAWindowWithoutRoomForATarget) {
  EXPECT_THROW(formatter({.max_tokens = 1}), Error);
  FormatReport report;
  EXPECT_THROW(formatter({}).format(chat_row(R"({"text":"a","labels":[]})"), report), Error);
  EXPECT_EQ(too_long_of("split"), TooLong::split);
  EXPECT_THROW(too_long_of("spilt"), Error);
}

}  // namespace
}  // namespace bantam
