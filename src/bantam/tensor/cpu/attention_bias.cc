#include "bantam/tensor/cpu/attention_bias.h"

namespace bantam::cpu {

AttentionBias::Side::Side(const Tensor& table) {
  if (!table.defined()) return;
  data = table.data<float>();
  buckets = table.size(2);
  is_shared = table.size(0) == 1;
}

void AttentionBias::add(std::int32_t query, std::int64_t head, std::int32_t low, std::int32_t high,
                        float* scores) const {
  if (by_query_.present()) {
    const float* row = by_query_.data + place(by_query_, by_query_.row(query), head);
    for (std::int32_t key = low; key < high; ++key) scores[key - low] += row[bucket(query, key)];
  }
  if (by_key_.present()) {
    for (std::int32_t key = low; key < high; ++key) {
      const float* row = by_key_.data + place(by_key_, by_key_.row(key), head);
      scores[key - low] += row[bucket(query, key)];
    }
  }
}

void AttentionBias::add_in_order(std::int32_t query, std::int64_t head, std::int32_t distance,
                                 int count, float* scores) const {
  const float* row = by_query_.data + place(by_query_, by_query_.row(query), head);
  for (int i = 0; i < count; ++i) scores[i] += row[bias_.bucket(distance + i)];
}

void AttentionBias::add_gradients(std::int32_t query, std::int64_t head, std::int32_t low,
                                  std::int32_t high, const float* d_scores,
                                  BiasGradientRows by_query, BiasGradientRows by_key) const {
  if (by_query.data != nullptr) {
    float* row = by_query.data + place(by_query_, by_query_.row(query) - by_query.first, head);
    for (std::int32_t key = low; key < high; ++key) row[bucket(query, key)] += d_scores[key - low];
  }
  if (by_key.data != nullptr) {
    for (std::int32_t key = low; key < high; ++key) {
      float* row = by_key.data + place(by_key_, by_key_.row(key) - by_key.first, head);
      row[bucket(query, key)] += d_scores[key - low];
    }
  }
}

}  // namespace bantam::cpu
