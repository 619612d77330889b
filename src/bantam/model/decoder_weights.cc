#include "bantam/model/decoder_weights.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <set>

#include "bantam/base/error.h"
#include "bantam/model/weight_layout.h"
#include "bantam/tensor/ops.h"
#include "bantam/tensor/quant/quantize.h"

namespace bantam {
namespace {

bool same_bytes(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() &&
         std::memcmp(a.bytes(), b.bytes(), a.byte_size()) == 0;
}

bool is_rotated(std::string_view site) {
  return site.ends_with("attn.q.weight") || site.ends_with("attn.k.weight");
}

std::int64_t rotated_heads(const DecoderConfig& config, std::string_view site, int layer) {
  const LayerPart part = config.layer(layer);
  return site.ends_with("q.weight") ? part.heads : part.kv_heads;
}

bool is_norm(std::string_view site) { return site.find("norm.") != std::string_view::npos; }

constexpr std::string_view kPositions = "positions.weight";

bool is_row_by_row(std::string_view site, std::string_view in_file) {
  return site.find('@') == std::string_view::npos && in_file.find('@') != std::string_view::npos;
}

std::string_view file_name(const WeightName& name, WeightNaming naming) {
  return naming == WeightNaming::hf ? name.hf : name.gguf;
}

std::string without_suffix(std::string_view text) {
  return std::string(text.substr(0, text.rfind('.')));
}

// Finds tensors by site, and remembers what was missing and what was used.
class Reader {
 public:
  Reader(const WeightSource& source, WeightNaming naming, const Architecture& architecture,
         const DecoderConfig& config)
      : source_(source), naming_(naming), architecture_(architecture), config_(config) {
    const std::string_view first = file_name(architecture.weight("embed.weight"), naming);
    lacks_prefix_ = naming == WeightNaming::hf && !source.has(first) &&
                    first.starts_with(architecture.hf_prefix) &&
                    source.has(first.substr(architecture.hf_prefix.size()));
  }

  /// Names the stack that patterns are of from now on: "" or "encoder.".
  void enter_stack(std::string prefix) { prefix_ = std::move(prefix); }

  std::string site(std::string_view pattern, int layer) const {
    return with_layer(prefix_ + std::string(pattern), layer);
  }

  /// Undefined for a site that the family or, where it may, the file lacks.
  Tensor weight(std::string_view pattern, int layer = 0, int expert = 0) {
    const WeightName* entry = find(pattern);
    if (entry == nullptr) return {};
    if (lies_row_by_row(*entry)) return from_rows(*entry, layer);
    const std::string name =
        spelled_in_file(name_in_file(file_name(*entry, naming_), layer, expert));
    if (!source_.has(name)) {
      if (!entry->optional) missing_.push_back(name);
      return {};
    }
    return from_file(*entry, name, layer, expert);
  }

  /// For small weights that ops read in f32 only.
  Tensor weight_in_f32(std::string_view pattern) { return in_f32(weight(pattern)); }

  LinearLayer linear(std::string_view pattern, int layer = 0, int expert = 0) {
    LinearLayer out;
    out.site = with_expert(site(pattern, layer), expert);
    const std::string weight_pattern = std::string(pattern) + ".weight";
    out.weight = weight(weight_pattern, layer, expert);
    out.bias = bias(weight_pattern, layer, expert);
    return out;
  }

  NormLayer norm(std::string_view pattern, int layer = 0, int expert = 0) {
    const std::string weight_pattern = std::string(pattern) + ".weight";
    NormLayer out{
        with_expert(site(pattern, layer), expert), weight(weight_pattern, layer, expert), {}};
    if (out.present()) out.bias = bias(weight_pattern, layer, expert);
    // Norms and biases are read by every op in f32; they are tiny.
    out.weight = in_f32(out.weight);
    if (out.present() && from_one()) out.weight = add_scalar(out.weight, 1);
    return out;
  }

  /// Its weight has three axes, which no quantized type keeps.
  ConvolutionLayer convolution() {
    constexpr std::string_view kWeight = "convolution.weight";
    return {"convolution", weight_in_f32(kWeight), bias(kWeight, 0, 0), norm("convolution_norm")};
  }

  FeedForwardLayer feed_forward(const std::string& pattern, int layer, int expert = 0) {
    FeedForwardLayer out;
    out.site = with_expert(site(pattern, layer), expert);
    out.gate = linear(pattern + ".gate", layer, expert);
    out.up = linear(pattern + ".up", layer, expert);
    out.down = linear(pattern + ".down", layer, expert);
    return out;
  }

  void finish(std::vector<std::string>& warnings) const {
    if (!missing_.empty()) {
      std::string names;
      for (std::size_t i = 0; i < std::min<std::size_t>(missing_.size(), 5); ++i) {
        names += (i == 0 ? "" : ", ") + missing_[i];
      }
      throw input_error(
          "{}: {} tensors are missing: {}{}; the file is incomplete or of another family",
          source_.description(), missing_.size(), names, missing_.size() > 5 ? ", …" : "");
    }
    std::vector<std::string> extra;
    for (const WeightInfo& info : source_.weights()) {
      if (!used_.contains(info.name) && !is_known_extra(info.name)) {
        extra.push_back(escaped(info.name));
      }
    }
    if (extra.empty()) return;
    warnings.push_back(
        fmt::format("{}: {} tensors are not part of the {} family and were left out, first: {}",
                    source_.description(), extra.size(), architecture_.name, extra.front()));
  }

 private:
  const WeightName* find(std::string_view pattern) const {
    return architecture_.find_weight(prefix_ + std::string(pattern));
  }

  bool lies_row_by_row(const WeightName& entry) const {
    return is_row_by_row(entry.site, file_name(entry, naming_));
  }

  // As many as the file has: shapes are checked with the whole model.
  Tensor from_rows(const WeightName& entry, int layer) {
    std::vector<Tensor> rows;
    const auto name = [&] {
      return name_in_file(file_name(entry, naming_), layer, static_cast<int>(rows.size()));
    };
    while (source_.has(name())) rows.push_back(from_file(entry, name(), layer, 0));
    if (!rows.empty()) return stacked(rows);
    if (!entry.optional) missing_.push_back(name());
    return {};
  }

  bool from_one() const { return naming_ == WeightNaming::hf && architecture_.hf_norms_from_one; }

  // Rotations are read with the configuration; a tied head is the embedding once more.
  bool is_known_extra(std::string_view name) const {
    const WeightName* head = architecture_.find_weight("head.weight");
    const bool is_head = config_.tied_head && head != nullptr && name == head->hf;
    const auto is_within = [&](std::string_view part) { return name.find(part) != name.npos; };
    return name.starts_with("rope_f") || is_head ||
           std::ranges::any_of(architecture_.hf_extras, is_within);
  }

  std::string name_in_file(std::string_view pattern, int layer, int expert) const {
    if (lacks_prefix_ && pattern.starts_with(architecture_.hf_prefix)) {
      pattern.remove_prefix(architecture_.hf_prefix.size());
    }
    return with_expert(with_layer(pattern, layer), expert);
  }

  // The first BERT files say gamma and beta for weight and bias of norms.
  std::string spelled_in_file(const std::string& name) const {
    if (naming_ != WeightNaming::hf || source_.has(name)) return name;
    const std::string older = without_suffix(name) + (name.ends_with(".bias") ? ".beta" : ".gamma");
    return source_.has(older) ? older : name;
  }

  Tensor bias(std::string_view weight_pattern, int layer, int expert) {
    const WeightName* entry = find(weight_pattern);
    if (entry == nullptr) return {};
    const std::string name = spelled_in_file(
        without_suffix(name_in_file(file_name(*entry, naming_), layer, expert)) + ".bias");
    if (!source_.has(name)) return {};
    return in_f32(from_file(*entry, name, layer, expert));
  }

  static Tensor in_f32(const Tensor& tensor) {
    return tensor.defined() && tensor.dtype() != DType::f32 ? dequantize(tensor) : tensor;
  }

  Tensor from_file(const WeightName& entry, const std::string& name, int layer, int expert) {
    used_.insert(name);
    Tensor tensor = source_.tensor(name);
    const bool is_bias = name.ends_with(".bias") || name.ends_with(".beta");
    if (naming_ == WeightNaming::hf && architecture_.hf_transposes_linears && tensor.rank() == 2 &&
        is_linear(entry.site)) {
      tensor = contiguous(transpose(in_f32(tensor), 0, 1));
    }
    const bool is_stack = entry.site.find('@') != std::string_view::npos &&
                          file_name(entry, naming_).find('@') == std::string_view::npos;
    if (is_stack) {
      if (tensor.rank() != (is_bias ? 2 : 3) || tensor.size(0) != config_.experts.count) {
        throw input_error("{}: {} is {}; expected a stack of {} experts", source_.description(),
                          name, tensor.shape().text(), config_.experts.count);
      }
      const Tensor one = slice(tensor, 0, expert, expert + 1);
      tensor = reshape(one, Shape(one.shape().extents().subspan(1)));
    }
    const bool is_cut = naming_ == WeightNaming::gguf && architecture_.gguf_cuts_positions &&
                        entry.site == kPositions;
    if (is_cut) return with_rows_in_front(tensor, config_.learned_position_shift);
    return in_our_order(entry.site, layer, own_rows(entry, name, layer, tensor));
  }

  Tensor own_rows(const WeightName& entry, const std::string& name, int layer,
                  const Tensor& tensor) const {
    if (entry.rows == FileRows::all || !shares_tensor(entry)) return tensor;
    const RowRange rows = rows_in_file(entry, config_, layer, tensor.size(0));
    if (rows.end > tensor.size(0)) {
      throw input_error("{}: {} is {}; its part for {} ends at row {}", source_.description(), name,
                        tensor.shape().text(), entry.site, rows.end);
    }
    return slice(tensor, 0, rows.begin, rows.end);
  }

  // A family may keep weights in one tensor in Hugging Face's files and apart in GGUF's.
  bool shares_tensor(const WeightName& entry) const {
    return std::ranges::count_if(architecture_.weights, [&](const WeightName& other) {
             return file_name(other, naming_) == file_name(entry, naming_);
           }) > 1;
  }

  static bool is_linear(std::string_view site) {
    return site.starts_with("layers.") && !is_norm(site);
  }

  Tensor in_our_order(std::string_view pattern, int layer, Tensor tensor) const {
    const bool interleaved =
        naming_ == WeightNaming::gguf && architecture_.gguf_interleaves_rotation;
    if (!interleaved || !is_rotated(pattern)) return tensor;
    return deinterleave_rotation(tensor, rotated_heads(config_, pattern, layer));
  }

  const WeightSource& source_;
  WeightNaming naming_;
  const Architecture& architecture_;
  const DecoderConfig& config_;
  std::string prefix_;
  bool lacks_prefix_ = false;
  std::vector<std::string> missing_;
  std::set<std::string> used_;
};

AttentionLayer read_cross_attention(Reader& reader, int i) {
  AttentionLayer cross;
  cross.site = reader.site("layers.#.cross", i);
  cross.query = reader.linear("layers.#.cross.q", i);
  cross.key = reader.linear("layers.#.cross.k", i);
  cross.value = reader.linear("layers.#.cross.v", i);
  cross.output = reader.linear("layers.#.cross.o", i);
  return cross;
}

AttentionLayer read_attention(Reader& reader, const DecoderConfig& config, int i) {
  AttentionLayer attention;
  attention.site = reader.site("layers.#.attn", i);
  attention.output = reader.linear("layers.#.attn.o", i);
  if (config.latent.kv_rank == 0) {
    attention.query = reader.linear("layers.#.attn.q", i);
    attention.key = reader.linear("layers.#.attn.k", i);
    attention.value = reader.linear("layers.#.attn.v", i);
    const DisentangledPart& distances = config.disentangled;
    if (distances.max_distance > 0 && !distances.shares_projections) {
      if (distances.by_key) attention.distance_query = reader.linear("layers.#.attn.distance_q", i);
      if (distances.by_query) attention.distance_key = reader.linear("layers.#.attn.distance_k", i);
    }
    attention.query_norm = reader.norm("layers.#.attn.q_norm", i);
    attention.key_norm = reader.norm("layers.#.attn.k_norm", i);
    return attention;
  }
  LatentProjections& latent = attention.latent;
  if (config.latent.query_rank > 0) {
    latent.query_down = reader.linear("layers.#.attn.q_down", i);
    latent.query_norm = reader.norm("layers.#.attn.q_down_norm", i);
    latent.query_up = reader.linear("layers.#.attn.q_up", i);
  } else {
    latent.query_up = reader.linear("layers.#.attn.q", i);
  }
  latent.kv_down = reader.linear("layers.#.attn.kv_down", i);
  latent.kv_norm = reader.norm("layers.#.attn.kv_down_norm", i);
  latent.kv_up = reader.linear("layers.#.attn.kv_up", i);
  return attention;
}

ExpertsLayer read_experts(Reader& reader, const DecoderConfig& config, int i) {
  ExpertsLayer layer;
  layer.site = reader.site("layers.#.mlp", i);
  layer.router = reader.linear("layers.#.mlp.router", i);
  for (int expert = 0; expert < static_cast<int>(config.experts.count); ++expert) {
    layer.experts.push_back(reader.feed_forward("layers.#.mlp.experts.@", i, expert));
  }
  if (config.experts.shared_width > 0) {
    layer.shared = reader.feed_forward("layers.#.mlp.shared", i);
  }
  return layer;
}

Bottleneck read_bottleneck(Reader& reader, const DecoderConfig& config, int i) {
  Bottleneck bottleneck;
  bottleneck.in = reader.linear("layers.#.narrow.in", i);
  bottleneck.in_norm = reader.norm("layers.#.narrow.in_norm", i);
  if (config.bottleneck.attention == BottleneckAttention::narrow_queries) {
    bottleneck.query_in = reader.linear("layers.#.narrow.query_in", i);
    bottleneck.query_in_norm = reader.norm("layers.#.narrow.query_in_norm", i);
  }
  for (int k = 0; k + 1 < static_cast<int>(config.bottleneck.feed_forwards); ++k) {
    bottleneck.stack.push_back({reader.feed_forward("layers.#.narrow.stack.@", i, k),
                                reader.norm("layers.#.narrow.stack.@.norm", i, k)});
  }
  bottleneck.out = reader.linear("layers.#.narrow.out", i);
  bottleneck.out_norm = reader.norm("layers.#.narrow.out_norm", i);
  return bottleneck;
}

DecoderLayer read_layer(Reader& reader, const DecoderConfig& config, int i) {
  DecoderLayer layer;
  layer.site = reader.site("layers.#", i);
  layer.attention_norm = reader.norm("layers.#.attn_norm", i);
  layer.attention = read_attention(reader, config, i);
  layer.attention_post_norm = reader.norm("layers.#.attn_post_norm", i);
  layer.cross_norm = reader.norm("layers.#.cross_norm", i);
  if (config.encoder) layer.cross = read_cross_attention(reader, i);
  layer.feed_forward_norm = reader.norm("layers.#.mlp_norm", i);
  if (config.layer(i).experts) {
    layer.experts = read_experts(reader, config, i);
  } else {
    layer.feed_forward = reader.feed_forward("layers.#.mlp", i);
  }
  layer.feed_forward_post_norm = reader.norm("layers.#.mlp_post_norm", i);
  if (config.bottleneck.width > 0) layer.bottleneck = read_bottleneck(reader, config, i);
  return layer;
}

// All but the head.
Transformer::Weights read_stack(Reader& reader, const DecoderConfig& config) {
  Transformer::Weights weights;
  weights.embedding = reader.weight("embed.weight");
  weights.positions = reader.weight("positions.weight");
  weights.token_types = reader.weight("token_types.weight");
  weights.embedding_norm = reader.norm("embed_norm");
  if (config.disentangled.max_distance > 0) {
    weights.distances = reader.weight_in_f32("distances.weight");
    if (config.disentangled.normalizes_table) weights.distance_norm = reader.norm("distance_norm");
  }
  if (config.convolution.kernel > 0) weights.convolution = reader.convolution();
  weights.embedding_in = reader.linear("embed_in");
  weights.embedding_out = reader.linear("embed_out");
  weights.relative_table = reader.weight_in_f32("relative.weight");
  for (int i = 0; i < config.layers; ++i) weights.layers.push_back(read_layer(reader, config, i));
  weights.norm = reader.norm("norm");
  return weights;
}

}  // namespace

void complete_config(DecoderConfig& config, const WeightSource& source, WeightNaming naming,
                     const Architecture& architecture) {
  if (!architecture.head_by_file) return;
  const std::string_view head = file_name(architecture.weight("head.weight"), naming);
  const std::string_view table = file_name(architecture.weight("embed.weight"), naming);
  config.tied_head = !source.has(head) || !source.has(table) ||
                     same_bytes(source.tensor(head), source.tensor(table));
}

Transformer::Weights read_decoder_weights(const WeightSource& source, WeightNaming naming,
                                          const Architecture& architecture,
                                          const DecoderConfig& config,
                                          std::vector<std::string>& warnings) {
  Reader reader(source, naming, architecture, config);
  Transformer::Weights weights = read_stack(reader, config);
  const bool has_head = architecture.find_weight("head.weight") != nullptr;
  if (has_head && !config.tied_head) weights.head = reader.linear("head");
  weights.head_bias = reader.weight_in_f32("head_bias.weight");
  if (config.encoder) {
    reader.enter_stack("encoder.");
    weights.encoder.push_back(read_stack(reader, *config.encoder));
  }
  reader.finish(warnings);
  return weights;
}

namespace {

// The weights that lie in one tensor of a file, in the order of their rows.
struct FileTensor {
  std::string name;
  std::vector<Tensor> parts;
  bool is_stack = false;       ///< one part an expert
  bool is_transposed = false;  ///< in the file
};

Tensor whole(const FileTensor& file) {
  if (file.is_stack) return stacked(file.parts);
  return file.parts.size() == 1 ? file.parts.front() : joined_rows(file.parts);
}

// Weights of a model as the tensors of a file.
class FileTensors {
 public:
  FileTensors(const Architecture& architecture, const DecoderConfig& config, WeightNaming naming)
      : architecture_(architecture), config_(config), naming_(naming) {}

  void add(const Parameter& parameter) {
    const SitePattern place = pattern_of_site(parameter.name);
    std::string pattern = place.pattern;
    const bool is_bias = pattern.ends_with(".bias");
    if (is_bias) pattern = without_suffix(pattern) + ".weight";
    const WeightName& entry = architecture_.weight(pattern);
    const std::string_view in_file = file_name(entry, naming_);
    const std::string layered = with_layer(in_file, place.layer);
    const Tensor tensor = in_file_order(*parameter.tensor, pattern, place.layer, is_bias);
    if (is_row_by_row(entry.site, in_file)) {
      for (std::int64_t row = 0; row < tensor.size(0); ++row) {
        const Tensor one = slice(tensor, 0, row, row + 1);
        add_part({.name = with_expert(layered, static_cast<int>(row)), .parts = {}},
                 reshape(one, Shape(one.shape().extents().subspan(1))));
      }
      return;
    }
    std::string name = with_expert(layered, place.expert);
    if (is_bias) name = without_suffix(name) + ".bias";
    add_part({.name = std::move(name),
              .parts = {},
              .is_stack = pattern.find('@') != std::string::npos &&
                          in_file.find('@') == std::string_view::npos,
              .is_transposed = to_hf() && architecture_.hf_transposes_linears && !is_bias &&
                               parameter.role == ParameterRole::linear},
             tensor);
  }

  const std::vector<FileTensor>& files() const { return files_; }

 private:
  bool to_hf() const { return naming_ == WeightNaming::hf; }

  Tensor in_file_order(const Tensor& tensor, std::string_view pattern, int layer,
                       bool is_bias) const {
    if (to_hf()) {
      const bool from_one = architecture_.hf_norms_from_one && is_norm(pattern) && !is_bias;
      return from_one ? add_scalar(tensor.stop_gradient(), -1) : tensor;
    }
    if (architecture_.gguf_cuts_positions && pattern == kPositions) {
      return contiguous(
          slice(tensor.stop_gradient(), 0, config_.learned_position_shift, tensor.size(0)));
    }
    if (!architecture_.gguf_interleaves_rotation || !is_rotated(pattern)) return tensor;
    return interleave_rotation(tensor, rotated_heads(config_, pattern, layer));
  }

  void add_part(FileTensor file, const Tensor& part) {
    const auto [place, is_new] = places_.try_emplace(file.name, files_.size());
    if (is_new) files_.push_back(std::move(file));
    files_[place->second].parts.push_back(part);
  }

  const Architecture& architecture_;
  const DecoderConfig& config_;
  WeightNaming naming_;
  std::vector<FileTensor> files_;
  std::map<std::string, std::size_t> places_;
};

}  // namespace

void visit_decoder_weights(const Transformer& model, WeightNaming naming,
                           const std::function<void(const std::string&, const Tensor&)>& visit) {
  FileTensors tensors(model.architecture(), model.config(), naming);
  auto& source =
      const_cast<Transformer&>(model);  // parameters() hands out pointers; only read here
  for (const Parameter& parameter : source.parameters()) {
    if (parameter.role != ParameterRole::adapter) tensors.add(parameter);
  }
  for (const FileTensor& file : tensors.files()) {
    const Tensor tensor = whole(file);
    visit(file.name, file.is_transposed
                         ? contiguous(transpose(dequantize(tensor.stop_gradient()), 0, 1))
                         : tensor);
  }
}

}  // namespace bantam
