// web/report.html, compiled into the program.
#pragma once

#include <string_view>

namespace bantam {

std::string_view report_page();

}  // namespace bantam
