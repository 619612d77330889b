#include "bantam/cli/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "bantam/cli/layout.h"

namespace bantam {

namespace {

// Smallest and largest finite value; false when there is none.
bool finite_range(const std::vector<double>& values, double& low, double& high) {
  low = std::numeric_limits<double>::infinity(), high = -low;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value), high = std::max(high, value);
  }
  return low <= high;
}

std::vector<double> bucket_means(const std::vector<double>& values, std::size_t buckets) {
  std::vector<double> sums(buckets, 0), counts(buckets, 0);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) continue;
    const std::size_t bucket = i * buckets / values.size();
    sums[bucket] += values[i], counts[bucket] += 1;
  }
  for (std::size_t b = 0; b < buckets; ++b) sums[b] /= counts[b];  // 0/0: a gap
  return sums;
}

std::string encode_utf8(std::uint32_t point) {  // three-byte forms are all that braille needs
  return {static_cast<char>(0xe0 | point >> 12), static_cast<char>(0x80 | (point >> 6 & 0x3f)),
          static_cast<char>(0x80 | (point & 0x3f))};
}

// A grid of dots, two by four in each character cell (braille), or one star a cell.
class DotGrid {
 public:
  DotGrid(int columns, int rows, bool unicode)
      : columns_(columns), rows_(rows), unicode_(unicode), cells_(cell(rows, 0), 0) {}
  int dots_wide() const { return unicode_ ? 2 * columns_ : columns_; }
  int dots_high() const { return unicode_ ? 4 * rows_ : rows_; }

  void set(int x, int y) {  // y counts from the top
    if (!unicode_) {
      cells_[cell(y, x)] = 1;
      return;
    }
    constexpr std::array<std::array<unsigned char, 2>, 4> kDots = {
        {{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}};
    cells_[cell(y / 4, x / 2)] |=
        kDots[static_cast<std::size_t>(y % 4)][static_cast<std::size_t>(x % 2)];
  }

  std::string row(int y) const {
    std::string out;
    for (int x = 0; x < columns_; ++x) {
      const unsigned char dots = cells_[cell(y, x)];
      out += unicode_ ? (dots ? encode_utf8(0x2800u + dots) : " ") : (dots ? "*" : " ");
    }
    out.erase(out.find_last_not_of(' ') + 1);
    return out;
  }

 private:
  std::size_t cell(int y, int x) const { return static_cast<std::size_t>(y * columns_ + x); }
  int columns_, rows_;
  bool unicode_;
  std::vector<unsigned char> cells_;
};

}  // namespace

std::string sparkline(const std::vector<double>& values, int width, bool unicode) {
  static constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄",
                                                              "▅", "▆", "▇", "█"};
  static constexpr std::array<std::string_view, 8> kAscii = {"_", "_", ".", ".",
                                                             "-", "-", "^", "^"};
  double low, high;
  if (width <= 0 || !finite_range(values, low, high)) return "";
  const std::size_t buckets = std::min(values.size(), static_cast<std::size_t>(width));
  const std::vector<double> means = bucket_means(values, buckets);
  finite_range(means, low, high);
  std::string out;
  for (const double mean : means) {
    if (!std::isfinite(mean)) {
      out += ' ';
      continue;
    }
    const double height = high > low ? (mean - low) / (high - low) : 0.5;
    const auto level = std::min<std::size_t>(static_cast<std::size_t>(height * 8), 7);
    out += unicode ? kBlocks[level] : kAscii[level];
  }
  return out;
}

std::string bar(double fraction, int width, bool unicode) {
  fraction = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0;
  const int halves = static_cast<int>(std::lround(fraction * 2 * width));
  std::string out;
  for (int i = 0; i < halves / 2; ++i) out += unicode ? "━" : "=";
  if (halves % 2) out += unicode ? "╸" : ">";
  for (int i = (halves + 1) / 2; i < width; ++i) out += unicode ? "┈" : ".";
  return out;
}

std::string line_chart(const std::vector<std::pair<double, double>>& points, int width, int height,
                       bool unicode) {
  std::vector<double> xs, ys;
  for (const auto& [x, y] : points) {
    if (std::isfinite(x) && std::isfinite(y)) xs.push_back(x), ys.push_back(y);
  }
  double x_low, x_high, y_low, y_high;
  if (!finite_range(xs, x_low, x_high) || !finite_range(ys, y_low, y_high)) return "";
  const std::string top = fmt::format("{:.4g}", y_high), bottom = fmt::format("{:.4g}", y_low);
  const int margin = std::max(display_width(top), display_width(bottom)) + 1;
  DotGrid grid(std::max(width - margin - 1, 8), height, unicode);
  const auto place = [](double v, double low, double high, int dots) {
    return high > low ? static_cast<int>(std::lround((v - low) / (high - low) * (dots - 1)))
                      : dots / 2;
  };
  int last_x = -1, last_y = 0;
  for (std::size_t i = 0; i < xs.size(); ++i) {
    const int x = place(xs[i], x_low, x_high, grid.dots_wide());
    const int y = grid.dots_high() - 1 - place(ys[i], y_low, y_high, grid.dots_high());
    // Steps between neighbours are joined, so that few points still make a line.
    const int steps = last_x < 0 ? 1 : std::max({std::abs(x - last_x), std::abs(y - last_y), 1});
    const auto between = [&](int from, int to, int s) {
      return from + static_cast<int>(std::lround(static_cast<double>(to - from) * s / steps));
    };
    for (int s = 1; s <= steps; ++s) {
      grid.set(last_x < 0 ? x : between(last_x, x, s), last_x < 0 ? y : between(last_y, y, s));
    }
    last_x = x, last_y = y;
  }
  std::string out;
  for (int row = 0; row < height; ++row) {
    const std::string label = row == 0 ? top : row == height - 1 ? bottom : "";
    out += padded(label, margin - 1, true) + (unicode ? " │" : " |") + grid.row(row) + "\n";
  }
  const std::string left = fmt::format("{:g}", x_low), right = fmt::format("{:g}", x_high);
  out += padded("", margin + 1) + left +
         padded(right, std::max(width - margin - 1 - display_width(left), 1), true) + "\n";
  return out;
}

}  // namespace bantam
