#include "bantam/tensor/cpu/attention_bias.h"

namespace bantam::cpu {

AttentionBias::Side::Side(const Tensor& table) {
  if (!table.defined()) return;
  data = table.data<float>();
  buckets = table.size(2);
  is_shared = table.size(0) == 1;
}

AttentionBias::AttentionBias(const RelativeBias& bias, std::int64_t heads)
    : bias_(bias), heads_(heads), by_query_(bias.by_query), by_key_(bias.by_key) {
  if (!by_query_.is_shared) return;
  for (std::int64_t head = 0; head < heads; ++head) {
    const float* row = by_query_.data + place(by_query_, 0, head);
    for (const std::int32_t bucket : bias.buckets) shared_.push_back(row[bucket]);
  }
}

// Distances below and above those listed have the number at either end.
void AttentionBias::add_shared(std::int64_t head, std::int32_t distance, std::int32_t count,
                               float* scores) const {
  const float* by_distance = shared_by_distance(head);
  const auto listed = static_cast<std::int32_t>(bias_.buckets.size());
  const std::int32_t first = distance - bias_.least_distance;
  const std::int32_t begin = std::clamp(-first, 0, count);
  const std::int32_t end = std::clamp(listed - first, begin, count);
  for (std::int32_t i = 0; i < begin; ++i) scores[i] += by_distance[0];
  for (std::int32_t i = begin; i < end; ++i) scores[i] += by_distance[first + i];
  for (std::int32_t i = end; i < count; ++i) scores[i] += by_distance[listed - 1];
}

void AttentionBias::add_in_order(std::int32_t query, std::int64_t head, std::int32_t distance,
                                 std::int32_t count, float* scores) const {
  if (by_query_.is_shared) return add_shared(head, distance, count, scores);
  const float* row = by_query_.data + place(by_query_, query, head);
  for (std::int32_t i = 0; i < count; ++i) scores[i] += row[bias_.bucket(distance + i)];
}

void AttentionBias::add(std::int32_t query, std::int64_t head, std::int32_t low, std::int32_t high,
                        float* scores) const {
  if (by_query_.present()) {
    // Keys of one text have consecutive positions.
    for (std::int32_t key = low, next = low; key < high; key = next) {
      const std::int32_t first = distance(query, key);
      for (next = key + 1; next < high && distance(query, next) == first + (next - key);) ++next;
      add_in_order(query, head, first, next - key, scores + (key - low));
    }
  }
  if (by_key_.present()) {
    for (std::int32_t key = low; key < high; ++key) {
      const float* row = by_key_.data + place(by_key_, by_key_.row(key), head);
      scores[key - low] += row[bias_.bucket(distance(query, key))];
    }
  }
}

void AttentionBias::add_gradients(std::int32_t query, std::int64_t head, std::int32_t low,
                                  std::int32_t high, const float* d_scores,
                                  BiasGradientRows by_query, BiasGradientRows by_key) const {
  if (by_query.data != nullptr) {
    float* row = by_query.data + place(by_query_, by_query_.row(query) - by_query.first, head);
    for (std::int32_t key = low; key < high; ++key) {
      row[bias_.bucket(distance(query, key))] += d_scores[key - low];
    }
  }
  if (by_key.data != nullptr) {
    for (std::int32_t key = low; key < high; ++key) {
      float* row = by_key.data + place(by_key_, by_key_.row(key) - by_key.first, head);
      row[bias_.bucket(distance(query, key))] += d_scores[key - low];
    }
  }
}

}  // namespace bantam::cpu
