#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bantam/cli/commands.h"
#include "bantam/cli/program.h"

namespace {

// Threads of the compute pool spin between loops. By default libgomp spins for milliseconds, and on
// a busy machine each spinning thread keeps the one it waits for off the core: decoding was seen to
// fall to a fortieth of its speed. A short spin costs nothing on an idle machine. libgomp reads the
// variable before main, so the program starts itself once more.
void limit_spinning(char** argv) {
  if (std::getenv("GOMP_SPINCOUNT") != nullptr || std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  ::setenv("GOMP_SPINCOUNT", "20000", 0);
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  if (length <= 0) return;  // without /proc the program goes on as it is
  path[length] = '\0';
  ::execv(path, argv);
}

}  // namespace

int main(int argc, char** argv) {
  limit_spinning(argv);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = bantam::run_program(bantam::all_commands(), words);
  // What could not be written was reported already; _exit keeps a failed stdout from being flushed
  // again. Idle threads of the compute pool need no goodbye either.
  std::fflush(stderr);
  ::_exit(code);
}
