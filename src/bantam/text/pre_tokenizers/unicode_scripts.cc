// UnicodeScripts: a piece for each run of one script; kana counts as Han, and spaces belong to the
// run they stand in.
#include <fmt/format.h>

#include "bantam/text/pre_tokenizers/step.h"
#include "bantam/text/split_pattern.h"

namespace bantam {
namespace {

constexpr std::string_view scripts[] = {"Adlam",
                                        "Ahom",
                                        "Anatolian_Hieroglyphs",
                                        "Arabic",
                                        "Armenian",
                                        "Avestan",
                                        "Balinese",
                                        "Bamum",
                                        "Bassa_Vah",
                                        "Batak",
                                        "Bengali",
                                        "Bhaiksuki",
                                        "Bopomofo",
                                        "Brahmi",
                                        "Braille",
                                        "Buginese",
                                        "Buhid",
                                        "Canadian_Aboriginal",
                                        "Carian",
                                        "Caucasian_Albanian",
                                        "Chakma",
                                        "Cham",
                                        "Cherokee",
                                        "Chorasmian",
                                        "Common",
                                        "Coptic",
                                        "Cuneiform",
                                        "Cypriot",
                                        "Cypro_Minoan",
                                        "Cyrillic",
                                        "Deseret",
                                        "Devanagari",
                                        "Dives_Akuru",
                                        "Dogra",
                                        "Duployan",
                                        "Egyptian_Hieroglyphs",
                                        "Elbasan",
                                        "Elymaic",
                                        "Ethiopic",
                                        "Georgian",
                                        "Glagolitic",
                                        "Gothic",
                                        "Grantha",
                                        "Greek",
                                        "Gujarati",
                                        "Gunjala_Gondi",
                                        "Gurmukhi",
                                        "Hangul",
                                        "Hanifi_Rohingya",
                                        "Hanunoo",
                                        "Hatran",
                                        "Hebrew",
                                        "Imperial_Aramaic",
                                        "Inherited",
                                        "Inscriptional_Pahlavi",
                                        "Inscriptional_Parthian",
                                        "Javanese",
                                        "Kaithi",
                                        "Kannada",
                                        "Kayah_Li",
                                        "Kharoshthi",
                                        "Khitan_Small_Script",
                                        "Khmer",
                                        "Khojki",
                                        "Khudawadi",
                                        "Lao",
                                        "Latin",
                                        "Lepcha",
                                        "Limbu",
                                        "Linear_A",
                                        "Linear_B",
                                        "Lisu",
                                        "Lycian",
                                        "Lydian",
                                        "Mahajani",
                                        "Makasar",
                                        "Malayalam",
                                        "Mandaic",
                                        "Manichaean",
                                        "Marchen",
                                        "Masaram_Gondi",
                                        "Medefaidrin",
                                        "Meetei_Mayek",
                                        "Mende_Kikakui",
                                        "Meroitic_Cursive",
                                        "Meroitic_Hieroglyphs",
                                        "Miao",
                                        "Modi",
                                        "Mongolian",
                                        "Mro",
                                        "Multani",
                                        "Myanmar",
                                        "Nabataean",
                                        "Nandinagari",
                                        "New_Tai_Lue",
                                        "Newa",
                                        "Nko",
                                        "Nushu",
                                        "Nyiakeng_Puachue_Hmong",
                                        "Ogham",
                                        "Ol_Chiki",
                                        "Old_Hungarian",
                                        "Old_Italic",
                                        "Old_North_Arabian",
                                        "Old_Permic",
                                        "Old_Persian",
                                        "Old_Sogdian",
                                        "Old_South_Arabian",
                                        "Old_Turkic",
                                        "Old_Uyghur",
                                        "Oriya",
                                        "Osage",
                                        "Osmanya",
                                        "Pahawh_Hmong",
                                        "Palmyrene",
                                        "Pau_Cin_Hau",
                                        "Phags_Pa",
                                        "Phoenician",
                                        "Psalter_Pahlavi",
                                        "Rejang",
                                        "Runic",
                                        "Samaritan",
                                        "Saurashtra",
                                        "Sharada",
                                        "Shavian",
                                        "Siddham",
                                        "SignWriting",
                                        "Sinhala",
                                        "Sogdian",
                                        "Sora_Sompeng",
                                        "Soyombo",
                                        "Sundanese",
                                        "Syloti_Nagri",
                                        "Syriac",
                                        "Tagalog",
                                        "Tagbanwa",
                                        "Tai_Le",
                                        "Tai_Tham",
                                        "Tai_Viet",
                                        "Takri",
                                        "Tamil",
                                        "Tangsa",
                                        "Tangut",
                                        "Telugu",
                                        "Thaana",
                                        "Thai",
                                        "Tibetan",
                                        "Tifinagh",
                                        "Tirhuta",
                                        "Toto",
                                        "Ugaritic",
                                        "Vai",
                                        "Vithkuqi",
                                        "Wancho",
                                        "Warang_Citi",
                                        "Yezidi",
                                        "Yi",
                                        "Zanabazar_Square"};

/// `[script][script or no script]*` for each. Only a space and what belongs to no script may follow
/// in the run; before the first run they are dropped.
std::string runs_of_one_script() {
  const std::string neutral = R"(\x20\p{sc:Unknown})";
  std::string pattern = fmt::format(
      R"([\p{{sc:Han}}\p{{sc:Hiragana}}\p{{sc:Katakana}}\x{{30FC}}][\p{{sc:Han}}\p{{sc:Hiragana}}\p{{sc:Katakana}}\x{{30FC}}{}]*)",
      neutral);
  for (const std::string_view script : scripts) {
    const std::string first = script == "Common" ? R"((?![\x20\x{30FC}]))" : "";
    pattern += fmt::format(R"(|{0}\p{{sc:{1}}}(?:{0}\p{{sc:{1}}}|[{2}])*)", first, script, neutral);
  }
  return pattern;
}

class UnicodeScripts : public Splitter {
 public:
  UnicodeScripts() : pattern_(runs_of_one_script()) {}

 private:
  void split(std::string_view text, Piece piece, std::vector<Piece>& out) const override {
    std::vector<ByteRange> runs;
    pattern_.find_all(text.substr(piece.begin, piece.end - piece.begin), piece.begin, runs);
    for (const auto& [begin, end] : runs) out.push_back({begin, end});
  }

  SplitPattern pattern_;
};

}  // namespace

PreTokenizerStepPtr unicode_scripts_step(const Json&) { return std::make_unique<UnicodeScripts>(); }

}  // namespace bantam
