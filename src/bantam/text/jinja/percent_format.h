// Python's "%s and %d" % values.
#pragma once

#include "bantam/text/jinja/context.h"

namespace bantam::jinja {

/// `values` is a tuple, a dict for "%(name)s", or a single value. Understands s, r, d, i, u, f, e,
/// g, x, X, o, c and
/// %, with flags, width and precision up to 1,000. Throws Fault otherwise.
Text percent_format(Context& context, const Text& format, const Value& values);

}  // namespace bantam::jinja
