#include "bantam/stats/tfidf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "bantam/base/error.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

using testing::ElementsAre;

void expect_rows(const SparseRows& rows, const Json& golden) {
  ASSERT_EQ(rows.row_count(), golden.size());
  for (std::size_t row = 0; row < golden.size(); ++row) {
    const auto columns = golden[row]["columns"].get<std::vector<std::uint32_t>>();
    EXPECT_TRUE(std::equal(columns.begin(), columns.end(), rows.columns_of(row).begin(),
                           rows.columns_of(row).end()));
    ASSERT_EQ(rows.values_of(row).size(), columns.size());
    for (std::size_t i = 0; i < columns.size(); ++i) {
      EXPECT_NEAR(rows.values_of(row)[i], golden[row]["values"][i].get<double>(), 1e-12);
    }
  }
}

void expect_like_scikit_learn(std::string_view name, const TfidfOptions& options) {
  const Json& golden = stats_golden()["tfidf"];
  const auto texts = golden["texts"].get<std::vector<std::string>>();
  for (const Json& expected : golden["cases"]) {
    if (expected["name"] != name) continue;
    TfidfVectorizer vectorizer(options);
    vectorizer.fit(texts);
    EXPECT_EQ(vectorizer.features(), expected["features"].get<std::vector<std::string>>());
    ASSERT_EQ(vectorizer.idf().size(), expected["idf"].size());
    for (std::size_t i = 0; i < vectorizer.idf().size(); ++i) {
      EXPECT_NEAR(vectorizer.idf()[i], expected["idf"][i].get<double>(), 1e-12);
    }
    expect_rows(vectorizer.transform(texts), expected["rows"]);
    expect_rows(vectorizer.transform(golden["unseen"].get<std::vector<std::string>>()),
                expected["unseen"]);
    return;
  }
  FAIL() << "no golden case " << name;
}

TEST(Tfidf, WordPairsMatchScikitLearn) { expect_like_scikit_learn("words", {}); }

TEST(Tfidf, SublinearCountsAndRareWordsMatchScikitLearn) {
  expect_like_scikit_learn("words_sublinear",
                           {.longest = 1, .sublinear = true, .min_documents = 2});
}

TEST(Tfidf, CharactersInsideWordsMatchScikitLearn) {
  expect_like_scikit_learn("characters",
                           {.unit = TfidfOptions::Unit::characters, .shortest = 2, .longest = 4});
}

TEST(Tfidf, InvalidBytesSeparateWords) {
  EXPECT_THAT(ngrams_of("one\xff\xfetwo", {.longest = 1}), ElementsAre("one", "two"));
}

TEST(Tfidf, RefusesTextsWithoutWords) {
  TfidfVectorizer vectorizer;
  EXPECT_THROW(vectorizer.fit(std::vector<std::string>{"a", "!"}), Error);
  EXPECT_THROW(TfidfVectorizer({.shortest = 2, .longest = 1}), Error);
}

}  // namespace
}  // namespace bantam
