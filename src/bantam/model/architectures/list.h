// One function a family; architecture.cc lists them.
#pragma once

#include "bantam/model/architecture.h"

namespace bantam {

const Architecture& arcee_architecture();
const Architecture& bart_architecture();
const Architecture& bert_architecture();
const Architecture& deberta_v2_architecture();
const Architecture& deepseek_v2_architecture();
const Architecture& electra_architecture();
const Architecture& gemma2_architecture();
const Architecture& gemma3_architecture();
const Architecture& gpt2_architecture();
const Architecture& granite_architecture();
const Architecture& llama_architecture();
const Architecture& minicpm_architecture();
const Architecture& mistral_architecture();
const Architecture& m2m_100_architecture();
const Architecture& marian_architecture();
const Architecture& marian_separate_architecture();
const Architecture& mbart_architecture();
const Architecture& mixtral_architecture();
const Architecture& mobilebert_architecture();
const Architecture& modernbert_architecture();
const Architecture& mt5_architecture();
const Architecture& mt5_gated_architecture();
const Architecture& olmo2_architecture();
const Architecture& openelm_architecture();
const Architecture& opt_architecture();
const Architecture& phi3_architecture();
const Architecture& qwen2_architecture();
const Architecture& qwen3_architecture();
const Architecture& qwen3_moe_architecture();
const Architecture& roberta_architecture();
const Architecture& smollm3_architecture();
const Architecture& stablelm_architecture();
const Architecture& starcoder2_architecture();
const Architecture& t5_architecture();
const Architecture& t5_gated_architecture();
const Architecture& xlm_roberta_architecture();

}  // namespace bantam
