// The languages of fairseq's translation models, in the order in which their ids follow each other.
#pragma once

#include <span>
#include <string_view>

namespace bantam {

std::span<const std::string_view> mbart_languages();     ///< of mBART
std::span<const std::string_view> mbart_50_languages();  ///< of mBART-50
std::span<const std::string_view> nllb_languages();      ///< of NLLB-200
std::span<const std::string_view> m2m_100_languages();   ///< of M2M-100
std::span<const std::string_view>
wmt21_languages();  ///< of WMT 21, which M2M-100's class reads too

}  // namespace bantam
