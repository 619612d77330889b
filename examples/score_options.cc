// Which answer does the model find most likely?   example_score_options [MODEL]
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/generate/scorer.h"
#include "bantam/model/load_model.h"

int main(int argc, char** argv) {
  try {
    const bantam::LoadedModel loaded = bantam::load_model(argc > 1 ? argv[1] : "");
    const std::vector<std::string> options = {" positive", " negative"};
    const std::vector<std::string> reviews = {"I loved every minute of it.",
                                              "A waste of an evening."};
    std::vector<bantam::Question> questions;
    for (const std::string& review : reviews) {
      questions.push_back(
          bantam::make_question(*loaded.tokenizer, "Review: " + review + "\nSentiment:", options));
    }
    // The options of one question share its context, and all questions share one pass where they
    // fit.
    const auto scores = bantam::Scorer(loaded.model).score(questions);
    for (std::size_t i = 0; i < reviews.size(); ++i) {
      const auto& log_p = scores[i].log_probability;
      std::printf("%-30s positive %.2f, negative %.2f\n", reviews[i].c_str(),
                  1 / (1 + std::exp(log_p[1] - log_p[0])), 1 / (1 + std::exp(log_p[0] - log_p[1])));
    }
    return 0;
  } catch (const bantam::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
