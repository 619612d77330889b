// These models are so small that threads would only wait for each other; what depends on the number
// of threads sets it itself.
#include <gtest/gtest.h>

#include "bantam/base/threads.h"

namespace bantam {
namespace {

class OneThread final : public testing::Environment {
 public:
  void SetUp() override { set_thread_count(1); }
};

const testing::Environment* const one_thread = testing::AddGlobalTestEnvironment(new OneThread);

}  // namespace
}  // namespace bantam
