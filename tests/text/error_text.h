// What an action that must fail says.
#pragma once

#include <functional>
#include <string>

#include "bantam/base/error.h"

namespace bantam {

/// The message of the Error that `action` throws, or "(nothing thrown)".
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "(nothing thrown)";
}

}  // namespace bantam
