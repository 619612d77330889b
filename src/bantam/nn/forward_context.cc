#include "bantam/nn/forward_context.h"

#include <algorithm>

namespace bantam {

ForwardTables::ForwardTables(const DecoderConfig& config, const Batch& batch)
    : cache_rows(batch.cache_rows), source(batch.source), source_rows(batch.source_rows) {
  if (config.relative.buckets > 0) {
    relative = config.relative.bias(config.bidirectional, batch.plan);
  }
  if (config.disentangled.max_distance > 0) {
    distances.buckets = config.disentangled.rows();
    distances.least_distance = -static_cast<std::int32_t>(config.disentangled.max_distance);
    distances.query_positions = distances.key_positions = batch.plan.positions;
  }
  for (const RopePart& rope : config.ropes) ropes.push_back(rope.table(batch.plan));
  for (int layer = 0; layer < config.layers; ++layer) {
    const std::int64_t window = config.layer(layer).window;
    if (visible.contains(window)) continue;
    const Visibility& all = batch.plan.visibility;
    visible.emplace(window, window == 0            ? all
                            : config.bidirectional ? within_band(all, window)
                                                   : within_window(all, window));
  }
}

}  // namespace bantam
