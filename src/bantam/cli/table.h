// A table of text: columns as wide as their content, numbers to the right.
#pragma once

#include <string>
#include <vector>

namespace bantam {

class Table {
 public:
  /// A header that begins with ">" sets its column to the right.
  explicit Table(std::vector<std::string> header);
  /// Missing cells are empty, surplus ones are an internal error.
  void add(std::vector<std::string> row);
  /// A rule between groups of rows.
  void add_rule();
  bool empty() const { return rows_.empty(); }

  /// Lines, each ended. When the table is wider than `width`, its widest left-aligned column is
  /// cut.
  std::string text(int width = 100, bool color = false) const;

 private:
  std::vector<int> column_widths(int width) const;
  std::string line(const std::vector<std::string>& row, const std::vector<int>& widths) const;
  std::vector<std::string> header_;
  std::vector<bool> right_;
  std::vector<std::vector<std::string>> rows_;  // an empty row is a rule
};

}  // namespace bantam
