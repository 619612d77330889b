#include "bantam/model/open_model.h"

#include "bantam/base/error.h"
#include "bantam/model/hf_config.h"
#include "bantam/model/memory_estimate.h"

namespace bantam {
namespace {

// DecoderConfig::validate() refuses more.
constexpr std::int64_t kLongestContext = std::int64_t{1} << 31;

OpenedModel completed(OpenedModel model) {
  complete_config(model.config, *model.source, model.naming, *model.architecture);
  // Before anything is computed with its numbers. What no machine could remember is told in bytes.
  if (model.config.context > kLongestContext) {
    require_memory(estimate_memory(model.config, *model.source, model.config.context), "model");
  }
  model.config.validate();
  return model;
}

OpenedModel open_gguf(const Path& path, WeightCheck check, GgufTexts texts) {
  auto file = GgufFile::open(path, check, texts);
  const std::string where = escaped(path.string());
  try {
    const Architecture& family = architecture_of_gguf(*file);
    return completed({&family, family.config_from_gguf(*file), file, WeightNaming::gguf, file});
  } catch (const Error& error) {
    // Typed getters already name the file; family and range errors do not.
    throw std::string_view(error.what()).starts_with(where) ? error : error.at(where);
  }
}

OpenedModel open_folder(const Path& folder) {
  const HfConfig config = HfConfig::read(folder / "config.json");
  try {
    const Architecture& family = architecture_of_hf(config);
    return completed(
        {&family, family.config_from_hf(config), open_weights(folder), WeightNaming::hf, nullptr});
  } catch (const Error& error) {
    const bool named = std::string_view(error.what()).starts_with(escaped(folder.string()));
    throw named ? error : error.at(config.where());
  }
}

}  // namespace

ModelKind OpenedModel::kind() const {
  if (config.encoder) return ModelKind::encoder_decoder;
  return architecture->is_encoder ? ModelKind::encoder : ModelKind::decoder;
}

OpenedModel open_model(const Path& path, WeightCheck check) {
  return std::filesystem::is_directory(path) ? open_folder(path)
                                             : open_gguf(path, check, GgufTexts::kept);
}

ModelKind kind_of_model(const Path& path) {
  const bool folder = std::filesystem::is_directory(path);
  return (folder ? open_folder(path) : open_gguf(path, WeightCheck::never, GgufTexts::left_out))
      .kind();
}

}  // namespace bantam
