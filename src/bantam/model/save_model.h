// Models and adapters as files that run elsewhere: HF folder, GGUF, PEFT folder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>

#include "bantam/base/files.h"
#include "bantam/base/progress.h"
#include "bantam/model/gguf_weight_types.h"
#include "bantam/model/load_encoder.h"
#include "bantam/model/load_model.h"
#include "bantam/model/load_seq2seq.h"
#include "bantam/model/peft_files.h"
#include "bantam/model/safetensors.h"

namespace bantam {

/// config.json of a model: what transformers needs to make the same one. The types of weights and
/// the ids of tokens are not in it.
Json hf_config_of(const Transformer& model);

/// Makes the folder, with the weights of a model and `more` beside them in it. Throws Error(usage)
/// for a type that such files do not hold, or a folder that cannot be made.
void write_hf_weights(const Transformer& model, const Path& folder, DType dtype,
                      std::span<const std::pair<std::string, Tensor>> more = {},
                      ProgressSink& progress = silent_progress(),
                      std::uint64_t max_shard_bytes = kMaxShardBytes);

/// config.json, model.safetensors (several of max_shard_bytes at most), tokenizer.json,
/// tokenizer_config.json, special_tokens_map.json, chat_template.jinja, generation_config.json.
/// `dtype` f32, bf16 or f16. No adapter may be attached.
void save_hf_folder(const LoadedModel& model, const Path& folder, DType dtype,
                    ProgressSink& progress = silent_progress(),
                    std::uint64_t max_shard_bytes = kMaxShardBytes);

/// The same of an encoder, with what makes one vector of a text (write_sentence_settings).
void save_hf_folder(const LoadedEncoder& model, const Path& folder, DType dtype,
                    ProgressSink& progress = silent_progress(),
                    std::uint64_t max_shard_bytes = kMaxShardBytes);

/// The same of an encoder-decoder; without tokenizer files if the model has no tokenizer, and with
/// those of its folder where no tokenizer.json can say what they do (Marian, M2M-100).
void save_seq2seq(const LoadedSeq2Seq& model, const Path& folder, DType dtype,
                  ProgressSink& progress = silent_progress(),
                  std::uint64_t max_shard_bytes = kMaxShardBytes);

/// One GGUF file with tokenizer, template and provenance, weights as GgufTensorTypes has it, and
/// what the model's files say of it (kept_metadata); in parts when max_shard_bytes is not 0.
/// Returns what was written. Throws Error(input) for a family or a tokenizer that the format has no
/// place for.
std::vector<Path> save_gguf(const LoadedModel& model, const Path& file, const GgufWeightType& type,
                            const std::string& provenance = "",
                            ProgressSink& progress = silent_progress(),
                            std::uint64_t max_shard_bytes = 0);
std::vector<Path> save_gguf(const LoadedEncoder& model, const Path& file,
                            const GgufWeightType& type, const std::string& provenance = "",
                            ProgressSink& progress = silent_progress(),
                            std::uint64_t max_shard_bytes = 0);
std::vector<Path> save_gguf(const LoadedSeq2Seq& model, const Path& file,
                            const GgufWeightType& type, const std::string& provenance = "",
                            ProgressSink& progress = silent_progress(),
                            std::uint64_t max_shard_bytes = 0);

/// Throws what save_gguf() would throw of such a model, and writes nothing: a family, a tokenizer
/// or a type that the format has no place for is better told before a model is trained.
void require_gguf_form(const LoadedModel& model, const GgufWeightType& type);

/// adapter_config.json and adapter_model.safetensors as PEFT reads them, and chat_template.jinja if
/// the model has one.
void save_peft_adapter(const LoadedModel& model, const Adapter& adapter, const Path& folder);
/// The same of any model. `files` says what PEFT is told beside the deltas: the base's name, the
/// kind of task, modules that were trained whole.
void save_peft_adapter(const Transformer& model, const Adapter& adapter, PeftAdapter files,
                       const Path& folder);
/// Reads a PEFT folder for `model`; any key that does not belong to one of its linears is an Error,
/// and so are modules that were trained whole: those of a head are for load_classifier() to take.
std::shared_ptr<Adapter> load_peft_adapter(const Transformer& model, const Path& folder);
/// The deltas of an adapter that was read.
std::shared_ptr<Adapter> adapter_of(const Transformer& model, const PeftAdapter& files,
                                    const Path& folder);

/// A second model with the same weights (shared) but no adapters: merging or quantizing it leaves
/// the first alone.
std::shared_ptr<CausalLM> copy_without_adapters(const CausalLM& model);

}  // namespace bantam
