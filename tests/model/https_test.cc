#include "bantam/model/https.h"

#include "tests/model/file_bytes.h"
#include "tests/model/local_server.h"

namespace bantam {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string network_error_of(const std::function<void()>& action) {
  return error_of(action, Error::Kind::network);
}

TEST(Https, PlainHttpIsForThisMachineOnly) {
  EXPECT_THAT(network_error_of([] { fetch_text({.url = "http://example.com/x"}, 100); }),
              HasSubstr("only https"));
  EXPECT_THAT(network_error_of([] { fetch_text({.url = "file:///etc/passwd"}, 100); }),
              HasSubstr("only https"));
  LocalServer server([](const std::string&) { return http_answer("hello"); });
  EXPECT_EQ(fetch_text({.url = server.url() + "/x"}, 100), "hello");
}

TEST(Https, AnAnswerLongerThanTheLimitIsCut) {
  LocalServer server([](const std::string&) { return http_answer(std::string(1000, 'x')); });
  EXPECT_THAT(network_error_of([&] { fetch_text({.url = server.url()}, 999); }),
              HasSubstr("longer than 999"));
}

TEST(Https, AStatusThatIsNotSuccessIsNamed) {
  LocalServer server([](const std::string&) { return http_answer("gone", "", "404 Not Found"); });
  EXPECT_THAT(network_error_of([&] { fetch_text({.url = server.url()}, 100); }), HasSubstr("404"));
}

TEST(Https, TheTokenIsSentToTheFirstHostOnly) {
  LocalServer other([](const std::string&) { return http_answer("end"); });
  const std::string target = other.other_url();
  LocalServer server([&](const std::string&) {
    return http_answer("", "Location: " + target + "/y\r\n", "302 Found");
  });
  EXPECT_EQ(fetch_text({.url = server.url() + "/x", .bearer_token = "secret"}, 100), "end");
  EXPECT_THAT(server.requests().at(0), HasSubstr("Authorization: Bearer secret"));
  EXPECT_THAT(other.requests().at(0), Not(HasSubstr("secret")));
}

TEST(Https, EndlessRedirectsEnd) {
  LocalServer server(
      [](const std::string&) { return http_answer("", "Location: /again\r\n", "302 Found"); });
  network_error_of([&] { fetch_text({.url = server.url()}, 100); });
  EXPECT_LE(server.requests().size(), 6u);
}

TEST(Https, ABrokenDownloadGoesOnWhereItStopped) {
  TemporaryFolder folder;
  const std::string content(100000, 'b');
  int calls = 0;
  LocalServer server([&](const std::string& request) -> std::string {
    ++calls;
    if (calls == 1) {  // promises all, sends a part
      const std::string whole = http_answer(content, "ETag: \"v1\"\r\n");
      return whole.substr(0, whole.size() - 60000);
    }
    EXPECT_THAT(request, AllOf(HasSubstr("Range: bytes=40000-"), HasSubstr("If-Range: \"v1\"")));
    return http_answer(content.substr(40000),
                       "ETag: \"v1\"\r\nContent-Range: bytes 40000-99999/100000\r\n",
                       "206 Partial Content");
  });
  const Path partial = folder.path() / "m.partial";
  network_error_of([&] { fetch_file({.url = server.url()}, partial, {.limit = 200000}); });
  EXPECT_EQ(std::filesystem::file_size(partial), 40000u);
  std::uint64_t last_done = 0, last_total = 0;
  fetch_file({.url = server.url()}, partial,
             {.limit = 200000, .progress = [&](std::uint64_t done, std::uint64_t total) {
                last_done = done;
                last_total = total;
              }});
  EXPECT_EQ(read_file(partial), content);
  EXPECT_EQ(last_done, 100000u);
  EXPECT_EQ(last_total, 100000u);
}

TEST(Https, ChangedContentIsFetchedFromTheStart) {
  TemporaryFolder folder;
  const Path partial = folder.write("m.partial", "old beginning");
  folder.write("m.partial.etag", "\"v1\"");
  LocalServer server(
      [](const std::string&) { return http_answer("new content", "ETag: \"v2\"\r\n"); });
  fetch_file({.url = server.url()}, partial, {.limit = 100});
  EXPECT_EQ(read_file(partial), "new content");
}

TEST(Https, SecretsOfAUrlAreNotShown) {
  EXPECT_EQ(url_for_people("https://user:pass@host:8/a/b?X-Signature=1#x"), "https://host:8/a/b");
  EXPECT_EQ(url_for_people("https://host"), "https://host");
  EXPECT_EQ(url_for_people("https://host/a@b"), "https://host/a@b");
}

TEST(Https, AWebPageIsNoFile) {
  TemporaryFolder folder;
  LocalServer server([](const std::string&) {
    return http_answer("<html>", "Content-Type: text/html; charset=utf-8\r\n");
  });
  EXPECT_THAT(network_error_of(
                  [&] { fetch_file({.url = server.url()}, folder.path() / "m", {.limit = 100}); }),
              HasSubstr("HTML"));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Https, MoreThanWasStatedIsRefused) {
  TemporaryFolder folder;
  LocalServer server([](const std::string&) { return http_answer(std::string(101, 'x')); });
  EXPECT_THAT(network_error_of(
                  [&] { fetch_file({.url = server.url()}, folder.path() / "m", {.limit = 100}); }),
              HasSubstr("more than 100"));
}

TEST(Https, PrivateAddressesAreKnown) {
  for (const char* text : {"127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                           "169.254.169.254", "100.64.0.1", "0.0.0.0", "::1", "::", "fe80::1",
                           "fd00::1", "::ffff:169.254.169.254", "224.0.0.1", "not an address"}) {
    EXPECT_TRUE(is_private_address(text)) << text;
  }
  for (const char* text :
       {"8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"}) {
    EXPECT_FALSE(is_private_address(text)) << text;
  }
}

}  // namespace
}  // namespace bantam
