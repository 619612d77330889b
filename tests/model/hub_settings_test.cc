#include "bantam/model/hub_settings.h"

#include "bantam/base/error.h"
#include "tests/model/model_home.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class HubSettingsTest : public ::testing::Test {
 protected:
  HubSettingsTest() {
    for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"})
      home_.set(name, "");
    home_.set("HOME", home_.path().string());
  }
  std::string refusal() {
    return error_of([] { hub_settings(); }, Error::Kind::usage);
  }
  ModelHome home_;
};

TEST_F(HubSettingsTest, TheCacheIsWhereHuggingFacesToolsLookForIt) {
  EXPECT_EQ(hub_cache_folder(), home_.path() / ".cache/huggingface/hub");
  home_.set("XDG_CACHE_HOME", "/xdg");
  EXPECT_EQ(hub_cache_folder(), "/xdg/huggingface/hub");
  home_.set("HF_HOME", "~/hf");
  EXPECT_EQ(hub_cache_folder(), home_.path() / "hf/hub");
  home_.set("HUGGINGFACE_HUB_CACHE", "/older");
  EXPECT_EQ(hub_cache_folder(), "/older");
  home_.set("HF_HUB_CACHE", "$HOME/a/${HF_HOME}/$NOT_SET_AT_ALL");
  EXPECT_EQ(hub_cache_folder(), home_.path() / "a/~/hf/$NOT_SET_AT_ALL");
}

TEST_F(HubSettingsTest, OfflineIsSaidInSeveralWays) {
  for (const char* value : {"1", "ON", "on", "Yes", "true", "TRUE"}) {
    home_.set("HF_HUB_OFFLINE", value);
    EXPECT_EQ(hub_settings().offline, "HF_HUB_OFFLINE") << value;
  }
  for (const char* value : {"0", "", "off", "no", "false", "2"}) {
    home_.set("HF_HUB_OFFLINE", value);
    EXPECT_EQ(hub_settings().offline, "") << value;
  }
  home_.set("TRANSFORMERS_OFFLINE", "1");
  EXPECT_EQ(hub_settings().offline, "TRANSFORMERS_OFFLINE");
}

TEST_F(HubSettingsTest, TheTokenComesFromVariableOrFile) {
  EXPECT_EQ(hub_settings().token, "");
  home_.write(".cache/huggingface/token", "hf_file\n");
  EXPECT_EQ(hub_settings().token, "hf_file");
  home_.set("HF_TOKEN_PATH", home_.write("elsewhere", " hf_path ").string());
  EXPECT_EQ(hub_settings().token, "hf_path");
  home_.set("HF_TOKEN", "hf_variable");
  EXPECT_EQ(hub_settings().token, "hf_variable");
  EXPECT_EQ(hub_settings().token_source, "HF_TOKEN");
  home_.set("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1");
  EXPECT_EQ(hub_settings().token, "");
}

TEST_F(HubSettingsTest, ATokenThatWouldChangeTheRequestIsRefusedUnseen) {
  home_.set("HF_TOKEN", "hf_secret\r\nHost: evil");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("HF_TOKEN"), Not(HasSubstr("secret"))));
}

TEST_F(HubSettingsTest, TimesAreSecondsAndEndpointsAreUrls) {
  home_.set("HF_HUB_DOWNLOAD_TIMEOUT", "2.5");
  home_.set("HF_HUB_ETAG_TIMEOUT", "60");
  EXPECT_EQ(hub_settings().download_seconds, 2.5);
  EXPECT_EQ(hub_settings().metadata_seconds, 60);
  for (const char* value : {"0", "-1", "soon", "1e9", "nan"}) {
    home_.set("HF_HUB_DOWNLOAD_TIMEOUT", value);
    EXPECT_THAT(refusal(), HasSubstr("HF_HUB_DOWNLOAD_TIMEOUT")) << value;
  }
  home_.set("HF_HUB_DOWNLOAD_TIMEOUT", "");
  EXPECT_EQ(hub_settings().endpoint, "https://huggingface.co");
  home_.set("HF_ENDPOINT", "https://mirror.example//");
  EXPECT_EQ(hub_settings().endpoint, "https://mirror.example");
  home_.set("HF_ENDPOINT", "mirror.example");
  EXPECT_THAT(refusal(), HasSubstr("https://HOST"));
}

}  // namespace
}  // namespace bantam
