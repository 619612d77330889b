// The version of the library and the program, set once in the top CMakeLists.txt.
#pragma once

#include <string_view>

namespace bantam {

/// "0.1.0"
std::string_view version();

}  // namespace bantam
