#include "bantam/data/byte_stream.h"

#include <gmock/gmock.h>

#include "tests/data/data_files.h"

namespace bantam {
namespace {

using testing::HasSubstr;

std::string read_to_end(ByteStream& stream, std::size_t block = 7) {
  std::string all, piece(block, '\0');
  while (const std::size_t count = stream.read(piece)) all.append(piece, 0, count);
  return all;
}

std::string text_of(std::size_t size) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i)
    text += std::to_string(i * 7919) + (i % 5 ? " " : "\n");
  return text;
}

class ByteStreamTest : public DataFiles {};

TEST_F(ByteStreamTest, ReadsPlainAndGzipAndSeveralMembers) {
  const std::string text = text_of(300000);
  EXPECT_EQ(read_to_end(*open_byte_stream(write("plain", text)), 4096), text);
  EXPECT_EQ(read_to_end(*open_byte_stream(write("a.gz", gzipped(text))), 4096), text);
  EXPECT_EQ(read_to_end(*open_byte_stream(write("two.gz", gzipped("one\n") + gzipped("two\n")))),
            "one\ntwo\n");
  EXPECT_EQ(read_to_end(*open_byte_stream(write("empty.gz", gzipped("")))), "");
  EXPECT_EQ(read_to_end(*open_byte_stream(write("empty", ""))), "");
}

TEST_F(ByteStreamTest, ReadsZstd) {
  // zstd -c of "hello hello hello hello\n"
  static constexpr unsigned char kFrame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x6d, 0x00, 0x00,
                                             0x38, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x20, 0x0a, 0x01,
                                             0x00, 0x99, 0x4b, 0x11, 0xa8, 0x7c, 0x2e, 0xa8};
  const std::string frame(reinterpret_cast<const char*>(kFrame), sizeof kFrame);
  const std::string file = write("a.zst", frame);
  std::unique_ptr<ByteStream> stream;
  try {
    stream = open_byte_stream(file);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), Error::Kind::refused);
    GTEST_SKIP() << error.what();
  }
  EXPECT_EQ(read_to_end(*stream), "hello hello hello hello\n");
  EXPECT_THROW(read_to_end(*open_byte_stream(write("cut.zst", frame.substr(0, 18)))), Error);
}

TEST_F(ByteStreamTest, RefusesDamagedAndCutData) {
  std::string data = gzipped(text_of(10000));
  EXPECT_THROW(read_to_end(*open_byte_stream(write("cut.gz", data.substr(0, data.size() / 2)))),
               Error);
  data[data.size() / 2] ^= 0x55;
  EXPECT_THROW(read_to_end(*open_byte_stream(write("flipped.gz", data))), Error);
  EXPECT_THROW(open_byte_stream(write("named.gz", "plain text")), Error);
  EXPECT_THROW(open_byte_stream(write("named.zst", "")), Error);
}

// D12
TEST_F(ByteStreamTest, StopsAGzipBomb) {
  const std::string file = write("bomb.gz", gzipped(std::string(64 << 20, 'a')));
  try {
    read_to_end(*open_byte_stream(file), 1 << 16);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("200-fold"));
  }
  try {
    read_to_end(*open_byte_stream(file, {.bytes = 1 << 20, .ratio = 1e9}), 1 << 16);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("1,048,576 bytes"));
  }
}

}  // namespace
}  // namespace bantam
