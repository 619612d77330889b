// A look at TOML text before it is parsed: how deep would its tables nest?
#pragma once

#include <string>
#include <string_view>

namespace bantam {

/// Throws Error(usage) with the line when brackets nest, or dotted keys reach, deeper than
/// `levels`. The parser and the destructor of its tables recurse, so a file of dots must be refused
/// before either sees it.
void check_toml_depth(std::string_view text, int levels, const std::string& path);

}  // namespace bantam
