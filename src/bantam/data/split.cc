#include "bantam/data/split.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>
#include <unordered_set>

#include "bantam/base/error.h"
#include "bantam/base/random.h"

namespace bantam {
namespace {

/// FNV-1a: the same on every machine, which std::hash does not promise.
std::uint64_t stable_hash(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

/// Union-find over rows: rows that share a group or an input end up in one cluster.
class Clusters {
 public:
  explicit Clusters(std::size_t count) : parent_(count) {
    std::iota(parent_.begin(), parent_.end(), std::size_t{0});
  }
  std::size_t root(std::size_t i) {
    while (parent_[i] != i) i = parent_[i] = parent_[parent_[i]];
    return i;
  }
  void join(std::size_t a, std::size_t b) {
    parent_[std::max(root(a), root(b))] = std::min(root(a), root(b));
  }

 private:
  std::vector<std::size_t> parent_;
};

struct Cluster {
  std::vector<std::uint32_t> rows;
  std::string stratum;     ///< the commonest label
  std::uint64_t rank = 0;  ///< pseudo-random place in the order of drawing
};

std::vector<Cluster> clusters_of(const Dataset& data, const std::vector<std::uint32_t>& rows,
                                 std::uint64_t seed, bool stratify) {
  Clusters links(rows.size());
  std::unordered_map<std::string, std::size_t> first_with;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = data[rows[i]];
    for (const std::string& key :
         {"i" + input_of(row), row.group.empty() ? std::string() : "g" + row.group}) {
      if (key.empty()) continue;
      const auto [place, fresh] = first_with.emplace(key, i);
      if (!fresh) links.join(place->second, i);
    }
  }
  std::map<std::size_t, Cluster> by_root;
  for (std::size_t i = 0; i < rows.size(); ++i) by_root[links.root(i)].rows.push_back(rows[i]);

  const RandomStream stream(seed, "split");
  std::vector<Cluster> clusters;
  for (auto& [root, cluster] : by_root) {
    std::map<std::string, std::size_t> labels;
    std::string name;  // of the cluster: its smallest key, whatever the order of the rows
    for (const std::uint32_t row : cluster.rows) {
      if (stratify && data[row].kind == Row::Kind::classification) ++labels[data[row].label];
      std::string key = data[row].group.empty() ? input_of(data[row]) : data[row].group;
      if (name.empty() || key < name) name = std::move(key);
    }
    std::size_t most = 0;
    for (const auto& [label, count] : labels) {
      if (count > most) {
        most = count;
        cluster.stratum = label;
      }
    }
    cluster.rank = stream.bits_at(stable_hash(name));
    clusters.push_back(std::move(cluster));
  }
  std::stable_sort(clusters.begin(), clusters.end(),
                   [](const Cluster& a, const Cluster& b) { return a.rank < b.rank; });
  return clusters;
}

/// Takes clusters in order until about `fraction` of each stratum's rows are taken; the rest stays
/// in `clusters`. A cluster that would overshoot by more than it helps is left, so that one huge
/// group does not fill a side.
std::vector<std::uint32_t> draw(std::vector<Cluster>& clusters, double fraction) {
  std::map<std::string, double> wanted;
  for (const Cluster& cluster : clusters) {
    wanted[cluster.stratum] += fraction * static_cast<double>(cluster.rows.size());
  }
  std::vector<std::uint32_t> taken;
  std::vector<Cluster> rest;
  for (Cluster& cluster : clusters) {
    double& left = wanted[cluster.stratum];
    const auto size = static_cast<double>(cluster.rows.size());
    // Half-way rounding: a stratum of 3 rows with fraction 0.2 wants 0.6 of a row and gets one.
    if (left >= size / 2 && left > 0) {
      left -= size;
      taken.insert(taken.end(), cluster.rows.begin(), cluster.rows.end());
    } else {
      rest.push_back(std::move(cluster));
    }
  }
  clusters = std::move(rest);
  std::sort(taken.begin(), taken.end());
  return taken;
}

void require_fractions(const SplitOptions& options) {
  if (!(options.dev >= 0 && options.test >= 0 && options.dev + options.test < 1)) {
    throw usage_error(
        "split: expected fractions of at least 0 that leave rows to train on, found dev {} and "
        "test {}",
        options.dev, options.test);
  }
}

void require_rows(const char* side, std::size_t rows, std::size_t clusters, const Dataset& data) {
  if (rows > 0) return;
  throw input_error(
      "split: no {} rows: {} rows fall into {} groups that must stay together; give more rows, "
      "another group field, or a "
      "split field of your own",
      side, data.size(), clusters);
}

}  // namespace

Splits split_dataset(const Dataset& data, const SplitOptions& options) {
  require_fractions(options);
  Splits splits;
  std::vector<std::uint32_t> train, dev, test;
  for (std::uint32_t i = 0; i < data.size(); ++i) {
    const std::string& split = data[i].split;
    (split == "test" ? test : split == "dev" ? dev : train).push_back(i);
  }
  const bool dev_given = !dev.empty(), test_given = !test.empty();
  std::vector<Cluster> clusters = clusters_of(data, train, options.seed, options.stratify);
  const std::size_t cluster_count = clusters.size();
  if (!test_given && options.test > 0) test = draw(clusters, options.test);
  if (!dev_given && options.dev > 0) {
    dev = draw(clusters, test_given ? options.dev : options.dev / (1 - options.test));
  }
  train.clear();
  for (const Cluster& cluster : clusters)
    train.insert(train.end(), cluster.rows.begin(), cluster.rows.end());
  std::sort(train.begin(), train.end());

  require_rows("train", train.size(), cluster_count, data);
  if (options.dev > 0) require_rows("dev", dev.size(), cluster_count, data);
  if (options.test > 0) require_rows("test", test.size(), cluster_count, data);
  splits.train = data.subset(train);
  splits.dev = data.subset(dev);
  splits.test = data.subset(test);
  splits.notes.push_back(
      fmt::format("test: {}, dev: {}", test_given ? "as given" : "drawn by group",
                  dev_given ? "as given" : "drawn from the train rows by group"));
  if (cluster_count < data.size()) {
    splits.notes.push_back(
        fmt::format("{} rows in {} groups (same group or same input), which stay together",
                    data.size(), cluster_count));
  }
  return splits;
}

Overlap find_overlap(const Dataset& train, const Dataset& test) {
  std::unordered_set<std::string> seen;
  for (const Row& row : train) seen.insert(input_of(row));
  Overlap overlap;
  for (const Row& row : test) {
    if (!seen.contains(input_of(row))) continue;
    ++overlap.count;
    if (overlap.first.size() < 5) overlap.first.push_back(where_is(row));
  }
  return overlap;
}

}  // namespace bantam
