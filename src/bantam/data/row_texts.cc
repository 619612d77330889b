#include "bantam/data/row_texts.h"

#include <algorithm>

namespace bantam {

std::vector<std::string_view> texts_of(const Row& row) {
  std::vector<std::string_view> texts;
  switch (row.kind) {
    case Row::Kind::classification:
      texts = {row.text, row.text_pair, row.label};
      break;
    case Row::Kind::multi_label:
      texts = {row.text, row.text_pair};
      texts.insert(texts.end(), row.labels.begin(), row.labels.end());
      break;
    case Row::Kind::prompt_completion:
      texts = {row.prompt, row.completion};
      break;
    case Row::Kind::chat:
      for (const Message& message : row.messages) {
        texts.push_back(message.reasoning_content);
        texts.push_back(message.content);
      }
      break;
    case Row::Kind::spans:
    case Row::Kind::text:
      texts = {row.text, row.text_pair};
      break;
    case Row::Kind::tokens:
      break;
  }
  std::erase_if(texts, [](std::string_view text) { return text.empty(); });
  return texts;
}

}  // namespace bantam
