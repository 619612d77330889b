// Errors that a user can cause: what was expected, what was found, where, and what to do about it.
//
// Library code throws `Error` and never prints, exits or aborts; `cli` turns the kind into an exit
// code, `serve` into an HTTP status. A broken promise of our own code (a bug) is `Kind::internal`.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace bantam {

class Error : public std::runtime_error {
 public:
  /// The number is the exit code of the program.
  enum class Kind {
    failed_expectation = 1,  ///< a check the user asked for did not hold
    usage = 2,               ///< wrong command line or configuration
    input = 3,               ///< a file, row or value was refused
    resources = 4,           ///< out of disk, memory or descriptors
    diverged = 5,            ///< training met non-finite or diverging numbers
    network = 6,             ///< a remote endpoint failed
    refused = 7,  ///< forbidden by policy, or a needed outside program or model is missing
    lost_rank = 8,
    internal = 70,  ///< a bug of Bantam
  };

  Error(Kind kind, std::string message) : std::runtime_error(std::move(message)), kind_(kind) {}

  Kind kind() const { return kind_; }
  int exit_code() const { return static_cast<int>(kind_); }

  /// The same error with "where: " in front: callers add the file, line or layer that the thrower
  /// could not know.
  Error at(std::string_view where) const {
    return Error(kind_, fmt::format("{}: {}", where, what()));
  }

 private:
  Kind kind_;
};

/// Each helper formats one message; write it as "where: expected …, found …; do this".
template <class... Args>
Error input_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::input, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
Error usage_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::usage, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
Error resource_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::resources, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
Error refused_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::refused, fmt::format(text, std::forward<Args>(args)...));
}
template <class... Args>
Error internal_error(fmt::format_string<Args...> text, Args&&... args) {
  return Error(Error::Kind::internal, fmt::format(text, std::forward<Args>(args)...));
}

/// 91226112 -> "91,226,112": byte counts and offsets are read by people.
std::string with_commas(std::int64_t value);

/// Text from a file or a model made safe to show: control characters, quotes and invalid UTF-8
/// become \xNN, and anything past `limit` characters becomes "…".
std::string escaped(std::string_view text, std::size_t limit = 200);

}  // namespace bantam
