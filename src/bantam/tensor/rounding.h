// How products with quantized weights round their factors.
#pragma once

namespace bantam {

/// How linear() rounds where the weight is quantized, which is what answering and training over a
/// quantized model are fast by. In each a row has the same bits however many rows there are.
enum class Rounding {
  none,
  rows,  ///< x to 8 bits, in groups of 32 features, each with its own scale; products are integers
  /// For long runs of rows, such as the tokens of a prompt: x and the weight to bf16 where the CPU
  /// has AMX, which is closer and twice as fast; as `rows` on other CPUs.
  passage,
  /// As `passage`; and where the CPU has AMX, all other large products are formed in bf16 too, as
  /// MatmulPrecision says.
  training,
};

}  // namespace bantam
