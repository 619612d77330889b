#include "bantam/model/load_tokenizer.h"

#include "bantam/model/gguf.h"
#include "tests/model/file_bytes.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The 256 byte tokens of byte-level BPE, as GPT-2 spells them, then two more.
std::vector<std::string> byte_tokens() {
  std::vector<std::string> tokens;
  const auto utf8 = [](unsigned point) {
    std::string text;
    if (point < 0x80) return std::string(1, static_cast<char>(point));
    text += static_cast<char>(0xc0 | point >> 6);
    text += static_cast<char>(0x80 | (point & 0x3f));
    return text;
  };
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte != 173);
    tokens.push_back(utf8(printable ? byte : next++));
  }
  tokens.push_back("ab");
  tokens.push_back("<|end|>");
  return tokens;
}

class GgufTokenizer : public ::testing::Test {
 protected:
  void SetUp() override {
    std::vector<std::int32_t> types(258, 1);
    types[257] = 3;
    writer_.set("tokenizer.ggml.model", "gpt2");
    writer_.set("tokenizer.ggml.pre", "gpt-2");
    writer_.set("tokenizer.ggml.tokens", GgufArray{byte_tokens()});
    writer_.set("tokenizer.ggml.token_type", GgufArray{types});
    writer_.set("tokenizer.ggml.merges", GgufArray{std::vector<std::string>{"a b"}});
    writer_.set("tokenizer.ggml.eos_token_id", std::uint32_t{257});
  }
  Path file() {
    const Path path = folder_.path() / "m.gguf";
    writer_.write(path);
    return path;
  }
  std::string refusal() {
    return error_of([this] { load_tokenizer(file()); });
  }
  TemporaryFolder folder_;
  GgufWriter writer_;
};

TEST_F(GgufTokenizer, IsReadWithItsSpecialTokensAndTemplate) {
  writer_.set("tokenizer.chat_template", "{{ messages[0]['content'] }}!");
  const Path path = file();
  const auto tokenizer = load_tokenizer(path);
  EXPECT_EQ(tokenizer->encode("ab").ids, std::vector<std::int32_t>{256});
  EXPECT_EQ(tokenizer->eos(), 257);
  EXPECT_FALSE(tokenizer->bos().has_value());
  const auto chat = load_chat_template(path, *tokenizer);
  const std::vector<Message> messages = {{.role = "user", .content = "hi"}};
  EXPECT_EQ(chat->render(messages), "hi!");
}

TEST_F(GgufTokenizer, NoTemplateIsNull) {
  const Path path = file();
  EXPECT_EQ(load_chat_template(path, *load_tokenizer(path)), nullptr);
}

TEST_F(GgufTokenizer, ASpecialIdPastTheVocabularyIsNamed) {
  writer_.set("tokenizer.ggml.bos_token_id", std::uint32_t{258});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("bos_token_id"), HasSubstr("258")));
  writer_.set("tokenizer.ggml.bos_token_id", std::uint32_t{0xffffffff});  // "none"
  EXPECT_FALSE(load_tokenizer(file())->bos().has_value());
}

TEST_F(GgufTokenizer, BadByteTokensAreNamed) {
  for (const char* text : {"<0x-1>", "<0xZZ>", "<0x1>", "x"}) {
    auto tokens = byte_tokens();
    std::vector<std::int32_t> types(258, 1);
    tokens[256] = text;
    types[256] = 6;
    writer_.set("tokenizer.ggml.tokens", GgufArray{tokens});
    writer_.set("tokenizer.ggml.token_type", GgufArray{types});
    EXPECT_THAT(refusal(), AllOf(HasSubstr("token 256"), HasSubstr("<0x00>"))) << text;
  }
}

TEST_F(GgufTokenizer, OtherKindsAndSizesAreRefused) {
  writer_.set("tokenizer.ggml.token_type", GgufArray{std::vector<std::int32_t>{1, 1}});
  EXPECT_THAT(refusal(), AllOf(HasSubstr("2 entries"), HasSubstr("258")));
  writer_.set("tokenizer.ggml.model", "rwkv");
  EXPECT_THAT(refusal(), HasSubstr("'rwkv'"));
  writer_.set("tokenizer.ggml.model", std::int32_t{1});
  EXPECT_THAT(refusal(), HasSubstr("expected a string, found i32"));
}

class TokenizerFolder : public GgufTokenizer {
 protected:
  void SetUp() override {
    GgufTokenizer::SetUp();
    folder_.write("tokenizer.json", load_tokenizer(file())->to_tokenizer_json());
  }
};

TEST_F(TokenizerFolder, SpecialTokensComeFromTheFilesBesideIt) {
  folder_.write("tokenizer_config.json",
                R"({"eos_token":{"content":"<|end|>"},"bos_token":null,"chat_template":"x",)"
                R"("model_max_length":1000000000000000019884624838656})");  // as transformers does
  folder_.write("config.json", R"({"bos_token_id":3})");
  const auto tokenizer = load_tokenizer(folder_.path());
  EXPECT_EQ(tokenizer->eos(), 257);
  EXPECT_EQ(tokenizer->bos(), 3);
  EXPECT_EQ(load_chat_template(folder_.path(), *tokenizer)->source(), "x");
  folder_.write("chat_template.jinja", "from the file");
  EXPECT_EQ(load_chat_template(folder_.path(), *tokenizer)->source(), "from the file");
}

TEST_F(TokenizerFolder, OfSeveralTemplatesTheDefaultIsTaken) {
  folder_.write("tokenizer_config.json", R"({"chat_template":[{"name":"tool_use","template":"a"},)"
                                         R"({"name":"default","template":"b"}]})");
  EXPECT_EQ(load_chat_template(folder_.path(), *load_tokenizer(folder_.path()))->source(), "b");
}

TEST_F(TokenizerFolder, WrongEntriesNameFileAndKey) {
  folder_.write("tokenizer_config.json", R"({"eos_token":"<|nothing|>"})");
  EXPECT_THAT(error_of([&] { load_tokenizer(folder_.path()); }),
              AllOf(HasSubstr("tokenizer_config.json"), HasSubstr("eos_token")));
  folder_.write("tokenizer_config.json", "{}");
  folder_.write("config.json", R"({"eos_token_id":999})");
  EXPECT_THAT(error_of([&] { load_tokenizer(folder_.path()); }),
              AllOf(HasSubstr("config.json"), HasSubstr("999")));
  std::filesystem::remove(folder_.path() / "tokenizer.json");
  EXPECT_THAT(error_of([&] { load_tokenizer(folder_.path()); }),
              HasSubstr("tokenizer.json is missing"));
}

TEST_F(TokenizerFolder, AFileOf600MegabytesIsRefusedBeforeItIsRead) {  // T8
  const Path file = folder_.path() / "tokenizer.json";
  std::filesystem::resize_file(file, 600'000'000);  // a hole: takes no space on the disk
  EXPECT_THAT(error_of([&] { load_tokenizer(folder_.path()); }),
              AllOf(HasSubstr("tokenizer.json"), HasSubstr("600,000,000"),
                    HasSubstr("limit here is 268,435,456")));
}

TEST_F(TokenizerFolder, ACutFileNamesWhereItEnds) {  // T8
  const Path file = folder_.path() / "tokenizer.json";
  const std::string whole = read_file(file);
  for (const std::size_t part : {1, 2, 3, 4, 5, 6}) {
    folder_.write("tokenizer.json", whole.substr(0, whole.size() * part / 7));
    EXPECT_THAT(
        error_of([&] { load_tokenizer(folder_.path()); }),
        AllOf(HasSubstr("tokenizer.json"), ::testing::ContainsRegex("line [0-9]+, column [0-9]+")));
  }
}

}  // namespace
}  // namespace bantam
