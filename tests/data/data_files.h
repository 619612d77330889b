// What the tests of this room share: files that vanish with the test, and rows in one line.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/data/reader.h"

namespace bantam {

/// A test with a folder of its own.
class DataFiles : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ =
        std::filesystem::temp_directory_path() /
        ("bantam-" + std::to_string(getpid()) + "-" + test->test_suite_name() + "-" + test->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(std::string_view name) const { return (folder_ / name).string(); }

  std::string write(std::string_view name, std::string_view content) const {
    std::filesystem::create_directories((folder_ / name).parent_path());
    std::ofstream file(folder_ / name, std::ios::binary);
    file.write(content.data(), static_cast<std::streamsize>(content.size()));
    return path(name);
  }

  std::vector<Row> read(std::string_view name, const ReadOptions& options = {},
                        ReadReport* report = nullptr) const {
    return read_rows({.name = "test", .path = path(name), .split = "", .weight = {}}, options,
                     report);
  }

  /// The message of the Error that reading gives, without the folder; "" when there is none.
  std::string error_of(std::string_view name, const ReadOptions& options = {}) const {
    try {
      read(name, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3) << error.what();
      std::string text = error.what();
      const std::string prefix = folder_.string() + "/";
      for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
        text.erase(at, prefix.size());
      return text;
    }
    return "";
  }

  std::filesystem::path folder_;
};

inline std::string gzipped(std::string_view text) {
  z_stream state{};
  EXPECT_EQ(deflateInit2(&state, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&state, text.size()) + 64, '\0');
  state.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef*>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&state, Z_FINISH), Z_STREAM_END);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

inline Row labelled(std::string text, std::string label, std::string group = "") {
  Row row;
  row.kind = Row::Kind::classification;
  row.text = std::move(text);
  row.label = std::move(label);
  row.group = std::move(group);
  row.id = row.text;
  return row;
}

}  // namespace bantam
