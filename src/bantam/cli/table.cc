#include "bantam/cli/table.h"

#include <algorithm>
#include <numeric>

#include "bantam/base/error.h"
#include "bantam/cli/layout.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

constexpr int kGap = 2;
constexpr int kNarrowest = 12;  // a column is not cut below this

}  // namespace

Table::Table(std::vector<std::string> header) : header_(std::move(header)) {
  for (std::string& name : header_) {
    const bool right = name.starts_with('>');
    if (right) name.erase(0, 1);
    right_.push_back(right);
  }
}

void Table::add(std::vector<std::string> row) {
  if (row.size() > header_.size() || header_.empty()) {
    throw internal_error("table: row of {} cells under {} columns", row.size(), header_.size());
  }
  row.resize(header_.size());
  rows_.push_back(std::move(row));
}

void Table::add_rule() { rows_.emplace_back(); }

std::vector<int> Table::column_widths(int width) const {
  std::vector<int> widths;
  for (const std::string& name : header_) widths.push_back(display_width(name));
  for (const auto& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      widths[c] = std::max(widths[c], display_width(row[c]));
    }
  }
  const int gaps = kGap * (static_cast<int>(widths.size()) - 1);
  int surplus = std::accumulate(widths.begin(), widths.end(), gaps) - width;
  while (surplus > 0) {
    int* widest = nullptr;
    for (std::size_t c = 0; c < widths.size(); ++c) {
      if (!right_[c] && widths[c] > kNarrowest && (!widest || widths[c] > *widest)) {
        widest = &widths[c];
      }
    }
    if (!widest) break;  // nothing left to cut: better too wide than unreadable
    --*widest, --surplus;
  }
  return widths;
}

std::string Table::line(const std::vector<std::string>& row, const std::vector<int>& widths) const {
  std::string out;
  for (std::size_t c = 0; c < row.size(); ++c) {
    if (c > 0) out.append(kGap, ' ');
    const bool too_wide = display_width(row[c]) > widths[c];
    out += padded(too_wide ? cut(row[c], widths[c]) : row[c], widths[c], right_[c]);
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out;
}

std::string Table::text(int width, bool color) const {
  const std::vector<int> widths = column_widths(width);
  const int total =
      std::accumulate(widths.begin(), widths.end(), kGap * (static_cast<int>(widths.size()) - 1));
  std::string out = bold(line(header_, widths), color) + "\n";
  for (const auto& row : rows_) {
    out += (row.empty() ? faint(std::string(static_cast<std::size_t>(total), '-'), color)
                        : line(row, widths)) +
           "\n";
  }
  return out;
}

}  // namespace bantam
