// What goes wrong on the way (R25, U1 to U3): each fault, what is said, and what is left on the
// disk.
#include <sys/resource.h>

#include <csignal>

#include "tests/model/fake_hub.h"

namespace bantam {
namespace {

namespace fs = std::filesystem;

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

class HubFaults : public HubTest {
 protected:
  using Reply = std::optional<std::string>;

  /// Answers requests for files, counted from 1, with what `reply` gives.
  void on_file(std::function<Reply(int count, const std::string& request)> reply) {
    hub_.fault = [this, reply = std::move(reply)](const std::string& request) -> Reply {
      if (!request.starts_with("GET /owner/")) return std::nullopt;
      return reply(++file_requests_, request);
    };
  }
  void on_listing(const std::function<Reply(int count)>& reply) {
    hub_.fault = [this, reply](const std::string& request) -> Reply {
      if (!request.starts_with("GET /api/")) return std::nullopt;
      return reply(++listing_requests_);
    };
  }
  static std::string status(const std::string& line, const std::string& headers = "") {
    return http_answer("<p>error</p>", headers, line);
  }
  /// The whole answer without its last `missing` bytes.
  std::string cut(const std::string& request, std::size_t missing) const {
    const std::string whole = hub_.answer_with("m.gguf", request);
    return whole.substr(0, whole.size() - missing);
  }
  void expect_whole() { EXPECT_EQ(read_file(snapshot() / "m.gguf"), content_); }
  void expect_nothing_kept() {
    EXPECT_THAT(blobs(), IsEmpty());
    EXPECT_FALSE(fs::exists(snapshot() / "m.gguf"));
    EXPECT_FALSE(fs::exists(repository() / "refs"));
  }

  int file_requests_ = 0, listing_requests_ = 0;
};

TEST_F(HubFaults, ACutFileGoesOnInTheSamePull) {
  on_file([&](int count, const std::string& request) -> Reply {
    if (count <= 2) return cut(request, 30'000);
    return std::nullopt;
  });
  pull();
  expect_whole();
  const auto requests = hub_.requests_for("m.gguf");
  ASSERT_THAT(requests, SizeIs(3));
  EXPECT_THAT(requests[1],
              AllOf(HasSubstr(fmt::format("Range: bytes={}-", content_.size() - 30'000)),
                    HasSubstr(fmt::format("If-Range: \"{}\"", hash()))));
  EXPECT_THAT(progress_.notes, HasSubstr("trying again (2 of 3)"));
  EXPECT_THAT(blobs(), ElementsAre(hash()));
}

TEST_F(HubFaults, AFileThatIsCutAgainAndAgainStaysForTheNextPull) {
  on_file([&](int, const std::string& request) { return cut(request, 7); });
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("owner/name"));
  EXPECT_EQ(fs::file_size(partial()), content_.size() - 7);
  EXPECT_FALSE(fs::exists(snapshot() / "m.gguf"));
  hub_.fault = nullptr;
  pull();
  expect_whole();
  EXPECT_THAT(hub_.requests_for("m.gguf").back(), HasSubstr("Range: bytes="));
}

TEST_F(HubFaults, WhatAnotherToolLeftIsContinued) {
  fs::create_directories(partial().parent_path());
  std::ofstream(partial()) << content_.substr(0, 60'000);
  pull();
  expect_whole();
  ASSERT_THAT(hub_.requests_for("m.gguf"), SizeIs(1));
  EXPECT_THAT(hub_.requests_for("m.gguf")[0], HasSubstr("Range: bytes=60000-"));
}

TEST_F(HubFaults, AServerThatIgnoresRangeSendsAllOfIt) {
  fs::create_directories(partial().parent_path());
  std::ofstream(partial()) << content_.substr(0, 60'000);
  on_file([&](int, const std::string&) { return http_answer(content_); });
  pull();
  expect_whole();
}

TEST_F(HubFaults, AServerThatRefusesTheRangeIsAskedForAll) {
  fs::create_directories(partial().parent_path());
  std::ofstream(partial()) << content_.substr(0, 60'000);
  on_file([&](int count, const std::string& request) -> Reply {
    if (count == 1) return status("416 Range Not Satisfiable");
    EXPECT_THAT(request, Not(HasSubstr("Range:")));
    return std::nullopt;
  });
  pull();
  expect_whole();
}

TEST_F(HubFaults, APartFromAnotherPlaceIsNotGluedOn) {
  fs::create_directories(partial().parent_path());
  std::ofstream(partial()) << content_.substr(0, 60'000);
  on_file([&](int count, const std::string&) -> Reply {
    if (count > 1) return std::nullopt;
    return http_answer(content_.substr(50'000), "Content-Range: bytes 50000-100006/100007\r\n",
                       "206 Partial Content");
  });
  pull();
  expect_whole();
}

TEST_F(HubFaults, AWrongBeginningIsFoundByTheHashAndFetchedAgain) {
  fs::create_directories(partial().parent_path());
  std::ofstream(partial()) << "GGUF" + std::string(60'000, 'x');
  pull();
  expect_whole();
  EXPECT_THAT(progress_.notes, HasSubstr("fetched again from the start"));
}

TEST_F(HubFaults, AnEtagThatChangedInMidFileStartsOver) {  // U1
  const std::string old(content_.size(), 'o');
  on_file([&](int count, const std::string& request) -> Reply {
    if (count == 1) {
      const std::string whole = http_answer(old, "ETag: \"old\"\r\n");
      return whole.substr(0, whole.size() - 50'000);
    }
    // A server that honours Range but not If-Range: the ETag alone tells.
    return hub_.answer_with("m.gguf", request);
  });
  pull();
  expect_whole();
  EXPECT_THAT(hub_.requests_for("m.gguf"), SizeIs(3));
}

TEST_F(HubFaults, SilenceEndsAndIsNamed) {
  home_.set("HF_HUB_DOWNLOAD_TIMEOUT", "0.2");
  options_.retries.tries = 1;
  hub_.stall_seconds = 2.5;
  on_listing([&](int) -> Reply { return http_answer(hub_.listing()); });
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("sent nothing for 0.2 s"), HasSubstr("HF_HUB_DOWNLOAD_TIMEOUT")));
  EXPECT_GT(fs::file_size(partial()), 0u);
}

TEST_F(HubFaults, SilenceBeforeTheListingEndsToo) {
  home_.set("HF_HUB_ETAG_TIMEOUT", "0.2");
  options_.retries.tries = 1;
  hub_.stall_seconds = 2.5;
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("sent nothing for 0.2 s"), HasSubstr("HF_HUB_ETAG_TIMEOUT")));
}

TEST_F(HubFaults, ALengthThatIsTooLongIsRefusedBeforeItComes) {
  on_file([&](int, const std::string&) { return http_answer(content_ + "more"); });
  EXPECT_THAT(failure(Error::Kind::network),
              HasSubstr("expected 100,007 bytes, the server sends 100,011"));
  expect_nothing_kept();
}

TEST_F(HubFaults, ALengthThatIsTooShortIsRefused) {
  on_file([&](int, const std::string&) { return http_answer(content_.substr(0, 500)); });
  EXPECT_THAT(failure(Error::Kind::network),
              HasSubstr("expected 100,007 bytes, the server sends 500"));
  expect_nothing_kept();
}

TEST_F(HubFaults, AStatedLengthThatDoesNotComeIsACut) {
  on_file([&](int, const std::string&) {
    return "HTTP/1.1 200 OK\r\nContent-Length: 100007\r\n\r\nGGUF";
  });
  failure(Error::Kind::network);
  EXPECT_EQ(fs::file_size(partial()), 4u);
}

TEST_F(HubFaults, ChunksWithoutALengthAreCountedAndHashed) {
  const auto chunked = [](const std::string& body) {
    return fmt::format(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n", body.size(),
        body);
  };
  on_file([&](int, const std::string&) { return chunked(content_ + "more"); });
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("sends more than 100,007 bytes"));
  expect_nothing_kept();
  on_file([&](int, const std::string&) { return chunked(content_.substr(0, 500)); });
  EXPECT_THAT(failure(Error::Kind::input), HasSubstr("has 500 bytes, expected 100007"));
  expect_nothing_kept();
  on_file([&](int, const std::string&) { return chunked(content_); });
  pull();
  expect_whole();
}

TEST_F(HubFaults, AWrongHashIsRemovedAndBothAreNamed) {  // U1
  std::string served = content_;
  served[500] = 'v';
  on_file([&](int, const std::string&) { return http_answer(served); });
  EXPECT_THAT(failure(Error::Kind::input),
              AllOf(HasSubstr(hash()), HasSubstr(sha256(as_bytes(served))), HasSubstr("m.gguf")));
  expect_nothing_kept();
}

TEST_F(HubFaults, AWebPageInsteadOfAFileIsRemoved) {  // U1
  on_file([&](int, const std::string&) {
    return http_answer("<html>sign in</html>", "Content-Type: text/html\r\n");
  });
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("an HTML page"));
  expect_nothing_kept();
  on_file([&](int, const std::string&) {  // one that does not say so
    return http_answer("<!DOCTYPE html>" + std::string(content_.size() - 15, ' '));
  });
  EXPECT_THAT(failure(Error::Kind::input), HasSubstr("an HTML page"));
  expect_nothing_kept();
}

TEST_F(HubFaults, AWebPageInsteadOfAListingIsNamed) {
  on_listing([](int) -> Reply { return http_answer("<html>sign in</html>"); });
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("web page"), HasSubstr("HF_ENDPOINT")));
}

TEST_F(HubFaults, AFileWithoutAHashIsNotFetched) {
  on_listing([](int) -> Reply {
    return http_answer(
        fmt::format(R"({{"sha":"{}","siblings":[{{"rfilename":"m.gguf"}}]}})", FakeHub::kCommit));
  });
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("no hash of 'm.gguf'"));
  EXPECT_THAT(hub_.requests_for("m.gguf"), IsEmpty());
}

TEST_F(HubFaults, ARedirectOffHttpsOrIntoAPrivateNetworkIsNotFollowed) {  // U3
  for (const char* target :
       {"http://10.0.0.1/m", "http://169.254.169.254/latest/meta-data", "https://192.168.1.1/m",
        "http://[fd00::1]/m", "http://192.0.2.1/m", "file:///etc/passwd", "ftp://192.0.2.1/m"}) {
    on_file([&](int, const std::string&) {
      return http_answer("", fmt::format("Location: {}\r\n", target), "302 Found");
    });
    EXPECT_THAT(failure(Error::Kind::network), HasSubstr("not followed")) << target;
    expect_nothing_kept();
  }
}

TEST_F(HubFaults, AnEndpointOnThisMachineMayRedirectWithinIt) {
  LocalServer storage([&](const std::string&) { return http_answer(content_); });
  on_file([&](int, const std::string&) {
    return http_answer("", fmt::format("Location: {}/m\r\n", storage.other_url()), "302 Found");
  });
  pull();
  expect_whole();
}

TEST_F(HubFaults, ARedirectLoopEnds) {
  on_file([&](int, const std::string&) {
    return http_answer("", "Location: /owner/again\r\n", "302 Found");
  });
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("redirects"));
  EXPECT_LE(file_requests_, 6);
}

TEST_F(HubFaults, AGatedModelSaysHowToGetAccess) {
  on_listing([](int) -> Reply {
    return status("403 Forbidden", "X-Error-Code: GatedRepo\r\nX-Error-Message: no\r\n");
  });
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("gated"), HasSubstr("/owner/name"), HasSubstr("HF_TOKEN"),
                    HasSubstr("/settings/tokens")));
  on_listing([](int) -> Reply { return status("401 Unauthorized"); });
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("private or gated"), HasSubstr("HF_TOKEN")));
  EXPECT_EQ(listing_requests_, 2);  // no use to try again
}

TEST_F(HubFaults, WhatIsNotThereIsNamed) {
  on_listing([](int) -> Reply { return status("404 Not Found"); });
  EXPECT_THAT(failure(Error::Kind::network, "owner/name@v9"),
              AllOf(HasSubstr("owner/name@v9"), HasSubstr("404"), HasSubstr("'v9'")));
  on_listing(
      [](int) -> Reply { return status("404 Not Found", "X-Error-Code: RevisionNotFound\r\n"); });
  EXPECT_THAT(failure(Error::Kind::network, "owner/name@v9"), HasSubstr("no revision 'v9'"));
  hub_.fault = nullptr;
  EXPECT_THAT(failure(Error::Kind::input, "owner/name:x.gguf"),
              AllOf(HasSubstr("x.gguf"), HasSubstr("m.gguf")));
}

TEST_F(HubFaults, ABusyHubIsAskedAgain) {
  on_listing([](int count) -> Reply {
    if (count == 1) return status("503 Service Unavailable");
    if (count == 2) return status("429 Too Many Requests", "Retry-After: 1\r\n");
    return std::nullopt;
  });
  pull();
  expect_whole();
  EXPECT_THAT(progress_.notes, AllOf(HasSubstr("status 503; trying again (2 of 3)"),
                                     HasSubstr("status 429; trying again in 1 s (3 of 3)")));
}

TEST_F(HubFaults, AHubThatAsksForALongWaitIsLeft) {
  on_listing([](int) -> Reply { return status("429 Too Many Requests", "Retry-After: 3600\r\n"); });
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("3600 s"), HasSubstr("too many requests")));
  EXPECT_EQ(listing_requests_, 1);
}

TEST_F(HubFaults, AHubOutOfReachLeavesWhatIsHere) {
  home_.set("HF_ENDPOINT", "http://127.0.0.1:9");
  EXPECT_THAT(failure(Error::Kind::network),
              AllOf(HasSubstr("is this machine connected"), Not(HasSubstr("still works"))));
  home_.set("HF_ENDPOINT", hub_.server().url());
  pull();
  home_.set("HF_ENDPOINT", "http://127.0.0.1:9");
  EXPECT_THAT(failure(Error::Kind::network), HasSubstr("still works: -m owner/name"));
}

TEST_F(HubFaults, ADiskThatIsTooSmallIsToldBeforehand) {
  on_listing([&](int) -> Reply {
    return http_answer(fmt::format(
        R"({{"sha":"{}","siblings":[{{"rfilename":"m.gguf","size":{},"lfs":{{"sha256":"{}"}}}}]}})",
        FakeHub::kCommit, std::uint64_t{1} << 60, hash()));
  });
  EXPECT_THAT(failure(Error::Kind::resources),
              AllOf(HasSubstr("to be fetched"), HasSubstr("HF_HUB_CACHE")));
  EXPECT_THAT(hub_.requests_for("m.gguf"), IsEmpty());
}

TEST_F(HubFaults, AFileThatCannotGrowKeepsWhatCame) {
  // A limit on the size of files fails like a full disk.
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{50'000, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &small);
  const std::string message = failure(Error::Kind::resources);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, AllOf(HasSubstr("cannot write"), HasSubstr("what came is kept")));
  EXPECT_EQ(fs::file_size(partial()), 50'000u);
  EXPECT_FALSE(fs::exists(snapshot() / "m.gguf"));
  pull();
  expect_whole();
}

TEST_F(HubFaults, ACacheThatIsAFileIsRefused) {
  home_.write("cache", "not a folder");
  EXPECT_THAT(failure(Error::Kind::resources),
              AllOf(HasSubstr("/cache"), HasSubstr("HF_HUB_CACHE")));
}

TEST_F(HubFaults, NothingIsWrittenThroughALinkInTheCache) {  // U2
  const Path outside = home_.path() / "outside";
  for (const char* link :
       {"cache/models--owner--name", "cache/models--owner--name/blobs",
        "cache/models--owner--name/snapshots", "cache/models--owner--name/refs", "cache/.locks"}) {
    fs::remove_all(home_.path() / "cache");
    fs::create_directories(outside);
    fs::create_directories((home_.path() / link).parent_path());
    fs::create_directory_symlink(outside, home_.path() / link);
    EXPECT_THAT(failure(Error::Kind::refused), HasSubstr("is a link")) << link;
    EXPECT_TRUE(fs::is_empty(outside)) << link;
  }
  fs::remove_all(home_.path() / "cache");
  fs::create_directories(partial().parent_path());
  fs::create_symlink(outside / "profile", partial());
  EXPECT_THAT(failure(Error::Kind::refused), HasSubstr("is a link"));
  EXPECT_TRUE(fs::is_empty(outside));
}

TEST_F(HubFaults, ALinkInPlaceOfAFileIsReplaced) {  // U2
  const Path outside = home_.write("outside", "precious");
  fs::create_directories(snapshot());
  fs::create_symlink(outside, snapshot() / "m.gguf");
  pull();
  expect_whole();
  EXPECT_EQ(read_file(outside), "precious");
}

TEST_F(HubFaults, AnInterruptKeepsWhatCame) {
  progress_.on_advance = [] { Interrupt::request(SIGINT); };
  try {
    pull();
    ADD_FAILURE() << "was not interrupted";
  } catch (const Interrupted& stop) {
    EXPECT_EQ(stop.signal(), SIGINT);
    EXPECT_THAT(stop.what(), AllOf(HasSubstr("owner/name"), HasSubstr("is kept")));
  }
  Interrupt::reset();
  progress_.on_advance = nullptr;
  EXPECT_GT(fs::file_size(partial()), 0u);
  pull();
  expect_whole();
}

}  // namespace
}  // namespace bantam
