// The filters of templates, by subject; filters.cc holds the list of all.
#pragma once

#include "bantam/text/jinja/syntax.h"

namespace bantam::jinja {

struct FilterEntry {
  std::string_view name;
  FilterFunction function;
};
std::vector<FilterEntry> text_filters();
std::vector<FilterEntry> sequence_filters();
std::vector<FilterEntry> value_filters();

}  // namespace bantam::jinja
