#include "bantam/stats/logistic_regression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "bantam/base/error.h"
#include "bantam/stats/tfidf.h"
#include "tests/stats/golden.h"

namespace bantam {
namespace {

struct Texts {
  SparseRows train, unseen;
  Texts() {
    const Json& golden = stats_golden()["tfidf"];
    TfidfVectorizer vectorizer;
    const auto texts = golden["texts"].get<std::vector<std::string>>();
    vectorizer.fit(texts);
    train = vectorizer.transform(texts);
    unseen = vectorizer.transform(golden["unseen"].get<std::vector<std::string>>());
  }
};

TEST(LogisticRegression, HasTheWeightsAndProbabilitiesOfScikitLearn) {
  const Texts texts;
  for (const Json& golden : stats_golden()["logistic_regression"]) {
    const auto labels = golden["labels"].get<std::vector<std::int32_t>>();
    const int classes = *std::max_element(labels.begin(), labels.end()) + 1;
    LogisticRegression model({.c = golden["c"].get<double>(), .tolerance = 1e-9});
    model.fit(texts.train, labels, classes);
    EXPECT_TRUE(model.converged());
    const std::size_t outputs = golden["weights"].size();
    ASSERT_EQ(model.intercepts().size(), outputs);
    // Both stop near the minimum, not at it: the curvature there is about 1 / (C n), so weights
    // agree to 1e-5.
    for (std::size_t k = 0; k < outputs; ++k) {
      EXPECT_NEAR(model.intercepts()[k], golden["intercepts"][k].get<double>(), 1e-5);
      for (std::size_t f = 0; f < texts.train.column_count; ++f) {
        ASSERT_NEAR(model.weights()[f * outputs + k], golden["weights"][k][f].get<double>(), 1e-5);
      }
    }
    const auto log_probabilities = model.log_probabilities(texts.unseen);
    for (std::size_t row = 0; row < log_probabilities.size(); ++row) {
      for (std::size_t k = 0; k < static_cast<std::size_t>(classes); ++k) {
        EXPECT_NEAR(log_probabilities[row][k], golden["log_probabilities"][row][k].get<double>(),
                    1e-5);
      }
    }
  }
}

TEST(LogisticRegression, GivesRowsWithoutFeaturesTheFrequencyOfTheClasses) {
  SparseRows rows;
  rows.column_count = 1;
  for (int i = 0; i < 4; ++i) rows.end_row();
  LogisticRegression model;
  model.fit(rows, std::vector<std::int32_t>{0, 1, 1, 1}, 2);
  EXPECT_NEAR(model.log_probabilities(rows)[0][1], std::log(0.75), 1e-4);
  EXPECT_EQ(model.predict(rows)[0], 1);
}

TEST(LogisticRegression, StaysFiniteWithExtremeValues) {
  SparseRows rows;
  rows.column_count = 1;
  for (const double value : {-1e4, 1e4}) {
    rows.append(0, value);
    rows.end_row();
  }
  LogisticRegression model({.c = 1e3});
  model.fit(rows, std::vector<std::int32_t>{0, 1}, 2);
  for (const auto& row : model.log_probabilities(rows)) {
    for (const double value : row) EXPECT_FALSE(std::isnan(value));
  }
  EXPECT_EQ(model.predict(rows), (std::vector<std::int32_t>{0, 1}));
}

TEST(LogisticRegression, RefusesLabelsThatCannotBeLearned) {
  const Texts texts;
  LogisticRegression model;
  EXPECT_THROW(model.fit(texts.train, std::vector<std::int32_t>{0, 1}, 2), Error);
  const std::vector<std::int32_t> same(texts.train.row_count(), 1),
      wild(texts.train.row_count(), 7);
  EXPECT_THROW(model.fit(texts.train, same, 2), Error);
  EXPECT_THROW(model.fit(texts.train, wild, 3), Error);
  EXPECT_THROW(model.fit(SparseRows{}, {}, 2), Error);
}

}  // namespace
}  // namespace bantam
