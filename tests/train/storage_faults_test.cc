// A power cut after any call that changes files leaves the old or the new, whole (R2); any of
// these calls may fail and what was there stays (R3).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>

#include "bantam/base/error.h"
#include "bantam/model/gguf.h"
#include "bantam/model/peft_files.h"
#include "bantam/train/checkpoint.h"
#include "tests/train/io_faults.h"
#include "tests/train/tiny_model.h"

namespace bantam {
namespace {

Tensor filled(double value) { return Tensor::full({6, 32}, value); }

Checkpoint checkpoint_of(std::int64_t step) {
  const auto value = static_cast<double>(step);
  return {.step = step,
          .state = Json{{"step", step}},
          .weights = {{"w", filled(value)}},
          .optimizer = {{"w/exp_avg", filled(value / 2)}}};
}

// 5 and 10 are the two states of everything that is written here. 0: neither is whole.
struct Writer {
  const char* name;
  std::function<void(const Path& folder, int state)> write;
  std::function<int(const Path& folder)> read;
};

CheckpointStore store_in(const Path& folder, ProgressSink& notes) {
  return {folder, 1, notes, {0, 0}};
}

void write_adapter(const Path& folder, int state) {
  PeftAdapter adapter;
  adapter.r = state;
  adapter.alpha = static_cast<double>(2 * state);
  adapter.target_modules = {"q_proj"};
  adapter.modules = {{"base_model.model.model.layers.0.self_attn.q_proj",
                      {Tensor::full({state, 4}, state), Tensor::full({4, state}, state)}}};
  write_peft_adapter(folder / "adapter", adapter);
}

int read_adapter(const Path& folder) {
  const PeftAdapter adapter = read_peft_adapter(folder / "adapter");
  EXPECT_EQ(adapter.alpha, 2 * adapter.r);
  EXPECT_EQ(adapter.modules.at(0).second.a.values()[0], adapter.r);
  return adapter.r;
}

const std::vector<Writer>& writers() {
  static const std::vector<Writer> all = {
      {"checkpoint",
       [](const Path& folder, int state) {
         NoteKeeper notes;
         store_in(folder, notes).save(checkpoint_of(state));
       },
       [](const Path& folder) {
         NoteKeeper notes;
         const auto newest = store_in(folder, notes).newest();
         if (!newest) return 0;
         const auto step = static_cast<double>(newest->step);
         EXPECT_EQ(newest->weights.at(0).second.values(), filled(step).values());
         EXPECT_EQ(newest->optimizer.at(0).second.values(), filled(step / 2).values());
         EXPECT_EQ(newest->state["step"], newest->step);
         return static_cast<int>(newest->step);
       }},
      {"safetensors",
       [](const Path& folder, int state) {
         const NamedTensorList tensors = {{"w", filled(state)}};
         write_safetensors(folder / "m.safetensors", tensors);
       },
       [](const Path& folder) {
         return static_cast<int>(
             SafetensorsFile::open(folder / "m.safetensors")->tensor("w").values().back());
       }},
      {"gguf",
       [](const Path& folder, int state) {
         GgufWriter writer;
         writer.set("general.architecture", GgufValue{std::string("llama")});
         writer.add("w", filled(state));
         writer.write(folder / "m.gguf");
       },
       [](const Path& folder) {
         return static_cast<int>(GgufFile::open(folder / "m.gguf")->tensor("w").values().back());
       }},
      {"config",
       [](const Path& folder, int state) {
         write_file_atomically(folder / "config.json", dump_json({{"state", state}}));
       },
       [](const Path& folder) { return read_json(folder / "config.json")["state"].get<int>(); }},
      {"adapter", write_adapter, read_adapter},
  };
  return all;
}

int read_or_none(const Writer& writer, const Path& folder) {
  try {
    return writer.read(folder);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::input) << error.what();
    return 0;
  }
}

TEST(StorageFaults, APowerCutAtAnyPointLeavesTheOldOrTheNewWhole) {  // R2
  for (const Writer& writer : writers()) {
    const TemporaryFolder folder, replayed;
    writer.write(folder.path(), 5);
    const FolderContent before = content_of(folder.path());
    std::vector<FileEvent> events;
    {
      const RecordedFolder recorded(folder.path());
      writer.write(folder.path(), 10);
      events = recorded.events();
    }
    ASSERT_EQ(writer.read(folder.path()), 10) << writer.name;
    ASSERT_GE(events.size(), 4u) << writer.name << ": create, write, sync, rename at least";
    int last = 5;
    for (std::size_t count = 0; count <= events.size(); ++count) {
      for (const bool unsynced_is_lost : {false, true}) {
        restore(replayed.path(), after_events(before, events, count, unsynced_is_lost));
        const int state = read_or_none(writer, replayed.path());
        // An adapter is two files: while it is replaced there may be none, never a mixture.
        const bool is_none = state == 0 && std::string(writer.name) == "adapter";
        EXPECT_TRUE(state == 5 || state == 10 || is_none)
            << writer.name << " after " << count << " of " << events.size() << " events: " << state;
        EXPECT_FALSE(last == 10 && state == 5) << writer.name << " went back";
        last = state == 0 ? last : state;
      }
    }
    EXPECT_EQ(last, 10) << writer.name;
  }
}

std::vector<std::string> partial_names(const Path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().string().find("partial") != std::string::npos) {
      names.push_back(entry.path().filename());
    }
  }
  return names;
}

TEST(StorageFaults, AnyCallMayFailForGoodAndTheOlderCheckpointStays) {  // R3, Y1
  const Writer& writer = writers().front();
  int points = 0;
  for (const int error : {ENOSPC, EIO, EDQUOT, EROFS}) {
    for (std::size_t n = 0;; ++n, ++points) {
      const TemporaryFolder folder;
      writer.write(folder.path(), 5);
      bool failed = false, threw = false;
      {
        RecordedFolder recorded(folder.path());
        recorded.fail(n, error, true);
        try {
          writer.write(folder.path(), 10);
        } catch (const Error& thrown) {
          threw = true;
          EXPECT_EQ(thrown.exit_code(), 4) << thrown.what();
        }
        failed = recorded.has_failed();
      }
      const std::string where = fmt::format("call {}, error {}", n, error);
      const int newest = writer.read(folder.path());
      if (threw) {
        EXPECT_NO_THROW(verify_folder(folder.path() / "checkpoint-000005")) << where;
        // Renamed but not synced is whole to those who look before the power goes.
        EXPECT_TRUE(newest == 5 || newest == 10) << where;
      } else {
        EXPECT_EQ(newest, 10) << where;
      }
      if (!failed) break;
    }
  }
  EXPECT_GT(points, 80);
}

TEST(StorageFaults, AFailureThatPassesIsTriedAgain) {  // R3
  const Writer& writer = writers().front();
  for (const int error : {ENOSPC, EIO}) {
    for (std::size_t n = 0;; ++n) {
      const TemporaryFolder folder;
      writer.write(folder.path(), 5);
      bool failed = false;
      {
        RecordedFolder recorded(folder.path());
        recorded.fail(n, error, false);
        EXPECT_NO_THROW(writer.write(folder.path(), 10)) << "call " << n;
        failed = recorded.has_failed();
      }
      EXPECT_EQ(writer.read(folder.path()), 10) << "call " << n << " error " << error;
      EXPECT_THAT(partial_names(folder.path()), testing::IsEmpty()) << "call " << n;
      if (!failed) break;
    }
  }
}

}  // namespace
}  // namespace bantam
