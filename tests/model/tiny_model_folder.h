// Golden models of tests/golden/model with a tokenizer beside them, for commands that need texts.
#pragma once

#include <string>

#include "bantam/base/files.h"
#include "bantam/base/json.h"

namespace bantam {

inline Json special_token(int id, const char* text) {
  return {{"id", id},        {"content", text},     {"single_word", false}, {"lstrip", false},
          {"rstrip", false}, {"normalized", false}, {"special", true}};
}

/// Letters as SentencePiece's Unigram in Hugging Face's form, with T5's special tokens: 31 tokens.
inline Json letters_of_t5() {
  Json pieces = Json::array();
  const auto add = [&](const std::string& text, double score) {
    pieces.push_back(Json::array({text, score}));
  };
  for (const char* text : {"<pad>", "</s>", "<unk>"}) add(text, 0);
  add("\u2581", -2);
  for (char letter = 'a'; letter <= 'z'; ++letter) add(std::string(1, letter), -3);
  add("\u2581the", -4);
  const Json spaces = {{"type", "Metaspace"},
                       {"replacement", "\u2581"},
                       {"prepend_scheme", "always"},
                       {"split", true}};
  const Json end = {{"SpecialToken", {{"id", "</s>"}, {"type_id", 0}}}};
  const auto text = [](const char* id) { return Json{{"Sequence", {{"id", id}, {"type_id", 0}}}}; };
  return {
      {"version", "1.0"},
      {"added_tokens",
       {special_token(0, "<pad>"), special_token(1, "</s>"), special_token(2, "<unk>")}},
      {"normalizer", nullptr},
      {"pre_tokenizer",
       {{"type", "Sequence"}, {"pretokenizers", {{{"type", "WhitespaceSplit"}}, spaces}}}},
      {"post_processor",
       {{"type", "TemplateProcessing"},
        {"single", Json::array({text("A"), end})},
        {"pair", Json::array({text("A"), end, text("B"), end})},
        {"special_tokens", {{"</s>", {{"id", "</s>"}, {"ids", {1}}, {"tokens", {"</s>"}}}}}}}},
      {"decoder", spaces},
      {"model", {{"type", "Unigram"}, {"unk_id", 2}, {"vocab", pieces}, {"byte_fallback", false}}}};
}

/// Letters as BERT's WordPiece: 57 tokens, or fewer up to another `last` letter.
inline Json letters_of_bert(char last = 'z') {
  Json pieces = {{"[PAD]", 0}, {"[UNK]", 1}, {"[CLS]", 2}, {"[SEP]", 3}, {"[MASK]", 4}};
  for (char letter = 'a'; letter <= last; ++letter) {
    pieces[std::string(1, letter)] = pieces.size();
    pieces[std::string("##") + letter] = pieces.size();
  }
  return {{"version", "1.0"},
          {"added_tokens",
           {special_token(0, "[PAD]"), special_token(1, "[UNK]"), special_token(2, "[CLS]"),
            special_token(3, "[SEP]"), special_token(4, "[MASK]")}},
          {"normalizer",
           {{"type", "BertNormalizer"},
            {"clean_text", true},
            {"handle_chinese_chars", true},
            {"strip_accents", nullptr},
            {"lowercase", true}}},
          {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
          {"post_processor",
           {{"type", "BertProcessing"},
            {"sep", Json::array({"[SEP]", 3})},
            {"cls", Json::array({"[CLS]", 2})}}},
          {"decoder", {{"type", "WordPiece"}, {"prefix", "##"}, {"cleanup", true}}},
          {"model",
           {{"type", "WordPiece"},
            {"unk_token", "[UNK]"},
            {"continuing_subword_prefix", "##"},
            {"max_input_chars_per_word", 100},
            {"vocab", pieces}}}};
}

/// A copy of tests/golden/model/`golden` in `folder`, with `tokenizer`.
inline std::string write_tiny_folder(const Path& folder, const std::string& golden,
                                     const Json& tokenizer) {
  const Path source = Path(BANTAM_SOURCE_DIR) / "tests/golden/model" / golden;
  std::filesystem::create_directories(folder);
  for (const char* name : {"config.json", "generation_config.json", "model.safetensors"}) {
    if (!std::filesystem::exists(source / name)) continue;
    std::filesystem::copy_file(source / name, folder / name);
  }
  write_file_atomically(folder / "tokenizer.json", dump_json(tokenizer));
  return folder.string();
}

}  // namespace bantam
