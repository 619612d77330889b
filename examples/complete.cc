// Loads a model and completes a prompt, streaming.   example_complete [MODEL] [PROMPT]
#include <cstdio>
#include <string>

#include "bantam/base/error.h"
#include "bantam/generate/generator.h"
#include "bantam/model/load_model.h"

int main(int argc, char** argv) {
  try {
    bantam::Generator generator(
        bantam::load_model(argc > 1 ? argv[1] : ""));  // "" is the default model
    bantam::Request request;
    request.prompt = generator.encode_prompt(argc > 2 ? argv[2] : "The three primary colors are");
    request.options.decode = "greedy";
    request.options.max_tokens = 24;
    bantam::GenerateHooks hooks;
    hooks.on_text = [](std::size_t, int, std::string_view piece) {
      std::printf("%.*s", static_cast<int>(piece.size()), piece.data());
      std::fflush(stdout);
    };
    const auto completions = generator.generate({&request, 1}, hooks);
    std::printf("\n(%zu tokens)\n", completions.front().choices.front().tokens.size());
    return 0;
  } catch (const bantam::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
}
