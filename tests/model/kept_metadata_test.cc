#include "bantam/model/kept_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bantam/model/load_model.h"
#include "bantam/model/save_model.h"
#include "tests/base/temporary_folder.h"
#include "tests/generate/tiny_model.h"

namespace bantam {
namespace {

using Texts = std::vector<std::string>;

// The tiny model with more metadata than Bantam writes.
Path file_with_metadata(const Path& folder) {
  const Path plain = folder / "plain.gguf", file = folder / "named.gguf";
  save_gguf(tiny_loaded(), plain, DType::f32, "from nothing");
  const auto source = GgufFile::open(plain);
  GgufWriter writer;
  for (const auto& [key, value] : source->metadata()) writer.set(key, value);
  writer.set("general.name", std::string("A name of its own"));
  writer.set("general.license", std::string("apache-2.0"));
  writer.set("general.languages", GgufArray{Texts{"en", "fr"}});
  writer.set("general.base_model.count", std::uint32_t{1});
  writer.set("somebody.note", std::int64_t{-5});
  writer.set("tokenizer.chat_template.tool_use", std::string("{{ messages }}"));
  writer.set("llama.of_another_tool", 3.5f);
  writer.set("general.quantized_by", std::string("somebody"));
  writer.set("quantize.imatrix.file", std::string("calibration.dat"));
  for (const GgufTensorInfo& tensor : source->tensors()) {
    writer.add(tensor.name, source->tensor(tensor.name));
  }
  writer.write(file);
  return file;
}

TEST(KeptMetadata, AGgufFileMadeOfAnotherKeepsWhatItSaysOfItself) {
  const TemporaryFolder folder;
  const Path made = folder.path() / "made.gguf";
  save_gguf(load_model(file_with_metadata(folder.path()).string()), made, DType::q8_0,
            "from named.gguf");
  const auto file = GgufFile::open(made);
  EXPECT_EQ(file->string("general.name"), "A name of its own");
  EXPECT_EQ(file->string("general.license"), "apache-2.0");
  EXPECT_EQ(file->strings("general.languages"), (Texts{"en", "fr"}));
  EXPECT_EQ(file->integer("general.base_model.count"), 1);
  EXPECT_EQ(file->integer("somebody.note"), -5);
  EXPECT_EQ(file->string("tokenizer.chat_template.tool_use"), "{{ messages }}");
  EXPECT_EQ(file->string("bantam.provenance"), "from named.gguf; before that from nothing");
  // What belongs to the old weights, or was read into the configuration.
  EXPECT_EQ(file->integer("general.file_type"), 7);
  EXPECT_EQ(file->find("llama.of_another_tool"), nullptr);
  EXPECT_EQ(file->find("general.quantized_by"), nullptr);
  EXPECT_EQ(file->find("quantize.imatrix.file"), nullptr);
}

TEST(KeptMetadata, AFileWithoutANameGetsThatOfItsModel) {
  const TemporaryFolder folder;
  LoadedModel model = tiny_loaded();
  model.name = "tiny-f32.gguf";
  save_gguf(model, folder.path() / "made.gguf", DType::f32);
  EXPECT_EQ(GgufFile::open(folder.path() / "made.gguf")->string("general.name"), "tiny-f32");
}

GgufMetadata kept_of_readme(const std::string& text) {
  const TemporaryFolder folder;
  write_file_atomically(folder.path() / "README.md", text);
  return kept_metadata(folder.path());
}

TEST(KeptMetadata, OfAFolderItIsTheHeadOfItsReadme) {
  const GgufMetadata kept = kept_of_readme(R"(---
license: "cc-by-4.0"
language:
- en
- 'de'
tags: [chat, small]
model-index:
- name: nested
  results:
  - task: {type: text}
base_model: owner/base
---
# A model
license: mit
)");
  const GgufMetadata expected = {
      {"general.license", std::string("cc-by-4.0")},
      {"general.tags", GgufArray{Texts{"chat", "small"}}},
      {"general.languages", GgufArray{Texts{"en", "de"}}},
      {"general.base_model.count", std::uint32_t{1}},
      {"general.base_model.0.name", std::string("base")},
      {"general.base_model.0.organization", std::string("owner")},
      {"general.base_model.0.repo_url", std::string("https://huggingface.co/owner/base")}};
  EXPECT_EQ(kept, expected);
}

TEST(KeptMetadata, NothingIsKeptOfAReadmeWithoutAHead) {
  EXPECT_TRUE(kept_of_readme("# A model\nlicense: mit\n").empty());
  EXPECT_TRUE(kept_of_readme("---\nlicense: mit\n").empty());
  EXPECT_TRUE(kept_of_readme("").empty());
  EXPECT_TRUE(kept_metadata("no/such/place").empty());
  EXPECT_TRUE(kept_metadata("").empty());
}

}  // namespace
}  // namespace bantam
