// Putting encoded texts into the template of a model.
#pragma once

#include <functional>
#include <span>
#include <string_view>

#include "bantam/text/post_processor.h"
#include "bantam/text/tokenizer.h"

namespace bantam {

/// The parts in their order; `texts` are one or two.
ModelInput assembled_input(std::span<const TemplatePart> parts, std::span<const Encoding> texts);

/// Takes white space at the ends of tokens out of their offsets, as ByteLevel and RobertaProcessing
/// do. With `adds_prefix_space`, a single space at the begin of a text was not in the input.
void trim_offsets(Encoding& text, bool adds_prefix_space,
                  const std::function<std::string_view(std::int32_t)>& text_of);

}  // namespace bantam
