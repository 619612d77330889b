#include "bantam/data/row_fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/base/error.h"

namespace bantam {
namespace {

using testing::HasSubstr;

Row row_of(std::string_view json, const RowOptions& options = {}) {
  return row_from_json(parse_json(json), options);
}

std::string error_of(std::string_view json, const RowOptions& options = {}) {
  try {
    row_of(json, options);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input);
    return error.what();
  }
  return "";
}

TEST(RowFields, RecognizesAClassificationRowAndKeepsUnknownFields) {
  const Row row = row_of(
      R"({"id":7,"text":"t","label":3,"meta":{"a":1},"extra":[1],"source":"web","weight":0.5})");
  EXPECT_EQ(row.kind, Row::Kind::classification);
  EXPECT_EQ(row.id, "7");
  EXPECT_EQ(row.label, "3");
  EXPECT_EQ(row.source, "web");
  EXPECT_EQ(row.weight, 0.5);
  EXPECT_EQ(row.meta["a"], 1);
  EXPECT_EQ(dump_json(row.extra), R"({"extra":[1]})");
}

TEST(RowFields, ReadsPairsUnderTheirUsualNames) {
  for (const char* json : {R"({"premise":"a","hypothesis":"b","label":"x"})",
                           R"({"sentence1":"a","sentence2":"b","label":"x"})",
                           R"({"query":"a","response":"b","label":"x"})",
                           R"({"text":"a","text_pair":"b","label":"x"})"}) {
    const Row row = row_of(json);
    EXPECT_EQ(row.kind, Row::Kind::classification) << json;
    EXPECT_EQ(row.text, "a");
    EXPECT_EQ(row.text_pair, "b");
    EXPECT_EQ(row.label, "x");
  }
  EXPECT_EQ(row_of(R"({"sentence":"a","label":"x"})").text, "a");
}

TEST(RowFields, AnyNumberOfLabelsMayApply) {
  const Row row = row_of(R"({"text":"a","text_pair":"b","labels":["x","y"]})");
  EXPECT_EQ(row.kind, Row::Kind::multi_label);
  EXPECT_EQ(row.text_pair, "b");
  EXPECT_THAT(row.labels, testing::ElementsAre("x", "y"));
  EXPECT_THAT(row_of(R"({"sentence":"a","labels":[]})").labels, testing::IsEmpty());
  RowOptions classify;
  classify.task = Row::Kind::classification;
  EXPECT_EQ(row_of(R"({"text":"a","labels":["x"]})", classify).label, "x");
}

TEST(RowFields, ReadsSpansAndTags) {
  const Row spans = row_of(
      R"({"text":"Zoë Ro","spans":[{"start":0,"end":3,"label":"NAME","text":"Zoë"}],"n":1})");
  EXPECT_EQ(spans.kind, Row::Kind::spans);
  ASSERT_EQ(spans.spans.size(), 1u);
  EXPECT_EQ(spans.spans[0].end, 3);
  EXPECT_EQ(spans.spans[0].label, "NAME");
  for (const char* name : {"tags", "ner_tags"}) {
    const Row tags = row_of(fmt::format(R"({{"tokens":["Zoë","ran"],"{}":["B-NAME","O"]}})", name));
    EXPECT_EQ(tags.kind, Row::Kind::spans);
    EXPECT_EQ(tags.text, "Zoë ran");
    EXPECT_THAT(tags.words, testing::ElementsAre("Zoë", "ran"));
    EXPECT_THAT(tags.tags, testing::ElementsAre("B-NAME", "O"));
  }
  const Row words = row_of(R"({"tokens":["Zoë","ran"]})");
  EXPECT_EQ(words.kind, Row::Kind::text);
  EXPECT_EQ(words.text, "Zoë ran");
  EXPECT_EQ(row_of(R"({"text":"a","spans":"none"})").kind, Row::Kind::text);
}

TEST(RowFields, NamesWhatIsWrongWithSpansAndTags) {
  EXPECT_THAT(error_of(R"({"text":"Zoë","spans":[{"start":0,"end":4,"label":"N"}]})"),
              HasSubstr("field 'spans[0]': expected a part of the text, which has 3 characters"));
  EXPECT_THAT(error_of(R"({"text":"a","spans":[{"start":0.5,"end":1,"label":"N"}]})"),
              HasSubstr("field 'spans[0]'"));
  EXPECT_THAT(error_of(R"({"text":"a","spans":[{"start":0,"end":1}]})"),
              HasSubstr("field 'spans[0].label'"));
  EXPECT_THAT(error_of(R"({"tokens":["a","b"],"tags":["O"]})"), HasSubstr("one for each word"));
  EXPECT_THAT(error_of(R"({"tokens":["a"],"ner_tags":[3]})"),
              HasSubstr("field 'ner_tags[0]': expected the name of a tag"));
  EXPECT_THAT(error_of(R"({"tokens":["a",1],"tags":["O","O"]})"), HasSubstr("field 'tokens[1]'"));
  EXPECT_THAT(error_of(R"({"tokens":[],"tags":[]})"), HasSubstr("field 'tokens'"));
}

TEST(RowFields, APairWithoutALabelIsText) {
  for (const char* json :
       {R"({"premise":"a","hypothesis":"b"})", R"({"text":"a","text_pair":"b","score":0.5})"}) {
    const Row row = row_of(json);
    EXPECT_EQ(row.kind, Row::Kind::text) << json;
    EXPECT_EQ(row.text, "a");
    EXPECT_EQ(row.text_pair, "b");
  }
  EXPECT_THAT(error_of(R"({"query":"a","response":"b"})"), HasSubstr("no known form"));
}

TEST(RowFields, ReadsPromptsUnderTheirUsualNames) {
  for (const char* json :
       {R"({"prompt":"a","completion":"b"})", R"({"prompt":"a","response":"b"})",
        R"({"instruction":"a","output":"b"})", R"({"instruction":"a","input":"","output":"b"})",
        R"({"question":"a","answer":"b"})", R"({"input":"a","target":"b"})",
        R"({"source":"a","target":"b"})"}) {
    const Row row = row_of(json);
    EXPECT_EQ(row.kind, Row::Kind::prompt_completion) << json;
    EXPECT_EQ(row.prompt, "a");
    EXPECT_EQ(row.completion, "b");
    EXPECT_TRUE(row.extra.empty()) << json;
  }
  EXPECT_EQ(row_of(R"({"instruction":"Add.","input":"1 2","output":"3"})").prompt, "Add.\n1 2");
}

TEST(RowFields, RecognizesPlainTextAndTokens) {
  EXPECT_EQ(row_of(R"({"content":"int x;","path":"a.c"})").text, "int x;");
  const Row row = row_of(R"({"input_ids":[5,6,7],"labels":[-100,6,7]})");
  EXPECT_EQ(row.kind, Row::Kind::tokens);
  EXPECT_THAT(row.ids, testing::ElementsAre(5, 6, 7));
  EXPECT_THAT(row.id_weights, testing::ElementsAre(0.f, 1.f, 1.f));
}

TEST(RowFields, ListsTheFieldsOfARowWithoutAKnownForm) {
  EXPECT_THAT(error_of(R"({"utterance":"a","intent":"b"})"),
              HasSubstr("the row has 'utterance', 'intent'"));
  EXPECT_THAT(error_of(R"({"utterance":"a","intent":"b"})"), HasSubstr("--map OLD=NEW"));
  EXPECT_THAT(error_of("[1]"), HasSubstr("found an array of 1"));
}

TEST(RowFields, RenamesFieldsFirst) {
  RowOptions options;
  options.map = {parse_field_map("utterance=text"), parse_field_map("intent=label")};
  EXPECT_EQ(row_of(R"({"utterance":"a","intent":"b"})", options).label, "b");
  EXPECT_THAT(error_of(R"({"utterance":"a","text":"c","intent":"b"})", options),
              HasSubstr("already has a field 'text'"));
  EXPECT_THROW(parse_field_map("utterance"), Error);
  EXPECT_THROW(parse_field_map("=x"), Error);
}

// D8
TEST(RowFields, NamesTheFieldOfAWrongType) {
  EXPECT_THAT(error_of(R"({"text":5,"label":"x"})"),
              HasSubstr("field 'text': expected a string, found a number"));
  EXPECT_THAT(error_of(R"({"text":"a","label":null})"),
              HasSubstr("field 'label': expected a string or a number, found null"));
  EXPECT_THAT(error_of(R"({"text":"a","label":""})"), HasSubstr("field 'label'"));
  EXPECT_THAT(error_of(R"({"text":"a","labels":"x"})"), HasSubstr("an array of names"));
  EXPECT_THAT(error_of(R"({"text":"a","labels":["x",1]})"), HasSubstr("field 'labels[1]'"));
  RowOptions classify;
  classify.task = Row::Kind::classification;
  EXPECT_THAT(error_of(R"({"text":"a","labels":["x","y"]})", classify), HasSubstr("exactly one"));
  EXPECT_THAT(error_of(R"({"prompt":"a","completion":{"x":1}})"), HasSubstr("field 'completion'"));
  EXPECT_THAT(error_of(R"({"text":"a","label":"x","weight":-1})"), HasSubstr("field 'weight'"));
  EXPECT_THAT(error_of(R"({"text":"a","label":"x","meta":3})"), HasSubstr("field 'meta'"));
  EXPECT_THAT(error_of(R"({"input_ids":[1,2.5]})"), HasSubstr("field 'input_ids[1]'"));
  EXPECT_THAT(error_of(R"({"input_ids":[1,99999999999]})"), HasSubstr("field 'input_ids[1]'"));
  EXPECT_THAT(error_of(R"({"input_ids":[1,2],"labels":[1]})"), HasSubstr("field 'labels'"));
}

// D8
TEST(RowFields, NamesTheMessageKeyAndRolesOfABadConversation) {
  EXPECT_THAT(error_of(R"({"messages":"hi"})"),
              HasSubstr("field 'messages': expected an array of messages, found a string"));
  EXPECT_THAT(error_of(R"({"messages":[]})"), HasSubstr("at least one message"));
  const std::string bad_role = error_of(
      R"({"messages":[{"role":"user","content":"a"},{"role":"assistnat","content":"b"}]})");
  EXPECT_THAT(bad_role, HasSubstr("messages[1]"));
  EXPECT_THAT(bad_role, HasSubstr("assistnat"));
  EXPECT_THAT(bad_role, HasSubstr("assistant"));
  EXPECT_THAT(error_of(R"({"messages":[{"role":"user","content":null}]})"),
              HasSubstr("messages[0]"));
}

TEST(RowFields, FollowsTheTaskInsteadOfTheFields) {
  RowOptions classify;
  classify.task = Row::Kind::classification;
  const Row row = row_of(R"({"question":"Which?","answer":" left\n"})", classify);
  EXPECT_EQ(row.text, "Which?");
  EXPECT_EQ(row.label, "left");
  RowOptions text;
  text.task = Row::Kind::text;
  EXPECT_EQ(row_of(R"({"text":"a","label":"x"})", text).kind, Row::Kind::text);
  RowOptions chat;
  chat.task = Row::Kind::chat;
  const Row talk = row_of(R"({"prompt":"a","completion":"b"})", chat);
  ASSERT_EQ(talk.messages.size(), 2u);
  EXPECT_EQ(talk.messages[1].role, "assistant");
  EXPECT_EQ(talk.messages[1].content, "b");
  EXPECT_THAT(error_of(R"({"text":"a"})", classify), HasSubstr("'label'"));
}

TEST(RowFields, AllowsRowsWithoutAnswersWhenAsked) {
  RowOptions options;
  options.require_answers = false;
  EXPECT_EQ(row_of(R"({"prompt":"a"})", options).prompt, "a");
  options.task = Row::Kind::classification;
  EXPECT_EQ(row_of(R"({"text":"a"})", options).label, "");
}

TEST(RowFields, GroupsByAFieldOrByMeta) {
  RowOptions options;
  options.group_by = "meta.doc";
  EXPECT_EQ(row_of(R"({"text":"a","meta":{"doc":12}})", options).group, "12");
  EXPECT_THAT(error_of(R"({"text":"a"})", options), HasSubstr("'meta.doc' is missing"));
  EXPECT_EQ(row_of(R"({"text":"a","group":"g"})").group, "g");
}

TEST(RowFields, ReadsPromptsGivenAsMessagesAsContext) {
  const Row row =
      row_of(R"({"prompt":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},
      {"role":"user","content":"c"}],"completion":[{"role":"assistant","content":"d"}]})");
  EXPECT_EQ(row.kind, Row::Kind::chat);
  ASSERT_EQ(row.messages.size(), 4u);
  EXPECT_EQ(row.messages[1].weight, 0.0);
  EXPECT_FALSE(row.messages[3].weight);
}

}  // namespace
}  // namespace bantam
