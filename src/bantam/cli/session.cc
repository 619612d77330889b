#include "bantam/cli/session.h"

#include "bantam/cli/terminal.h"

namespace bantam {

bool Session::color() const { return wants_color(Stream::out); }
int Session::width() const { return stream_width(Stream::out, 60, 200, 100); }

void Session::print(std::string_view text) { write_stdout(text); }
void Session::print(const Table& table) { write_stdout(table.text(width(), color())); }
void Session::flush() { flush_stdout(); }
void Session::result(const Json& value) { write_stdout(dump_json(value, 2) + "\n"); }
void Session::event(const Json& value) {
  write_stdout(dump_json(value) + "\n");
  flush_stdout();
}

}  // namespace bantam
