// One function a family; architecture.cc lists them.
#pragma once

#include "bantam/model/architecture.h"

namespace bantam {

const Architecture& llama_architecture();

}  // namespace bantam
