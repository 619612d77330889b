#include "bantam/train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>
#include <limits>

#include "bantam/base/error.h"
#include "bantam/train/folder_lock.h"
#include "bantam/train/loss_log.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

Checkpoint make_checkpoint(std::int64_t step, double value = 1, std::int64_t size = 6) {
  return {.step = step,
          .state = Json{{"step", step}},
          .weights = {{"w", Tensor::full({size}, value)}},
          .optimizer = {{"w/exp_avg", Tensor::full({size}, value / 2)}}};
}

std::vector<std::string> names_in(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

class CheckpointTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  NoteKeeper notes_;
  CheckpointStore store_{folder_.path(), 2, notes_, {0.01, 0.01}};
  Path file(const char* checkpoint, const char* name) const {
    return folder_.path() / checkpoint / name;
  }
};

TEST_F(CheckpointTest, ReadsBackWhatItSaved) {
  store_.save(make_checkpoint(3, 2.5));
  const auto read = store_.newest();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->step, 3);
  EXPECT_EQ(read->state["step"], 3);
  EXPECT_EQ(read->weights[0].first, "w");
  EXPECT_EQ(read->weights[0].second.values(), std::vector<double>(6, 2.5));
  EXPECT_EQ(read->optimizer[0].second.values(), std::vector<double>(6, 1.25));
}

TEST_F(CheckpointTest, KeepsTheNewestTwo) {
  for (const std::int64_t step : {5, 10, 15, 20}) store_.save(make_checkpoint(step));
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint-000015", "checkpoint-000020"));
}

TEST_F(CheckpointTest, HasNoneInAnEmptyFolder) { EXPECT_FALSE(store_.newest()); }

TEST_F(CheckpointTest, FallsBackFromAFlippedBitAndSaysSo) {  // Y8
  store_.save(make_checkpoint(5));
  store_.save(make_checkpoint(10));
  const Path weights = file("checkpoint-000010", "weights.safetensors");
  std::string bytes = read_file(weights);
  bytes[bytes.size() - 2] = static_cast<char>(bytes[bytes.size() - 2] ^ 4);
  std::ofstream(weights, std::ios::binary) << bytes;
  EXPECT_EQ(store_.newest()->step, 5);
  EXPECT_TRUE(notes_.has("weights.safetensors was altered"));
  EXPECT_TRUE(notes_.has("going back to checkpoint-000005"));
  // The next save removes the damaged one that lies ahead.
  store_.save(make_checkpoint(7));
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint-000005", "checkpoint-000007"));
}

TEST_F(CheckpointTest, FallsBackFromMissingAndZeroLengthFiles) {  // Y2, Y8
  store_.save(make_checkpoint(5));
  store_.save(make_checkpoint(10));
  fs::resize_file(file("checkpoint-000010", "optimizer.safetensors"), 0);
  EXPECT_EQ(store_.newest()->step, 5);
  EXPECT_TRUE(notes_.has("has 0 bytes"));
  fs::remove(file("checkpoint-000010", "optimizer.safetensors"));
  EXPECT_EQ(store_.newest()->step, 5);
  EXPECT_TRUE(notes_.has("is missing"));
  fs::remove(file("checkpoint-000010", "manifest.json"));
  EXPECT_EQ(store_.newest()->step, 5);
  EXPECT_TRUE(notes_.has("never completed"));
}

TEST_F(CheckpointTest, NamesTheVersionsOfANewerFormat) {  // Y8
  store_.save(make_checkpoint(5));
  const Path manifest = file("checkpoint-000005", "manifest.json");
  Json json = read_json(manifest);
  json["format"] = 9;
  json["bantam"] = "7.0.0";
  std::ofstream(manifest) << dump_json(json);
  try {
    store_.newest();
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("format 9"), HasSubstr("7.0.0"),
                                             HasSubstr("no usable checkpoint")));
  }
}

TEST_F(CheckpointTest, NeverCommitsAWeightThatIsNotFinite) {  // N3
  store_.save(make_checkpoint(5));
  try {
    store_.save(make_checkpoint(10, std::numeric_limits<double>::infinity()));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::diverged);
    EXPECT_THAT(error.what(), HasSubstr("weight w"));
  }
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint-000005"));
}

// While alive, this process can write no file beyond `bytes`: what a full disk or a quota does.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    old_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit small{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, old_);
  }

 private:
  rlimit before_{};
  void (*old_)(int) = nullptr;
};

TEST_F(CheckpointTest, TriesThreeTimesAndLeavesOlderCheckpointsAlone) {  // Y1, R3
  store_.save(make_checkpoint(5));
  {
    const SmallDisk disk(4096);
    try {
      store_.save(make_checkpoint(10, 1, 100'000));
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::resources);
      EXPECT_EQ(error.exit_code(), 4);
    }
  }
  EXPECT_EQ(std::count_if(notes_.notes.begin(), notes_.notes.end(),
                          [](const std::string& note) {
                            return note.find("trying again") != std::string::npos;
                          }),
            2);
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("checkpoint-000005"));
  EXPECT_EQ(store_.newest()->step, 5);
}

TEST_F(CheckpointTest, SucceedsWhenTheDiskRecovers) {
  int failures = 0;
  store_.save(make_checkpoint(10), [&](std::string_view point) {
    if (point == "before-manifest" && failures++ == 0) throw resource_error("disk is full");
  });
  EXPECT_EQ(failures, 2);
  EXPECT_EQ(store_.newest()->step, 10);
}

TEST_F(CheckpointTest, KeepsTheBestWeightsThatACheckpointRefersTo) {
  const auto with_best = [](std::int64_t step, std::int64_t best) {
    Checkpoint checkpoint = make_checkpoint(step);
    checkpoint.state["best"] = {{"step", best}};
    return checkpoint;
  };
  store_.save_best(4, {{"w", Tensor::full({2}, 4)}});
  store_.save(with_best(5, 4));
  store_.save_best(8, {{"w", Tensor::full({2}, 8)}});
  store_.save(with_best(10, 8));
  EXPECT_EQ(store_.best(4)[0].second.values(), std::vector<double>(2, 4));
  store_.save(with_best(15, 8));
  EXPECT_EQ(store_.best(8)[0].second.values(), std::vector<double>(2, 8));
  EXPECT_THROW(store_.best(4), Error);
}

TEST_F(CheckpointTest, RemovesWhatAKilledWriterLeft) {
  fs::create_directories(folder_.path() / ".checkpoint-000009.partial/x");
  remove_partial_folders(folder_.path());
  EXPECT_THAT(names_in(folder_.path()), ElementsAre());
}

TEST(FolderLock, RefusesASecondTrainingAndNamesTheFirst) {  // Y7
  const TemporaryFolder folder;
  {
    const FolderLock first(folder.path());
    try {
      const FolderLock second(folder.path());
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), Error::Kind::usage);
      EXPECT_THAT(error.what(), HasSubstr(std::to_string(::getpid())));
    }
  }
  EXPECT_NO_THROW(FolderLock{folder.path()});  // the file is still there, its holder is not
}

TEST(LossLog, WritesAgainWhatCameAfterTheCheckpoint) {
  const TemporaryFolder folder;
  const Path path = folder.path() / "log.jsonl";
  std::uint64_t bytes = 0;
  {
    LossLog log(folder.path(), 0);
    log.add({{"step", 1}, {"loss", 0.5}});
    bytes = log.sync();
    log.add({{"step", 2}, {"loss", std::numeric_limits<double>::quiet_NaN()}});
  }
  EXPECT_EQ(read_file(path), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":null}\n");
  LossLog log(folder.path(), bytes);
  log.add({{"step", 2}, {"loss", 0.25}});
  EXPECT_EQ(read_file(path), "{\"step\":1,\"loss\":0.5}\n{\"step\":2,\"loss\":0.25}\n");
  EXPECT_THROW(LossLog(folder.path(), 10'000), Error);
}

TEST(LossLog, IsReadBackAsACurve) {
  const TemporaryFolder folder;
  EXPECT_TRUE(read_loss_log(folder.path()).empty());
  {
    LossLog log(folder.path(), 0);
    log.add({{"step", 1}, {"loss", 0.5}});
    log.add({{"step", 1}, {"eval_loss", 0.75}});
    log.add({{"step", 2}, {"loss", nullptr}});
  }
  std::ofstream(folder.path() / "log.jsonl", std::ios::app) << "{\"step\":3,\"lo";
  const auto entries = read_loss_log(folder.path());
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].loss, 0.5);
  EXPECT_TRUE(entries[1].is_evaluation);
  EXPECT_TRUE(std::isnan(entries[2].loss));
}

}  // namespace
}  // namespace bantam
