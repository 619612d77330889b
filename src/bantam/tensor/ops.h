// Every op of the engine. Ops are free functions: they check, compute, and record their gradient
// (tape.h).
#pragma once

#include "bantam/tensor/ops/attention.h"
#include "bantam/tensor/ops/checkpoint.h"
#include "bantam/tensor/ops/cross_entropy.h"
#include "bantam/tensor/ops/decoder_step.h"
#include "bantam/tensor/ops/elementwise.h"
#include "bantam/tensor/ops/embedding.h"
#include "bantam/tensor/ops/layer_norm.h"
#include "bantam/tensor/ops/linear.h"
#include "bantam/tensor/ops/matmul.h"
#include "bantam/tensor/ops/paged_attention.h"
#include "bantam/tensor/ops/reduce.h"
#include "bantam/tensor/ops/rms_norm.h"
#include "bantam/tensor/ops/rope.h"
#include "bantam/tensor/ops/shape.h"
#include "bantam/tensor/ops/softmax.h"
#include "bantam/tensor/ops/swiglu.h"
