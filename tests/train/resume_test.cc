// A run that is killed at any of twelve named points and resumed gives the same bytes as one that
// was never interrupted: weights, optimizer state, loss log (reliability R1).
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>

#include <csignal>
#include <fstream>

#include "bantam/train/committed_folder.h"
#include "bantam/train/trainer.h"
#include "tests/train/tiny_model.h"

extern char** environ;

namespace bantam {
namespace {

namespace fs = std::filesystem;

// The status of wait().
int run_child(const Path& folder, const std::string& kind, const std::string& point = "",
              int passage = 0) {
  std::vector<std::string> words = {BANTAM_KILL_CHILD, folder.string(), kind};
  if (!point.empty()) words.insert(words.end(), {point, std::to_string(passage)});
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // Two threads that sleep while they wait: other tests run on the same processors.
  std::string passive = "OMP_WAIT_POLICY=passive";
  std::vector<char*> environment = {passive.data()};
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(nullptr);
  pid_t child = 0;
  EXPECT_EQ(
      ::posix_spawn(&child, arguments[0], nullptr, nullptr, arguments.data(), environment.data()),
      0);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

// Every file that a finished run leaves, but for the lock.
std::map<std::string, std::string> bytes_of(const Path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == ".lock") continue;
    files[fs::relative(entry.path(), folder).string()] = read_file(entry.path());
  }
  return files;
}

void expect_same_bytes(const std::map<std::string, std::string>& expected,
                       const std::map<std::string, std::string>& found) {
  for (const auto& [name, bytes] : expected) {
    const auto other = found.find(name);
    if (other == found.end()) {
      ADD_FAILURE() << name << " is missing";
    } else {
      EXPECT_TRUE(other->second == bytes) << name << " differs";
    }
  }
  EXPECT_EQ(found.size(), expected.size());
}

const std::map<std::string, std::string>& uninterrupted(const std::string& kind) {
  static std::map<std::string, std::map<std::string, std::string>> runs;
  if (!runs.contains(kind)) {
    const TemporaryFolder folder;
    EXPECT_EQ(run_child(folder.path(), kind), 0);
    runs[kind] = bytes_of(folder.path());
    EXPECT_TRUE(runs[kind].contains("checkpoint-000016/weights.safetensors"));
    EXPECT_TRUE(runs[kind].contains("final.safetensors"));
  }
  return runs[kind];
}

struct Kill {
  const char* point;
  int passage;
  const char* kind = passage % 2 == 0 ? "full" : "lora";
};

class KilledRun : public testing::TestWithParam<Kill> {};

TEST_P(KilledRun, ResumesToTheSameBytes) {
  const std::string kind = GetParam().kind;
  const TemporaryFolder folder;
  const int status = run_child(folder.path(), kind, GetParam().point, GetParam().passage);
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the point was not reached";
  ASSERT_EQ(run_child(folder.path(), kind), 0);
  expect_same_bytes(uninterrupted(kind), bytes_of(folder.path()));
}

INSTANTIATE_TEST_SUITE_P(Points, KilledRun,
                         testing::Values(Kill{"mid-step", 6}, Kill{"mid-accumulation", 9},
                                         Kill{"after-backward", 9}, Kill{"before-optimizer", 14},
                                         Kill{"between-files", 2}, Kill{"before-manifest", 3},
                                         Kill{"before-rename", 4}, Kill{"before-rotation", 3},
                                         Kill{"evaluation", 4}, Kill{"first-of-epoch", 3},
                                         Kill{"last-of-epoch", 2}, Kill{"after-last-step", 1}),
                         [](const testing::TestParamInfo<Kill>& info) {
                           std::string name = info.param.point;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });
INSTANTIATE_TEST_SUITE_P(Encoders, KilledRun,
                         testing::Values(Kill{"mid-accumulation", 9, "seq2seq"},
                                         Kill{"evaluation", 4, "seq2seq"},
                                         Kill{"mid-step", 6, "classify"},
                                         Kill{"before-rename", 4, "classify"}),
                         [](const testing::TestParamInfo<Kill>& info) {
                           return fmt::format("{}_{}", info.param.kind, info.index);
                         });

TEST(KilledRuns, SurviveTenKillsInARow) {
  const TemporaryFolder folder;
  int killed = 0;
  for (int i = 0; i < 10; ++i) {
    const char* const points[] = {"mid-step", "before-rename", "after-backward", "between-files"};
    const int status = run_child(folder.path(), "lora", points[i % 4], 2 + i % 3);
    if (WIFSIGNALED(status)) ++killed;
  }
  EXPECT_GE(killed, 5);
  ASSERT_EQ(run_child(folder.path(), "lora"), 0);
  expect_same_bytes(uninterrupted("lora"), bytes_of(folder.path()));
}

// --- resuming inside one process

class Resume : public testing::Test {
 protected:
  TrainOptions options_;
  std::vector<Example> train_ = random_examples(9, 4, 20, 1);
  std::unique_ptr<CausalLM> model_;
  NoteKeeper notes_;
  TemporaryFolder folder_;

  Resume() {
    options_.batch = 3;
    options_.length.steps = 6;
    options_.checkpoints.checkpoint_every = 2;
    make_trainer()->run();
  }
  std::unique_ptr<Trainer> make_trainer(const std::string& selector = "all") {
    model_ = tiny_model();
    return std::make_unique<Trainer>(
        *model_, ParameterSet::select(model_->parameters(), selector, 2), TrainingData{train_, {}},
        options_, TrainHooks{.progress = &notes_}, folder_.path());
  }
  std::string error_of_resume(const std::string& selector = "all") {
    try {
      make_trainer(selector)->resume();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }
};

TEST_F(Resume, RefusesOtherDataUnlessToldOtherwise) {  // D13
  train_[0].ids[1] ^= 1;
  EXPECT_THAT(error_of_resume(), testing::HasSubstr("data changed"));
  options_.checkpoints.accept_data_change = true;
  EXPECT_TRUE(make_trainer()->resume());
  EXPECT_TRUE(notes_.has("data changed"));
}

TEST_F(Resume, RefusesOtherOptionsNamingThem) {
  options_.learning_rate = 0.5;
  EXPECT_THAT(error_of_resume(),
              testing::AllOf(testing::HasSubstr("lr"), testing::HasSubstr("0.5")));
}

TEST_F(Resume, RefusesAnotherSelectionOfWeights) {
  EXPECT_THAT(error_of_resume("norms"), testing::HasSubstr("another selection"));
  fs::remove_all(folder_.path() / "checkpoint-000004");
  fs::remove_all(folder_.path() / "checkpoint-000006");
  make_trainer("norms")->run();
  EXPECT_THAT(error_of_resume("all"), testing::HasSubstr("has no embed.weight"));
}

TEST_F(Resume, OfAFinishedRunDoesNothing) {
  auto trainer = make_trainer();
  ASSERT_TRUE(trainer->resume());
  const TrainResult result = trainer->run();
  EXPECT_EQ(result.steps, 6);
  EXPECT_EQ(result.seconds < 5, true);
}

}  // namespace
}  // namespace bantam
