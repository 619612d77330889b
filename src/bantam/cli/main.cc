#include <unistd.h>

#include <cstdio>
#include <string>
#include <vector>

#include "bantam/cli/commands.h"
#include "bantam/cli/program.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = bantam::run_program(bantam::all_commands(), words);
  // What could not be written was reported already; _exit keeps a failed stdout from being flushed
  // again. Idle threads of the team need no goodbye either.
  std::fflush(stderr);
  ::_exit(code);
}
