#include "bantam/cli/terminal_progress.h"

#include <cmath>

#include "bantam/base/options.h"
#include "bantam/cli/chart.h"
#include "bantam/cli/layout.h"
#include "bantam/cli/terminal.h"

namespace bantam {

namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;
constexpr auto kLogEvery = 10s;
constexpr double kWorthKeeping = 1.0;  // seconds; shorter inner phases leave no line behind
constexpr std::size_t kMostLosses = 400;

double seconds_since(TerminalProgress::Clock::time_point start) {
  return std::chrono::duration<double>(TerminalProgress::Clock::now() - start).count();
}

std::string count(double value) {
  return value == std::round(value) && std::abs(value) < 1e15
             ? with_commas(static_cast<std::int64_t>(value))
             : fmt::format("{:.1f}", value);
}

std::string figure(double value) {
  if (!std::isfinite(value)) return fmt::format("{}", value);
  const double size = std::abs(value);
  if (size >= 1000 && size < 1e15) return with_commas(std::llround(value));
  if (size >= 0.001 || size == 0) return fmt::format("{:.4g}", value);
  return fmt::format("{:.1e}", value);
}

std::string clock_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(std::min(seconds, 1e9)));
  if (whole >= 3600)
    return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

TerminalProgress::TerminalProgress(Mode mode)
    : mode_(mode), unicode_(wants_unicode()), color_(wants_color(Stream::error)) {}

TerminalProgress::~TerminalProgress() { erase(); }

void TerminalProgress::begin(std::string_view title, double total, std::string_view unit) {
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  Phase phase;
  phase.title = title, phase.unit = unit, phase.total = total;
  phase.started = now, phase.drawn = now;
  phases_.push_back(std::move(phase));
  if (mode_ == Mode::live) draw(phases_.back());
}

void TerminalProgress::keep_loss(Phase& phase) {
  for (const auto& [name, value] : phase.figures) {
    if (name != "loss" || phase.losses_seen++ % phase.loss_stride != 0) continue;
    phase.losses.push_back(value);
    if (phase.losses.size() < kMostLosses) continue;
    for (std::size_t i = 0; i < kMostLosses / 2; ++i) phase.losses[i] = phase.losses[2 * i];
    phase.losses.resize(kMostLosses / 2);
    phase.loss_stride *= 2;
  }
}

void TerminalProgress::advance(double done,
                               const std::vector<std::pair<std::string, double>>& figures) {
  const std::lock_guard lock(mutex_);
  if (phases_.empty()) return;
  Phase& phase = phases_.back();
  // Work that starts far from zero was resumed: what it found done says nothing about its speed.
  if (!phase.advanced) phase.first_done = done > 0.1 * phase.total ? done : 0;
  phase.advanced = true;
  phase.done = done;
  if (!figures.empty()) phase.figures = figures;
  if (mode_ == Mode::quiet) return;
  if (!figures.empty()) keep_loss(phase);
  if (mode_ == Mode::live && Clock::now() - phase.drawn >= kRedraw) draw(phase);
  if (mode_ == Mode::lines && Clock::now() - phase.drawn >= kLogEvery) {
    phase.drawn = Clock::now();
    write_stderr(line(phase, false) + "\n");
  }
}

void TerminalProgress::end() {
  const std::lock_guard lock(mutex_);
  if (phases_.empty()) return;
  const Phase phase = std::move(phases_.back());
  phases_.pop_back();
  if (mode_ == Mode::quiet) return;
  erase();
  if (phases_.empty() || seconds_since(phase.started) >= kWorthKeeping) {
    write_stderr(line(phase, true) + "\n");
  }
}

void TerminalProgress::note(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (mode_ == Mode::quiet) return;
  erase();
  write_stderr(wrap(text, stream_width(Stream::error, 60, 100, 100), 2) + "\n");
  if (mode_ == Mode::live && !phases_.empty()) draw(phases_.back());
}

std::string TerminalProgress::line(const Phase& phase, bool last) const {
  const double elapsed = seconds_since(phase.started);
  const bool known = phase.total > 0;
  std::string out = bold(phase.title, color_);
  if (!last && known && mode_ == Mode::live) {
    out += "  " + bar(phase.done / phase.total, 20, unicode_);
  }
  if (phase.advanced || known) {
    out += "  " + count(phase.done);
    if (known && !(last && phase.done >= phase.total)) out += "/" + count(phase.total);
    if (!phase.unit.empty()) out += " " + phase.unit;
  }
  const double fresh = phase.done - phase.first_done;
  if (last) {
    out += (unicode_ ? "  · " : "  in ") + format_duration(elapsed);
  } else if (known && fresh > 0 && elapsed > 1) {
    out += "  " + clock_text(elapsed * (phase.total - phase.done) / fresh) + " left";
  } else if (elapsed > 1) {
    out += "  " + clock_text(elapsed);
  }
  for (const auto& [name, value] : phase.figures)
    out += fmt::format("  {} {}", name, figure(value));
  if (phase.losses.size() > 1) out += "  " + sparkline(phase.losses, 24, unicode_);
  return out;
}

void TerminalProgress::draw(Phase& phase) {
  phase.drawn = Clock::now();
  const int width = stream_width(Stream::error, 20, 400, 100) - 1;
  std::string text = line(phase, false);
  if (display_width(text) > width) {
    // Colour codes do not survive cutting, so the long line goes without.
    if (color_ && text.starts_with("\x1b[1m"))
      text = phase.title + text.substr(text.find("\x1b[0m") + 4);
    text = cut(text, width);
  }
  write_stderr("\r\x1b[K" + text);
  line_shown_ = true;
}

void TerminalProgress::erase() {
  if (line_shown_) write_stderr("\r\x1b[K");
  line_shown_ = false;
}

}  // namespace bantam
