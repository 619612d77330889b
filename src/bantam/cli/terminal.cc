#include "bantam/cli/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "bantam/base/error.h"

namespace bantam {

namespace {

std::string_view variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

[[noreturn]] void stdout_failed() {
  throw resource_error("standard output: cannot write: {}", std::generic_category().message(errno));
}

}  // namespace

bool is_terminal(Stream stream) { return ::isatty(static_cast<int>(stream)) == 1; }

bool can_redraw(Stream stream) { return is_terminal(stream) && variable("TERM") != "dumb"; }

bool wants_color(Stream stream) {
  const std::string_view forced = variable("CLICOLOR_FORCE");
  if (!forced.empty() && forced != "0") return true;
  return can_redraw(stream) && variable("NO_COLOR").empty();
}

bool wants_unicode() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const std::string_view value = variable(name);
    if (value.empty()) continue;
    return value.find("UTF-8") != value.npos || value.find("utf8") != value.npos ||
           value.find("utf-8") != value.npos || value.find("UTF8") != value.npos;
  }
  return false;
}

int stream_width(Stream stream, int least, int most, int otherwise) {
  int width = otherwise;
  winsize size{};
  const std::string_view columns = variable("COLUMNS");
  int given = 0;
  const auto [end, code] = std::from_chars(columns.data(), columns.data() + columns.size(), given);
  if (!columns.empty() && code == std::errc{} && end == columns.data() + columns.size()) {
    width = given;
  } else if (is_terminal(stream) && ::ioctl(static_cast<int>(stream), TIOCGWINSZ, &size) == 0 &&
             size.ws_col > 0) {
    width = size.ws_col;
  }
  return std::clamp(width, least, most);
}

void write_stdout(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) stdout_failed();
}

void flush_stdout() {
  if (std::fflush(stdout) != 0) stdout_failed();
}

void write_stderr(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::string bold(std::string_view text, bool on) {
  return on ? fmt::format("\x1b[1m{}\x1b[0m", text) : std::string(text);
}

std::string faint(std::string_view text, bool on) {
  return on ? fmt::format("\x1b[2m{}\x1b[0m", text) : std::string(text);
}

}  // namespace bantam
