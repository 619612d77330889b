#include "bantam/model/legacy/legacy_tokenizer.h"

#include <system_error>
#include <vector>

#include "bantam/base/error.h"
#include "bantam/model/legacy/readers.h"

namespace bantam {
namespace {

struct Kind {
  std::vector<const char*> files;  ///< all of them; the first one names the kind in errors
  Vocabulary (*read)(const TokenizerFolder& folder);
};

/// The first that a folder has all files of.
const std::vector<Kind>& kinds() {
  static const std::vector<Kind> list = {
      {{"source.spm", "vocab.json"}, read_marian_pieces},
      {{"sentencepiece.bpe.model", "vocab.json"}, read_m2m_pieces},
      {{"sentencepiece.bpe.model"}, read_fairseq_pieces},
      {{"spiece.model"}, read_t5_pieces},
      {{"vocab.json", "merges.txt"}, read_byte_pairs},
      {{"vocab.txt"}, read_word_pieces}};
  return list;
}

const Kind* kind_of(const Path& folder) {
  std::error_code ignored;
  for (const Kind& kind : kinds()) {
    bool complete = true;
    for (const char* file : kind.files) {
      complete = complete && std::filesystem::exists(folder / file, ignored);
    }
    if (complete) return &kind;
  }
  return nullptr;
}

}  // namespace

bool has_legacy_tokenizer(const Path& folder) { return kind_of(folder) != nullptr; }

void copy_legacy_tokenizer(const Path& from, const Path& to) {
  // The last one is Marian's for answers, which transformers wants to see.
  std::vector<const char*> files = {"tokenizer_config.json", "special_tokens_map.json",
                                    "added_tokens.json", "target.spm"};
  if (const Kind* kind = kind_of(from)) {
    files.insert(files.end(), kind->files.begin(), kind->files.end());
  }
  for (const char* file : files) {
    std::error_code ignored;
    if (!std::filesystem::exists(from / file, ignored)) continue;
    write_file_atomically(to / file, read_file(from / file, kMaxVocabularyBytes));
  }
}

std::shared_ptr<const Tokenizer> load_legacy_tokenizer(const Path& folder) {
  const Kind* kind = kind_of(folder);
  if (kind == nullptr) return nullptr;
  Vocabulary vocabulary = kind->read(TokenizerFolder::read(folder));
  try {
    return Tokenizer::from_vocabulary(std::move(vocabulary));
  } catch (const Error& error) {
    throw error.at(escaped((folder / kind->files.front()).string()));
  }
}

}  // namespace bantam
