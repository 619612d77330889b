// SQLite with owned handles. Private to base: the run store is its user.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bantam/base/files.h"

struct sqlite3;
struct sqlite3_stmt;

namespace bantam {

/// What SQLite said. Not an Error: the run store decides whether work may go on without it.
class DatabaseError : public std::runtime_error {
 public:
  DatabaseError(int code, const std::string& text) : std::runtime_error(text), code_(code) {}
  /// The file is not a database, or parts of it are unreadable.
  bool damaged() const;
  /// Another process holds the file; trying again may work.
  bool busy() const;

 private:
  int code_;
};

/// A prepared statement; values are bound in order, columns are read by position.
class Statement {
 public:
  Statement(sqlite3* database, std::string_view sql);
  Statement& bind(std::string_view value);
  Statement& bind(std::int64_t value);
  Statement& bind(double value);
  Statement& bind(std::optional<double> value);
  /// True while there is a row.
  bool step();
  void run();
  /// Ready for the next set of values.
  void reset();

  std::string text(int column) const;
  std::int64_t integer(int column) const;
  double real(int column) const;
  bool is_null(int column) const;

 private:
  [[noreturn]] void fail(int code) const;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

class Database {
 public:
  /// WAL, waits up to 10 s for other processes. An empty path opens a database that lives in
  /// memory.
  explicit Database(const Path& path);
  void run(const char* sql);
  Statement prepare(std::string_view sql) { return Statement(handle_.get(), sql); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  std::unique_ptr<sqlite3, Close> handle_;
};

}  // namespace bantam
