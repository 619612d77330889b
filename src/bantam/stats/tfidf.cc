#include "bantam/stats/tfidf.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr utf8proc_int32_t kInvalid = -1;

/// Lower-cased code points; an invalid byte becomes kInvalid, which is no word character.
std::vector<utf8proc_int32_t> lower_code_points(std::string_view text) {
  std::vector<utf8proc_int32_t> points;
  points.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t point;
    const auto used = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size()), &point);
    points.push_back(used < 0 ? kInvalid : utf8proc_tolower(point));
    text.remove_prefix(used < 0 ? 1 : static_cast<std::size_t>(used));
  }
  return points;
}

/// \w of Python's re module: letters, numbers of every kind, underscore; not combining marks.
bool is_word_character(utf8proc_int32_t point) {
  if (point == kInvalid) return false;
  if (point == '_') return true;
  const utf8proc_category_t category = utf8proc_category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_NO &&
         category != UTF8PROC_CATEGORY_MN && category != UTF8PROC_CATEGORY_MC &&
         category != UTF8PROC_CATEGORY_ME;
}

bool is_space(utf8proc_int32_t point) {
  if (point == kInvalid) return true;
  if ((point >= 9 && point <= 13) || (point >= 0x1c && point <= 0x1f) || point == 0x85) return true;
  const utf8proc_category_t category = utf8proc_category(point);
  return category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_ZL ||
         category == UTF8PROC_CATEGORY_ZP;
}

void append_utf8(std::string& out, utf8proc_int32_t point) {
  utf8proc_uint8_t bytes[4];
  const auto used = utf8proc_encode_char(point, bytes);
  out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(used));
}

/// Maximal runs of characters for which `inside` holds.
template <class Predicate>
std::vector<std::vector<utf8proc_int32_t>> runs_of(const std::vector<utf8proc_int32_t>& points,
                                                   Predicate inside) {
  std::vector<std::vector<utf8proc_int32_t>> runs;
  bool open = false;
  for (const utf8proc_int32_t point : points) {
    const bool in = inside(point);
    if (in && !open) runs.emplace_back();
    if (in) runs.back().push_back(point);
    open = in;
  }
  return runs;
}

std::vector<std::string> word_ngrams(const std::vector<utf8proc_int32_t>& points,
                                     const TfidfOptions& options) {
  std::vector<std::string> words;
  for (const auto& run : runs_of(points, is_word_character)) {
    if (run.size() < 2) continue;
    words.emplace_back();
    for (const utf8proc_int32_t point : run) append_utf8(words.back(), point);
  }
  std::vector<std::string> ngrams;
  for (int n = options.shortest; n <= options.longest; ++n) {
    for (std::size_t first = 0; first + static_cast<std::size_t>(n) <= words.size(); ++first) {
      std::string ngram = words[first];
      for (std::size_t i = first + 1; i < first + static_cast<std::size_t>(n); ++i)
        ngram += ' ' + words[i];
      ngrams.push_back(std::move(ngram));
    }
  }
  return ngrams;
}

/// A padded word shorter than n counts once, whole, as in scikit-learn's char_wb.
std::vector<std::string> character_ngrams(const std::vector<utf8proc_int32_t>& points,
                                          const TfidfOptions& options) {
  std::vector<std::string> ngrams;
  for (auto run : runs_of(points, [](utf8proc_int32_t point) { return !is_space(point); })) {
    run.insert(run.begin(), ' ');
    run.push_back(' ');
    for (std::size_t n = static_cast<std::size_t>(options.shortest);
         n <= static_cast<std::size_t>(options.longest); ++n) {
      for (std::size_t first = 0; first == 0 || first + n <= run.size(); ++first) {
        std::string ngram;
        for (std::size_t i = first; i < std::min(first + n, run.size()); ++i)
          append_utf8(ngram, run[i]);
        ngrams.push_back(std::move(ngram));
      }
      if (n >= run.size()) break;
    }
  }
  return ngrams;
}

}  // namespace

std::vector<std::string> ngrams_of(std::string_view text, const TfidfOptions& options) {
  const auto points = lower_code_points(text);
  return options.unit == TfidfOptions::Unit::words ? word_ngrams(points, options)
                                                   : character_ngrams(points, options);
}

TfidfVectorizer::TfidfVectorizer(TfidfOptions options) : options_(options) {
  if (options_.shortest < 1 || options_.longest < options_.shortest) {
    throw usage_error("tfidf: expected n-grams of 1 or more, shortest first, found {} to {}",
                      options_.shortest, options_.longest);
  }
}

void TfidfVectorizer::fit(std::span<const std::string> texts) {
  std::map<std::string, std::int64_t> documents_with;
  for (const std::string& text : texts) {
    auto ngrams = ngrams_of(text, options_);
    std::sort(ngrams.begin(), ngrams.end());
    ngrams.erase(std::unique(ngrams.begin(), ngrams.end()), ngrams.end());
    for (std::string& ngram : ngrams) ++documents_with[std::move(ngram)];
  }
  features_.clear();
  idf_.clear();
  column_of_.clear();
  const double count = static_cast<double>(texts.size());
  for (const auto& [feature, documents] : documents_with) {
    if (documents < options_.min_documents) continue;
    column_of_.emplace(feature, static_cast<std::uint32_t>(features_.size()));
    features_.push_back(feature);
    idf_.push_back(std::log((1 + count) / (1 + static_cast<double>(documents))) + 1);
  }
  if (features_.empty()) {
    throw input_error("tfidf: no features in {} texts; expected words of two or more letters",
                      texts.size());
  }
}

SparseRows TfidfVectorizer::transform(std::span<const std::string> texts) const {
  SparseRows rows;
  rows.column_count = static_cast<std::uint32_t>(features_.size());
  std::map<std::uint32_t, double> counts;
  for (const std::string& text : texts) {
    counts.clear();
    for (const std::string& ngram : ngrams_of(text, options_)) {
      if (const auto found = column_of_.find(ngram); found != column_of_.end())
        counts[found->second] += 1;
    }
    double square_sum = 0;
    for (auto& [column, value] : counts) {
      value = (options_.sublinear ? 1 + std::log(value) : value) * idf_[column];
      square_sum += value * value;
    }
    for (const auto& [column, value] : counts) rows.append(column, value / std::sqrt(square_sum));
    rows.end_row();
  }
  return rows;
}

}  // namespace bantam
