// Any text as adapter_config.json: a refusal, or ranks that a tensor can have.
#include <cstdlib>

#include "bantam/base/error.h"
#include "bantam/model/peft_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto adapter =
        bantam::parse_peft_config({reinterpret_cast<const char*>(data), size}, "fuzz");
    if (adapter.r < 1) std::abort();
    adapter.scale_of("base_model.model.model.layers.0.self_attn.q_proj");
  } catch (const bantam::Error&) {
  }
  return 0;
}
