// A home with tiny models to train from the command line, for tests of `train`.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/run_bantam.h"
#include "tests/model/tiny_model_folder.h"

namespace bantam {

class EncoderTraining : public testing::Test {
 protected:
  ProcessResult train(const std::string& model, const std::string& rows, const std::string& out,
                      const std::vector<std::string>& more = {}) const {
    std::vector<std::string> words = {
        "train", "-m", model, "--data", rows, "-o", (home_ / out).string(), "--no-run"};
    words.insert(words.end(), more.begin(), more.end());
    return bantam_(words);
  }

  std::string written(const std::string& name, const std::string& text) const {
    write_file_atomically(home_ / name, text);
    return (home_ / name).string();
  }
  std::string path(const std::string& name) const { return (home_ / name).string(); }

  BantamProgram bantam_;
  Path home_ = bantam_.home().path();
  std::string bert_ = write_tiny_folder(home_ / "bert", "encoders/bert", letters_of_bert());
  const std::vector<std::string> long_run_ = {"--full", "--lr", "1e-2", "--steps", "80"};
};

}  // namespace bantam
