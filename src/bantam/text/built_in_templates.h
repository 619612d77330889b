// Chat templates for models that bring none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bantam {

/// Throws Error(usage) listing the known names.
std::string_view built_in_template(std::string_view name);
std::vector<std::string> built_in_template_names();

}  // namespace bantam
