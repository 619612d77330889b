// Sets that were found against sets that are there: the labels of a text, the entities of a text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <vector>

namespace bantam {

/// Counts over items, each with two sets. Precision, recall and F1 are micro averages (of all
/// members of all sets, as scikit-learn's average="micro" and seqeval have them), 0 where nothing
/// is counted.
struct SetScores {
  std::int64_t items = 0;
  std::int64_t exact = 0;      ///< items whose sets are equal
  std::int64_t truth = 0;      ///< members that are there
  std::int64_t predicted = 0;  ///< members that were found
  std::int64_t matched = 0;    ///< members of both

  /// Repeated members count once.
  template <class Member>
  void add(std::vector<Member> true_set, std::vector<Member> found_set) {
    keep_each_once(true_set);
    keep_each_once(found_set);
    std::vector<Member> both;
    std::ranges::set_intersection(true_set, found_set, std::back_inserter(both));
    ++items;
    exact += true_set == found_set ? 1 : 0;
    truth += std::ssize(true_set);
    predicted += std::ssize(found_set);
    matched += std::ssize(both);
  }

  /// The items of both.
  void add(const SetScores& other) {
    items += other.items;
    exact += other.exact;
    truth += other.truth;
    predicted += other.predicted;
    matched += other.matched;
  }

  double precision() const { return share(matched, predicted); }
  double recall() const { return share(matched, truth); }
  /// 2PR / (P + R), written with counts.
  double f1() const { return share(2 * matched, truth + predicted); }
  double exact_share() const { return share(exact, items); }

 private:
  template <class Member>
  static void keep_each_once(std::vector<Member>& members) {
    std::ranges::sort(members);
    members.erase(std::ranges::unique(members).begin(), members.end());
  }
  static double share(std::int64_t part, std::int64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
  }
};

}  // namespace bantam
