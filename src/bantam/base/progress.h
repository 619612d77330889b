// Progress of long work, as events that `cli` draws: the library never prints.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bantam {

/// Receives what long work reports. Every call is cheap; drawing at a sensible rate is the
/// receiver's business.
class ProgressSink {
 public:
  virtual ~ProgressSink() = default;
  /// A phase with a known or unknown (0) number of units begins, such as ("Scoring test rows", 689,
  /// "rows").
  virtual void begin(std::string_view title, double total, std::string_view unit) = 0;
  /// `done` units are finished; `figures` are live values to show, such as {"loss", 0.41}.
  virtual void advance(double done,
                       const std::vector<std::pair<std::string, double>>& figures = {}) = 0;
  virtual void end() = 0;
  /// A sentence worth reading: a warning, a decision with its reason.
  virtual void note(std::string_view text) = 0;
};

/// Swallows everything; the default of every option struct with a `progress` field.
ProgressSink& silent_progress();

/// begin() now, end() when the scope is left, by exception too.
class ProgressPhase {
 public:
  ProgressPhase(ProgressSink& sink, std::string_view title, double total, std::string_view unit)
      : sink_(sink) {
    sink_.begin(title, total, unit);
  }
  ~ProgressPhase() { sink_.end(); }
  ProgressPhase(const ProgressPhase&) = delete;
  ProgressPhase& operator=(const ProgressPhase&) = delete;
  void advance(double done, const std::vector<std::pair<std::string, double>>& figures = {}) {
    sink_.advance(done, figures);
  }

 private:
  ProgressSink& sink_;
};

/// Asked between steps of long work; set by the handlers of SIGINT and SIGTERM that `cli` installs.
struct Interrupt {
  static void request(int signal) noexcept;
  /// 0, or the number of the signal that asked to stop.
  static int requested() noexcept;
  static void reset() noexcept;
};

/// Thrown by work that stopped in order because of Interrupt; exit code 128 + signal.
class Interrupted : public std::exception {
 public:
  explicit Interrupted(int signal, std::string text) : signal_(signal), text_(std::move(text)) {}
  int signal() const { return signal_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  int signal_;
  std::string text_;
};

}  // namespace bantam
