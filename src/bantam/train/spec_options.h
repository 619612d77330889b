// "adamw:beta2=0.95,epsilon=1e-6" read into the options of the thing it names: parameters of a
// registry value are declared once, like every other option.
#pragma once

#include <span>
#include <string_view>

#include "bantam/base/options.h"

namespace bantam {

/// Sets `options` from the parameters of `spec`; the bare first value, if any, goes to the option
/// named `main_key` ("" when there is none). Throws Error(usage) naming `what`, the key, and the
/// known keys or the expected value.
void apply_spec(const Spec& spec, std::span<Option> options, std::string_view what,
                std::string_view main_key = "");

}  // namespace bantam
