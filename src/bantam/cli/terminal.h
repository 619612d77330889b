// The two output streams: whether they are terminals, how wide, and writing to stdout with its
// failures seen.
#pragma once

#include <string>
#include <string_view>

namespace bantam {

enum class Stream { out = 1, error = 2 };

bool is_terminal(Stream stream);
/// A terminal that can redraw a line (not TERM=dumb).
bool can_redraw(Stream stream);
/// A terminal and NO_COLOR unset, or CLICOLOR_FORCE set.
bool wants_color(Stream stream);
/// The locale of the environment writes UTF-8, so bars and curves may use block characters.
bool wants_unicode();
/// Columns within [least, most]; COLUMNS overrules the terminal; `otherwise` when it is neither.
int stream_width(Stream stream, int least, int most, int otherwise);

/// Throws Error(resources) when stdout is closed or full.
void write_stdout(std::string_view text);
void flush_stdout();
/// Failures are ignored: there is nowhere left to report them.
void write_stderr(std::string_view text);

/// "\x1b[1m…\x1b[0m" when `on`.
std::string bold(std::string_view text, bool on);
std::string faint(std::string_view text, bool on);

}  // namespace bantam
