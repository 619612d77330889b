#include "bantam/cli/input_lines.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "bantam/base/error.h"

namespace bantam {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr std::size_t kLongestInput = std::size_t{64} << 20;

}  // namespace

bool InputLines::fill() {
  std::array<char, 4096> buffer;
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0 && errno == EINTR) return false;
  if (count < 0) throw input_error("standard input cannot be read (error {})", errno);
  if (count == 0) ended_ = true;
  held_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

InputLines::Result InputLines::next() {
  while (true) {
    if (const std::size_t end = held_.find('\n'); end != std::string::npos) {
      std::string line = held_.substr(0, end);
      held_.erase(0, end + 1);
      if (line.ends_with('\r')) line.pop_back();
      return {Outcome::line, std::move(line)};
    }
    if (ended_) {
      if (held_.empty()) return {Outcome::end, ""};
      return {Outcome::line, std::exchange(held_, {})};
    }
    if (held_.size() > kLongestLine) throw input_error("a line of input is longer than 1 MiB");
    if (!fill()) {
      held_.clear();
      return {Outcome::interrupted, ""};
    }
  }
}

bool InputLines::is_typed() { return ::isatty(STDIN_FILENO) == 1; }

std::string InputLines::rest() {
  while (!ended_) {
    if (held_.size() > kLongestInput) throw input_error("the input is longer than 64 MiB");
    if (!fill()) break;
  }
  return std::exchange(held_, {});
}

}  // namespace bantam
