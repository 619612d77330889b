#include "bantam/base/subprocess.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "bantam/base/error.h"
#include "bantam/base/files.h"
#include "bantam/base/system_error.h"

extern char** environ;

namespace bantam {

namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) {
      throw system_error(errno, "pipe", "open", Error::Kind::resources);
    }
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_end(std::size_t which) {
    if (ends_[which] >= 0) ::close(ends_[which]);
    ends_[which] = -1;
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

// The child leads its own group, so that a timeout also ends what it started; it reads an empty
// input.
pid_t spawn(const std::vector<std::string>& command, const std::string& package, Pipe& output,
            Pipe& error) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, output.write_end(), 1);
  posix_spawn_file_actions_adddup2(&files, error.write_end(), 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);  // ignored by us, expected by most programs
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);

  pid_t child = -1;
  const int code = ::posix_spawnp(&child, words[0], &files, &attributes, words.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&files);
  if (code == ENOENT) {
    throw refused_error("{}: program not found; install the Debian package '{}'",
                        escaped(command[0]), package);
  }
  if (code != 0) throw system_error(code, command[0], "start", Error::Kind::refused);
  output.close_end(1);
  error.close_end(1);
  return child;
}

// Reads what is there; false at the end of the stream.
bool drain(int descriptor, std::string& into, std::size_t limit) {
  std::array<char, 65536> buffer;
  const ssize_t count = ::read(descriptor, buffer.data(), buffer.size());
  if (count < 0) return errno == EINTR || errno == EAGAIN;
  const std::size_t room = limit - into.size();
  into.append(buffer.data(), std::min(static_cast<std::size_t>(count), room));
  return count > 0;
}

// Both streams until they end; false when `deadline` came first.
bool collect(Pipe& output, Pipe& error, ProcessResult& result, Clock::time_point deadline,
             std::size_t limit) {
  std::array<pollfd, 2> streams = {{{output.read_end(), POLLIN, 0}, {error.read_end(), POLLIN, 0}}};
  while (streams[0].fd >= 0 || streams[1].fd >= 0) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    ::poll(streams.data(), streams.size(), static_cast<int>(std::min<long>(left.count(), 1000)));
    if (streams[0].revents && !drain(streams[0].fd, result.output, limit)) streams[0].fd = -1;
    if (streams[1].revents && !drain(streams[1].fd, result.error, limit)) streams[1].fd = -1;
  }
  return true;
}

bool ended(pid_t child, int options, int& status) {
  pid_t got;
  do {
    got = ::waitpid(child, &status, options);
  } while (got < 0 && errno == EINTR);
  return got == child;
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& command,
                          const std::string& debian_package, double timeout_seconds,
                          std::size_t most_captured) {
  if (command.empty()) throw internal_error("run_process: expected a program, found no words");
  Pipe output, error;
  const pid_t child = spawn(command, debian_package, output, error);
  ProcessResult result;
  const auto deadline =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double>(std::min(timeout_seconds, 1e9)));
  int status = 0;
  const bool finished = collect(output, error, result, deadline, most_captured);
  // A child may close its streams and live on: it too has only until the deadline.
  bool reaped = false;
  while (finished && !(reaped = ended(child, WNOHANG, status)) && Clock::now() < deadline) {
    ::usleep(2000);
  }
  if (!reaped) {
    ::kill(-child, SIGKILL);
    ended(child, 0, status);
    result.error += fmt::format("\n{}: stopped after {} seconds", command[0], timeout_seconds);
  }
  result.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace bantam
