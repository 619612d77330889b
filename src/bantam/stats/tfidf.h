// TF-IDF features of short texts, as scikit-learn's TfidfVectorizer defines them (smooth idf,
// l2-normalized rows).
//
// idf(t) = ln((1 + n) / (1 + df(t))) + 1 over the n fitted texts; tf is the count, or 1 + ln(count)
// when sublinear. Text is lower-cased code point by code point (no special casing such as final
// sigma).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bantam/stats/sparse.h"

namespace bantam {

struct TfidfOptions {
  enum class Unit {
    words,  ///< runs of two or more letters, digits and underscores; n-grams are joined by a space
    characters,  ///< n-grams inside words padded with a space on either side (scikit-learn's
                 ///< char_wb)
  };
  Unit unit = Unit::words;
  int shortest = 1, longest = 2;  ///< n of the n-grams
  bool sublinear = false;
  int min_documents = 1;  ///< features seen in fewer texts are dropped
};

class TfidfVectorizer {
 public:
  explicit TfidfVectorizer(TfidfOptions options = {});

  /// Learns features and idf. Throws Error(input) when no feature is left (no text has a word of
  /// two characters).
  void fit(std::span<const std::string> texts);
  /// One row a text; features that were not fitted are ignored, so a row may be empty.
  SparseRows transform(std::span<const std::string> texts) const;

  /// Feature names by column, in code point order.
  const std::vector<std::string>& features() const { return features_; }
  const std::vector<double>& idf() const { return idf_; }

 private:
  TfidfOptions options_;
  std::vector<std::string> features_;
  std::vector<double> idf_;
  std::unordered_map<std::string, std::uint32_t> column_of_;
};

/// The n-grams of one text, in order, repeats included. Invalid UTF-8 separates words.
std::vector<std::string> ngrams_of(std::string_view text, const TfidfOptions& options);

}  // namespace bantam
