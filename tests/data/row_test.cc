#include "bantam/data/row.h"

#include <gtest/gtest.h>

#include "bantam/data/row_fields.h"
#include "tests/data/data_files.h"

namespace bantam {
namespace {

TEST(Row, IsWrittenInItsOwnFormAndReadBackTheSame) {
  for (
      const char* json :
      {R"({"id":"1","text":"a","text_pair":"b","label":"x","meta":{"k":1},"other":[true]})",
       R"({"id":"2","weight":0.5,"group":"g","prompt":"p","completion":" c"})",
       R"({"id":"3","messages":[{"role":"user","content":"q"},{"role":"assistant","content":"a","weight":0.0}]})",
       R"({"id":"4","split":"dev","text":"plain"})", R"({"id":"6","text":"a","text_pair":"b"})",
       R"({"id":"8","text":"ab","spans":[{"start":0,"end":1,"label":"x"}]})",
       R"({"id":"9","tokens":["a","b"],"tags":["O","B-x"]})",
       R"({"id":"7","text":"a","text_pair":"b","labels":["x","y"]})",
       R"({"id":"5","input_ids":[1,2],"token_weights":[0.0,1.0]})"}) {
    EXPECT_EQ(dump_json(row_to_json(row_from_json(parse_json(json)))), json);
  }
}

TEST(ContentHash, DependsOnContentAlone) {
  Row a = labelled("t", "x"), b = a;
  b.id = "other";
  b.source = "elsewhere";
  b.weight = 2;
  EXPECT_EQ(content_hash(a), content_hash(b));
  b.label = "y";
  EXPECT_NE(content_hash(a), content_hash(b));
  Row joined = labelled("ab", "x"), apart = labelled("a", "x");
  apart.text_pair = "b";
  EXPECT_NE(content_hash(joined), content_hash(apart));
}

TEST(InputOf, AConversationLeavesOutTheLastAnswer) {
  const Row row = row_from_json(parse_json(
      R"({"messages":[{"role":"user","content":"question"},{"role":"assistant","content":"reply"}]})"));
  EXPECT_NE(input_of(row).find("question"), std::string::npos);
  EXPECT_EQ(input_of(row).find("reply"), std::string::npos);
  EXPECT_NE(answer_of(row).find("reply"), std::string::npos);
}

TEST(RowKind, NamesAreReadBack) {
  for (const Row::Kind kind :
       {Row::Kind::classification, Row::Kind::prompt_completion, Row::Kind::chat, Row::Kind::text,
        Row::Kind::multi_label, Row::Kind::spans}) {
    EXPECT_EQ(row_kind_of(name_of(kind)), kind);
  }
  EXPECT_THROW(row_kind_of("chatt"), Error);
}

}  // namespace
}  // namespace bantam
