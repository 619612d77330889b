// Files built byte by byte, so that tests can state exactly what is wrong with them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "bantam/base/error.h"
#include "bantam/base/files.h"

namespace bantam {

/// Appends little-endian numbers and length-prefixed text.
class FileBytes {
 public:
  template <class T>
  FileBytes& number(T value) {
    text_.append(reinterpret_cast<const char*>(&value), sizeof(T));
    return *this;
  }
  FileBytes& u32(std::uint32_t value) { return number(value); }
  FileBytes& u64(std::uint64_t value) { return number(value); }
  FileBytes& raw(std::string_view bytes) {
    text_.append(bytes);
    return *this;
  }
  FileBytes& string(std::string_view value) { return u64(value.size()).raw(value); }
  FileBytes& pad_to(std::size_t alignment) {
    text_.append((alignment - text_.size() % alignment) % alignment, '\0');
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// The message of the Error that `action` throws; fails the test when it throws none or another
/// kind.
template <class Action>
std::string error_of(Action action, Error::Kind kind = Error::Kind::input) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "no Error was thrown";
  return "";
}

/// A folder of this test's own, removed afterwards.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::temp_directory_path() /
            (std::string("bantam-") + test->test_suite_name() + "-" + test->name() + "-" +
             std::to_string(::getpid()));
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const Path& path() const { return path_; }
  Path write(const std::string& name, std::string_view content) const {
    const Path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
    return file;
  }

 private:
  Path path_;
};

}  // namespace bantam
