// Numbers as pictures of characters: a one-line curve, a bar, a small chart.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bantam {

/// At most `width` characters from low to high; values are averaged into as many buckets.
/// Non-finite ones are gaps.
std::string sparkline(const std::vector<double>& values, int width, bool unicode);

/// "━━━━━╸    " with `fraction` in [0, 1] filled.
std::string bar(double fraction, int width, bool unicode);

/// A line chart of (x, y) points with its axis labels, `height` rows of characters (dots of braille
/// when unicode).
std::string line_chart(const std::vector<std::pair<double, double>>& points, int width, int height,
                       bool unicode);

}  // namespace bantam
