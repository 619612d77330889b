// `model pull` as a program: exit codes, a disk that is really full, and a signal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "tests/cli/run_bantam.h"
#include "tests/cli/tiny_model_file.h"
#include "tests/model/local_server.h"

namespace bantam {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ModelPull : public testing::Test {
 protected:
  static constexpr const char* kCommit = "0123456789abcdef0123456789abcdef01234567";

  std::vector<std::string> variables() const {
    return {"HF_HUB_CACHE=" + (bantam_.home() / "hub").string(), "HF_ENDPOINT=" + hub_.url(),
            "HF_HOME=" + (bantam_.home() / "hf").string()};
  }
  ProcessResult pull(const std::string& model) const {
    return bantam_({"model", "pull", model}, variables());
  }
  /// Lines for the shell in a mount namespace of their own, where $HF_HUB_CACHE is a disk of 300
  /// kB.
  ProcessResult on_small_disk(const std::string& lines) const {
    std::filesystem::create_directories(bantam_.home() / "hub");
    std::ofstream script(bantam_.home() / "script");
    for (const std::string& variable : variables()) script << "export " << variable << "\n";
    script << "mount -t tmpfs -o size=300k none $HF_HUB_CACHE\n" << lines;
    script.close();
    return bantam_.shell("exec " + namespace_ + " bash " + (bantam_.home() / "script").string());
  }
  bool may_mount() {
    for (const char* command : {"unshare --mount", "unshare --user --map-root-user --mount"}) {
      namespace_ = command;
      if (bantam_.shell(namespace_ + " mount -t tmpfs none /mnt").exit_code == 0) return true;
    }
    return false;
  }

  std::string answer(const std::string& request) const {
    if (request.starts_with("GET /api/models/owner/name/revision/main")) {
      return http_answer(fmt::format(
          R"({{"sha":"{}","siblings":[{{"rfilename":"m.gguf"{},"lfs":{{"sha256":"{}"}}}}]}})",
          kCommit, states_size_ ? fmt::format(R"(,"size":{})", content_.size()) : "",
          sha256({reinterpret_cast<const std::byte*>(content_.data()), content_.size()})));
    }
    if (!request.starts_with(fmt::format("GET /owner/name/resolve/{}/m.gguf ", kCommit)))
      return http_answer("", "", "404 Not Found");
    const auto begin = range_start(request);
    if (!begin) return http_answer(content_);
    return http_answer(content_.substr(*begin),
                       fmt::format("Content-Range: bytes {}-{}/{}\r\n", *begin, content_.size() - 1,
                                   content_.size()),
                       "206 Partial Content");
  }

  std::string content_ = "GGUF" + std::string(600'000, 'w');
  bool states_size_ = true;
  double pause_ = 0;  ///< seconds in the middle of a file
  BantamProgram bantam_;
  std::string namespace_;
  LocalServer hub_{
      LocalServer::Script([this](const std::string& request, const LocalServer::Send& send) {
        const std::string text = answer(request);
        const std::size_t half = pause_ > 0 ? text.size() / 2 : text.size();
        send(text.substr(0, half));
        if (half > 1000) std::this_thread::sleep_for(std::chrono::duration<double>(pause_));
        send(text.substr(half));
      })};
};

TEST_F(ModelPull, SaysWhereTheModelLies) {
  const ProcessResult pulled = pull("owner/name");
  EXPECT_EQ(pulled.exit_code, 0) << pulled.error;
  EXPECT_THAT(pulled.output, AllOf(HasSubstr("hub/models--owner--name/snapshots/0123456789abcdef"),
                                   HasSubstr("m.gguf")));
  const ProcessResult listed = bantam_({"model", "list"}, variables());
  EXPECT_THAT(listed.output, AllOf(HasSubstr("owner/name:m.gguf"), HasSubstr("/hub (shared")));
}

TEST_F(ModelPull, WhatNoCommandCanUseIsSaid) {
  const ProcessResult pulled = pull("owner/name");  // letters where a header should be
  EXPECT_EQ(pulled.exit_code, 0);
  EXPECT_THAT(pulled.error, AllOf(HasSubstr("cannot be used here"), HasSubstr("m.gguf")));
  EXPECT_THAT(pulled.output, Not(HasSubstr("bantam chat")));
}

TEST_F(ModelPull, AModelWithATemplateIsToldToChat) {
  content_ = read_file(write_tiny_model(bantam_.home().path()));
  EXPECT_THAT(pull("owner/name").output, HasSubstr("\n  bantam chat -m owner/name\n"));
}

TEST_F(ModelPull, AModelWithoutATemplateIsToldToGenerate) {
  const Path file = bantam_.home() / "plain.gguf";
  save_gguf(tiny_loaded(), file, DType::f32);
  content_ = read_file(file);
  EXPECT_THAT(pull("owner/name").output, HasSubstr("\n  bantam generate -m owner/name \""));
}

TEST_F(ModelPull, FailuresHaveTheirExitCodes) {
  EXPECT_EQ(pull("owner/other").exit_code, 6);
  EXPECT_EQ(pull("../../.profile").exit_code, 7);
  EXPECT_EQ(pull("owner/name:pytorch_model.bin").exit_code, 7);
  EXPECT_EQ(pull("owner/name:x.gguf").exit_code, 3);
  EXPECT_EQ(pull("no-such-name").exit_code, 2);
  EXPECT_EQ(bantam_({"model", "pull", "owner/name", "--offline"}, variables()).exit_code, 7);
}

TEST_F(ModelPull, ADiskThatFillsKeepsWhatCameForTheNextPull) {  // U3
  if (!may_mount()) GTEST_SKIP() << "this user may not mount a file system of its own";
  states_size_ = false;
  const ProcessResult ran = on_small_disk(R"(
"$BANTAM" model pull owner/name; echo "exit code $?"
ls $HF_HUB_CACHE/models--owner--name/blobs $HF_HUB_CACHE/models--owner--name/snapshots/*
mount -o remount,size=10m $HF_HUB_CACHE
"$BANTAM" model pull owner/name || exit 90
)");
  EXPECT_EQ(ran.exit_code, 0) << ran.error;
  EXPECT_THAT(ran.output, AllOf(HasSubstr("exit code 4\n"), HasSubstr(".incomplete\n")));
  EXPECT_THAT(ran.error, AllOf(HasSubstr("No space left on device"), HasSubstr("make room")));
  EXPECT_THAT(hub_.requests().back(), HasSubstr("Range: bytes="));  // the rest alone
}

TEST_F(ModelPull, ADiskThatIsTooSmallIsToldBeforeAnythingComes) {
  if (!may_mount()) GTEST_SKIP() << "this user may not mount a file system of its own";
  const ProcessResult ran = on_small_disk(R"(
"$BANTAM" model pull owner/name; echo "exit code $?"
)");
  EXPECT_THAT(ran.output, HasSubstr("exit code 4\n"));
  EXPECT_THAT(ran.error,
              AllOf(HasSubstr("585.9 KiB are to be fetched"), HasSubstr("HF_HUB_CACHE")));
  for (const std::string& request : hub_.requests()) EXPECT_THAT(request, Not(HasSubstr("m.gguf")));
}

TEST_F(ModelPull, ASignalKeepsWhatCameAndSaysSo) {
  pause_ = 3;
  std::string exports;
  for (const std::string& variable : variables()) exports += variable + " ";
  const ProcessResult ran = bantam_.shell(exports + R"("$BANTAM" model pull owner/name &
sleep 1; kill -INT $!; wait $!; echo "exit code $?")");
  EXPECT_THAT(ran.output, HasSubstr("exit code 130\n"));
  EXPECT_THAT(ran.error, AllOf(HasSubstr("owner/name is kept"), HasSubstr("same command")));
  pause_ = 0;
  EXPECT_EQ(pull("owner/name").exit_code, 0);
  EXPECT_THAT(hub_.requests().back(), HasSubstr("Range: bytes="));
}

}  // namespace
}  // namespace bantam
