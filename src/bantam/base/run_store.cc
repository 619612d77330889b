#include "bantam/base/run_store.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <ctime>
#include <mutex>
#include <random>
#include <thread>

#include "bantam/base/database.h"
#include "bantam/base/error.h"
#include "bantam/base/threads.h"
#include "bantam/base/version.h"

namespace bantam {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS runs (
  id TEXT PRIMARY KEY, command TEXT, name TEXT, config TEXT, seed INTEGER, versions TEXT, device TEXT,
  started REAL, ended REAL, status TEXT, parent TEXT, process INTEGER);
CREATE TABLE IF NOT EXISTS metrics (run TEXT, step INTEGER, time REAL, name TEXT, value REAL);
CREATE INDEX IF NOT EXISTS metrics_by_run ON metrics(run, name, step);
CREATE TABLE IF NOT EXISTS files (run TEXT, path TEXT, sha256 TEXT, kind TEXT);
CREATE INDEX IF NOT EXISTS files_by_run ON files(run);
CREATE TABLE IF NOT EXISTS rows (run TEXT, json TEXT);
CREATE INDEX IF NOT EXISTS rows_by_run ON rows(run);
)sql";

constexpr const char* kColumns =
    "id, command, name, config, seed, versions, device, started, ended, status, parent, process";

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// "20261124-2315-tune-3f2a": sorts by time, says what it was; the random end keeps two runs of one
// minute apart.
std::string make_id(std::string_view command) {
  const std::time_t time = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&time, &utc);
  std::string word;
  for (const char c : command) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    word += plain ? c : '-';
  }
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}-{}-{:04x}", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, word.empty() ? "run" : word,
                     std::random_device{}() & 0xffff);
}

// One that no run has. Within a transaction, so that no other process takes it meanwhile.
std::string unused_id(Database& database, std::string_view command) {
  for (;;) {
    std::string id = make_id(command);
    Statement same = database.prepare("SELECT 1 FROM runs WHERE id = ?");
    same.bind(id);
    if (!same.step()) return id;
  }
}

RunRecord record_of(const Statement& row) {
  RunRecord out;
  out.id = row.text(0), out.command = row.text(1), out.name = row.text(2);
  try {
    out.config = parse_json(row.text(3));
  } catch (const Error&) {
    out.config = Json::object();  // a damaged cell must not hide the run
  }
  out.seed = row.integer(4), out.version = row.text(5), out.device = row.text(6);
  out.started = row.real(7), out.ended = row.real(8), out.status = row.text(9);
  out.parent = row.text(10);
  // A killed process could not write its end.
  const auto process = static_cast<pid_t>(row.integer(11));
  if (out.status == "running" && process > 0 && ::kill(process, 0) != 0 && errno == ESRCH) {
    out.status = "interrupted";
  }
  return out;
}

void move_aside(const Path& path) {
  Path aside;
  for (int n = 1; aside.empty() || std::filesystem::exists(aside); ++n) {
    aside = path.string() + fmt::format(".damaged-{}", n);
  }
  std::filesystem::rename(path, aside);
  for (const char* suffix : {"-wal", "-shm"}) {
    std::error_code ignored;
    std::filesystem::rename(path.string() + suffix, aside.string() + suffix, ignored);
  }
}

std::unique_ptr<Database> open_once(const Path& path) {
  auto database = std::make_unique<Database>(path);
  database->run(
      "BEGIN IMMEDIATE");  // CREATE alone may fail at once when a reader has to become a writer
  database->run(kSchema);
  database->run("COMMIT");
  constexpr std::uintmax_t kQuicklyChecked = std::uintmax_t{8} << 20;
  std::error_code failed;
  const std::uintmax_t size = path.empty() ? 0 : std::filesystem::file_size(path, failed);
  if (!failed && size > 0 && size <= kQuicklyChecked) {
    Statement check = database->prepare("PRAGMA quick_check(1)");
    if (check.step() && check.text(0) != "ok") throw DatabaseError(11, check.text(0));
  }
  return database;
}

// SQLite does not wait for others while a new file is switched to WAL, so the first processes of a
// new home try again.
std::unique_ptr<Database> open_database(const Path& path) {
  constexpr int kTries = 200;
  for (int attempt = 1;; ++attempt) {
    try {
      return open_once(path);
    } catch (const DatabaseError& error) {
      if (!error.busy() || attempt == kTries) throw;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
}

// Shared by the store and its runs, so that a run may outlive the store.
struct StoreState {
  Path home;
  std::mutex mutex;
  std::unique_ptr<Database> database;
  std::string warning;

  Path path() const { return home / "runs.sqlite"; }

  // A store that cannot be used never stops work: the run is kept in memory only, and the reason is
  // told.
  void open() {
    try {
      std::filesystem::create_directories(home);
      try {
        database = open_database(path());
        return;
      } catch (const DatabaseError& error) {
        if (!error.damaged()) throw;
        database.reset();
        move_aside(path());
        warning = fmt::format("{}: was damaged ({}); moved aside, a new one was begun",
                              escaped(path().native()), error.what());
      }
      database = open_database(path());
    } catch (const std::exception& error) {
      warning =
          fmt::format("{}: this run is not recorded: {}", escaped(path().native()), error.what());
      database = open_database({});
    }
  }

  // All changes go through here: one transaction, failure becomes a warning.
  template <class Change>
  bool change(Change&& body) {
    const std::lock_guard lock(mutex);
    try {
      database->run("BEGIN IMMEDIATE");
      try {
        body(*database);
        database->run("COMMIT");
        return true;
      } catch (...) {
        database->run("ROLLBACK");
        throw;
      }
    } catch (const DatabaseError& error) {
      warning = fmt::format("{}: could not record: {}", escaped(path().native()), error.what());
      return false;
    }
  }

  template <class Read>
  auto read(Read&& body) {
    const std::lock_guard lock(mutex);
    try {
      return body(*database);
    } catch (const DatabaseError& error) {
      throw input_error("{}: cannot be read: {}", escaped(path().native()), error.what());
    }
  }
};

}  // namespace

struct RunStore::Impl : StoreState {};

struct Run::Impl {
  std::shared_ptr<StoreState> store;
  std::string id;
  std::vector<MetricRecord> waiting;
  Clock::time_point committed = Clock::now();
  bool finished = false;

  void commit() {
    committed = Clock::now();
    if (waiting.empty()) return;
    store->change([&](Database& database) {
      Statement insert = database.prepare("INSERT INTO metrics VALUES (?,?,?,?,?)");
      for (const MetricRecord& metric : waiting) {
        insert.bind(id).bind(metric.step).bind(metric.time).bind(metric.name).bind(metric.value);
        insert.run();
        insert.reset();
      }
    });
    waiting.clear();
  }

  void finish(std::string_view status) {
    if (finished) return;
    finished = true;
    commit();
    store->change([&](Database& database) {
      database.prepare("UPDATE runs SET ended = ?, status = ? WHERE id = ?")
          .bind(now())
          .bind(status)
          .bind(id)
          .run();
    });
  }
};

Run::Run(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Run::Run(Run&&) noexcept = default;

Run::~Run() {
  if (!impl_) return;
  try {
    impl_->finish("failed");
  } catch (const std::exception&) {  // nobody is left to tell
  }
}

const std::string& Run::id() const { return impl_->id; }

Path Run::folder() const {
  const Path folder = impl_->store->home / "runs" / impl_->id;
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) {
    throw resource_error("{}: cannot make the folder: {}", escaped(folder.native()),
                         failed.message());
  }
  return folder;
}

void Run::log(std::int64_t step, std::string_view name, double value) {
  impl_->waiting.push_back(
      {step, now(), std::string(name), std::isfinite(value) ? std::optional(value) : std::nullopt});
  if (Clock::now() - impl_->committed >= std::chrono::seconds(1)) impl_->commit();
}

void Run::add_file(const Path& path, std::string_view kind) {
  const std::string hash = sha256_of_file(path);
  impl_->store->change([&](Database& database) {
    database.prepare("INSERT INTO files VALUES (?,?,?,?)")
        .bind(impl_->id)
        .bind(std::filesystem::absolute(path).string())
        .bind(hash)
        .bind(kind)
        .run();
  });
}

void Run::add_row(const Json& row) {
  impl_->store->change([&](Database& database) {
    database.prepare("INSERT INTO rows VALUES (?,?)").bind(impl_->id).bind(dump_json(row)).run();
  });
}

void Run::finish(std::string_view status) { impl_->finish(status); }

RunStore::RunStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
RunStore::~RunStore() = default;

std::shared_ptr<RunStore> RunStore::open(const Path& home) {
  auto impl = std::make_unique<Impl>();
  impl->home = home;
  impl->open();
  return std::shared_ptr<RunStore>(new RunStore(std::move(impl)));
}

Run RunStore::start(std::string_view command, const Json& config, std::int64_t seed,
                    std::string_view name, std::string_view parent) {
  auto run = std::make_unique<Run::Impl>();
  run->store = impl_;
  const std::string device = fmt::format("cpu, {} threads", thread_count());
  run->id = make_id(command);  // should it not be recorded
  impl_->change([&](Database& database) {
    run->id = unused_id(database, command);
    database
        .prepare(fmt::format("INSERT INTO runs ({}) VALUES (?,?,?,?,?,?,?,?,NULL,?,?,?)", kColumns))
        .bind(run->id)
        .bind(command)
        .bind(name)
        .bind(dump_json(config))
        .bind(seed)
        .bind(version())
        .bind(device)
        .bind(now())
        .bind("running")
        .bind(parent)
        .bind(std::int64_t{::getpid()})
        .run();
  });
  return Run(std::move(run));
}

std::vector<RunRecord> RunStore::list(int limit) const {
  return impl_->read([&](Database& database) {
    Statement rows = database.prepare(
        fmt::format("SELECT {} FROM runs ORDER BY started DESC, id DESC LIMIT ?", kColumns));
    rows.bind(std::int64_t{limit});
    std::vector<RunRecord> out;
    while (rows.step()) out.push_back(record_of(rows));
    return out;
  });
}

RunRecord RunStore::get(std::string_view id) const {
  auto found = impl_->read([&](Database& database) {
    // substr, not LIKE: an id given by a person may hold % or _.
    Statement rows = database.prepare(fmt::format(
        "SELECT {} FROM runs WHERE substr(id, 1, length(?)) = ? ORDER BY id LIMIT 6", kColumns));
    rows.bind(id).bind(id);
    std::vector<RunRecord> out;
    while (rows.step()) {
      out.push_back(record_of(rows));
      if (out.back().id == id) return std::vector<RunRecord>{out.back()};
    }
    return out;
  });
  if (found.empty() || id.empty()) {
    throw input_error("no run has an id that begins with '{}'; `bantam runs list` shows them",
                      escaped(id, 60));
  }
  if (found.size() > 1) {
    throw input_error("'{}' fits several runs, such as {} and {}; give more of the id",
                      escaped(id, 60), found[0].id, found[1].id);
  }
  return found[0];
}

std::vector<MetricRecord> RunStore::metrics(std::string_view id, std::string_view name) const {
  return impl_->read([&](Database& database) {
    Statement rows = database.prepare(
        "SELECT step, time, name, value FROM metrics WHERE run = ? AND (? = '' OR name = ?) "
        "ORDER BY name, step, time");
    rows.bind(id).bind(name).bind(name);
    std::vector<MetricRecord> out;
    while (rows.step()) {
      out.push_back({rows.integer(0), rows.real(1), rows.text(2),
                     rows.is_null(3) ? std::nullopt : std::optional(rows.real(3))});
    }
    return out;
  });
}

std::vector<FileRecord> RunStore::files(std::string_view id) const {
  return impl_->read([&](Database& database) {
    Statement rows =
        database.prepare("SELECT path, sha256, kind FROM files WHERE run = ? ORDER BY rowid");
    rows.bind(id);
    std::vector<FileRecord> out;
    while (rows.step()) out.push_back({rows.text(0), rows.text(1), rows.text(2)});
    return out;
  });
}

std::vector<Json> RunStore::rows(std::string_view id) const {
  return impl_->read([&](Database& database) {
    Statement rows = database.prepare("SELECT json FROM rows WHERE run = ? ORDER BY rowid");
    rows.bind(id);
    std::vector<Json> out;
    while (rows.step()) out.push_back(parse_json(rows.text(0)));
    return out;
  });
}

const std::string& RunStore::warning() const { return impl_->warning; }

}  // namespace bantam
