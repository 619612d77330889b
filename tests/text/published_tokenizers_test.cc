// Tokenizers that are published elsewhere, installed for the test and not stored, over 100,000
// lines and every code point: tools/golden/published_tokenizers.py says how.
#include <gmock/gmock.h>

#include <cstdlib>
#include <cstring>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/utf8.h"
#include "bantam/text/sentence_piece_model.h"
#include "bantam/text/tokenizer.h"

namespace bantam {
namespace {

/// Numbers and texts one after another, as Python's struct packs them.
class PackedReader {
 public:
  explicit PackedReader(const Path& path) : bytes_(read_file(path, std::uint64_t{1} << 32)) {}
  bool at_end() const { return at_ == bytes_.size(); }
  std::uint32_t number() {
    std::uint32_t value = 0;
    std::memcpy(&value, take(sizeof value).data(), sizeof value);
    return value;
  }
  std::string_view text() { return take(number()); }
  std::vector<std::int32_t> ids() {
    std::vector<std::int32_t> list(number());
    const std::string_view packed = take(list.size() * sizeof(std::int32_t));
    if (!list.empty()) std::memcpy(list.data(), packed.data(), packed.size());
    return list;
  }

 private:
  std::string_view take(std::size_t count) {
    if (count > bytes_.size() - at_) throw input_error("golden file: cut at byte {}", at_);
    at_ += count;
    return std::string_view(bytes_).substr(at_ - count, count);
  }
  std::string bytes_;
  std::size_t at_ = 0;
};

/// Tokens of a part of a character decode to its bytes; the references put U+FFFD for what is no
/// character, one for each longest part that could begin one.
std::string with_replacements(const std::string& bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const Utf8Character next = utf8_at(bytes, at);
    if (next.valid) {
      text.append(bytes, at, next.size);
      at += next.size;
      continue;
    }
    text += "\uFFFD";
    ++at;
    while (at < bytes.size() && (static_cast<unsigned char>(bytes[at]) & 0xc0) == 0x80) ++at;
  }
  return text;
}

class PublishedTokenizers : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const char* folder = std::getenv("BANTAM_GOLDEN_TOKENIZERS");
    if (folder == nullptr) GTEST_SKIP() << "BANTAM_GOLDEN_TOKENIZERS names no folder";
    folder_ = folder;
  }
  std::shared_ptr<const Tokenizer> tokenizer() const {
    const std::string name = GetParam();
    const Path json = folder_ / (name + ".json");
    if (std::filesystem::exists(json)) return Tokenizer::from_tokenizer_json(read_file(json), name);
    return Tokenizer::from_vocabulary(
        vocabulary_from_sentence_piece(read_file(folder_ / (name + ".model"))));
  }

  Path folder_;
};

TEST_P(PublishedTokenizers, IdsAndDecodedTextsEqualTheReference) {
  const auto ours = tokenizer();
  PackedReader texts(folder_ / "texts.bin");
  PackedReader golden(folder_ / (std::string(GetParam()) + ".golden"));
  int read = 0, other_ids = 0, other_texts = 0;
  while (!texts.at_end()) {
    const std::string_view text = texts.text();
    const std::vector<std::int32_t> ids = golden.ids();
    const std::string_view decoded = golden.text();
    ++read;
    const std::vector<std::int32_t> found = ours->encode(text).ids;
    if (found != ids && ++other_ids <= 5) {
      ADD_FAILURE() << testing::PrintToString(text) << " is " << testing::PrintToString(found)
                    << ", expected " << testing::PrintToString(ids);
    }
    const std::string back = with_replacements(ours->decode(ids));
    if (back != decoded && ++other_texts <= 5) {
      ADD_FAILURE() << testing::PrintToString(text) << " comes back as "
                    << testing::PrintToString(back) << ", expected "
                    << testing::PrintToString(decoded);
    }
  }
  EXPECT_TRUE(golden.at_end());
  EXPECT_GT(read, 1'200'000);
  EXPECT_EQ(other_ids, 0);
  EXPECT_EQ(other_texts, 0);
}

INSTANTIATE_TEST_SUITE_P(Packages, PublishedTokenizers,
                         testing::Values("deepseek", "claude", "clip", "mistral-v1", "mistral-v3"));

}  // namespace
}  // namespace bantam
