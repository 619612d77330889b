// Steps that cut by the kind of each character: Whitespace, WhitespaceSplit, BertPreTokenizer,
// Punctuation, Digits, CharDelimiterSplit.
#include "bantam/text/json_fields.h"
#include "bantam/text/pre_tokenizers/behavior.h"
#include "bantam/text/pre_tokenizers/step.h"
#include "bantam/text/reference_unicode.h"
#include "bantam/text/unicode.h"

namespace bantam {
namespace {

/// Every character that `is_cut` is a match of its own.
template <class IsCut>
class CutAt : public Splitter {
 public:
  CutAt(IsCut is_cut, SplitBehavior behavior) : is_cut_(is_cut), behavior_(behavior) {}

 private:
  void split(std::string_view text, Piece piece, std::vector<Piece>& out) const override {
    thread_local std::vector<ByteRange> matches;
    matches.clear();
    for (std::uint32_t at = piece.begin; at < piece.end;) {
      const CodePoint c = code_point_at(text, at);
      const std::uint32_t end = at + static_cast<std::uint32_t>(c.length);
      if (is_cut_(c.value)) matches.emplace_back(at, end);
      at = end;
    }
    cut(piece, matches, behavior_, false, out);
  }

  IsCut is_cut_;
  SplitBehavior behavior_;
};

template <class IsCut>
PreTokenizerStepPtr cut_at(IsCut is_cut, SplitBehavior behavior) {
  return std::make_unique<CutAt<IsCut>>(is_cut, behavior);
}

/// Runs of characters of one kind; `kind_of` is 0 for those that are dropped. A kind below 0 is a
/// piece for each character.
template <class KindOf>
class CutByKind : public Splitter {
 public:
  explicit CutByKind(KindOf kind_of) : kind_of_(kind_of) {}

 private:
  void split(std::string_view text, Piece piece, std::vector<Piece>& out) const override {
    int last = 0;
    for (std::uint32_t at = piece.begin; at < piece.end;) {
      const CodePoint c = code_point_at(text, at);
      const std::uint32_t end = at + static_cast<std::uint32_t>(c.length);
      const int kind = kind_of_(c.value);
      if (kind > 0 && kind == last) {
        out.back().end = end;
      } else if (kind != 0) {
        out.push_back({at, end});
      }
      last = kind;
      at = end;
    }
  }

  KindOf kind_of_;
};

template <class KindOf>
PreTokenizerStepPtr cut_by_kind(KindOf kind_of) {
  return std::make_unique<CutByKind<KindOf>>(kind_of);
}

}  // namespace

PreTokenizerStepPtr whitespace_step(const Json&) {
  return cut_by_kind([](char32_t c) {
    return is_white_space(c) ? 0 : reference::is_word(c) ? 1 : 2;
  });
}

PreTokenizerStepPtr whitespace_split_step(const Json&) {
  return cut_by_kind([](char32_t c) { return is_white_space(c) ? 0 : 1; });
}

PreTokenizerStepPtr bert_step(const Json&) {
  return cut_by_kind([](char32_t c) {
    return is_white_space(c) ? 0 : reference::is_punctuation(c) ? -1 : 1;
  });
}

PreTokenizerStepPtr punctuation_step(const Json& value) {
  const Json& behavior = json_member(value, "behavior");
  return cut_at(reference::is_punctuation,
                behavior.is_null() ? SplitBehavior::isolated
                                   : split_behavior(behavior, "pre_tokenizer: Punctuation"));
}

PreTokenizerStepPtr digits_step(const Json& value) {
  const bool individual = json_flag(value, "individual_digits", false, "pre_tokenizer: Digits");
  return cut_at(reference::is_numeric,
                individual ? SplitBehavior::isolated : SplitBehavior::contiguous);
}

PreTokenizerStepPtr delimiter_step(const Json& value) {
  const char32_t delimiter =
      json_character(value, "delimiter", "pre_tokenizer: CharDelimiterSplit");
  return cut_at([delimiter](char32_t c) { return c == delimiter; }, SplitBehavior::removed);
}

}  // namespace bantam
