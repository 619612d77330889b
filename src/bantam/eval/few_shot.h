// Solved examples in front of a question: the baseline that costs no training.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "bantam/data/row.h"
#include "bantam/data/task_template.h"

namespace bantam {

/// `count` solved rows, chosen by a seeded permutation with as many different labels as possible;
/// what stands in front of each question of a few-shot prompt. Texts longer than 400 bytes are
/// passed over.
std::string few_shot_prefix(const TaskTemplate& task, std::span<const Row> train, int count,
                            std::uint64_t seed);

}  // namespace bantam
