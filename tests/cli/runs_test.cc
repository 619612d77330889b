// The three `runs` commands on a store with known runs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "bantam/base/run_store.h"
#include "tests/cli/run_bantam.h"

namespace bantam {
namespace {

class Runs : public testing::Test {
 protected:
  std::string record(int rank, double last_loss) {
    const auto store = RunStore::open(bantam_.home().path());
    auto run =
        store->start("tune", Json{{"rank", rank}, {"seed", 1}}, 1, "rank " + std::to_string(rank));
    for (int step = 0; step < 20; ++step) run.log(step, "loss", last_loss + 0.1 * (19 - step));
    run.log(19, "accuracy", 0.75);
    run.log(19, "strange", std::nan(""));
    write_file_atomically(run.folder() / "report.html", "<html>");
    run.add_file(run.folder() / "report.html", "report");
    run.add_row(Json{{"label", "games"}});
    const std::string id = run.id();
    run.finish("done");
    return id;
  }
  BantamProgram bantam_;
};

TEST_F(Runs, AnEmptyStoreSaysSo) {
  EXPECT_THAT(bantam_({"runs", "list"}).output, testing::HasSubstr("No runs yet"));
}

TEST_F(Runs, ListShowsEachRunOnALine) {
  const std::string first = record(8, 0.5), second = record(16, 0.4);
  const std::string output = bantam_({"runs", "list"}).output;
  EXPECT_LT(output.find(second), output.find(first));
  EXPECT_THAT(output, testing::ContainsRegex("tune +rank 8 +done"));
  EXPECT_EQ(parse_json(bantam_({"runs", "list", "--json", "--limit", "1"}).output).size(), 1u);
}

TEST_F(Runs, ShowDrawsTheCurveAndListsMetricsAndFiles) {
  const std::string id = record(8, 0.5);
  const auto shown = bantam_({"runs", "show", id, "--rows", "5"}, {"LANG=C.UTF-8"});
  EXPECT_EQ(shown.exit_code, 0);
  for (const char* part : {"rank                     8", "loss by step", "2.4 │",
                           "accuracy       1  0.75", "report.html", "{\"label\":\"games\"}"}) {
    EXPECT_THAT(shown.output, testing::HasSubstr(part));
  }
  const Json json = parse_json(bantam_({"runs", "show", id, "--json"}).output);
  EXPECT_EQ(json["metrics"]["loss"].size(), 20u);
  EXPECT_TRUE(json["metrics"]["strange"][0]["value"].is_null());
  EXPECT_EQ(json["rows"][0]["label"], "games");
}

TEST_F(Runs, ShowNamesTheNearestMetricAndTheMissingRun) {
  const std::string id = record(8, 0.5);
  EXPECT_THAT(bantam_({"runs", "show", id, "--metric", "los"}).error,
              testing::HasSubstr("nearest: loss"));
  const auto missing = bantam_({"runs", "show", "1999"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.error, testing::HasSubstr("no run has an id that begins with '1999'"));
  EXPECT_EQ(bantam_({"runs", "show"}).exit_code, 2);
}

TEST_F(Runs, CompareShowsWhatDiffersAndHowItEnded) {
  const std::string first = record(8, 0.5), second = record(16, 0.4);
  const auto result = bantam_({"runs", "compare", first, second});
  EXPECT_THAT(result.output, testing::ContainsRegex("rank +8 +16"));
  EXPECT_THAT(result.output, testing::ContainsRegex("loss +0\\.5 +0\\.4"));
  EXPECT_THAT(result.output, testing::Not(testing::HasSubstr("seed")));
  const Json json = parse_json(bantam_({"runs", "compare", first, second, "--json"}).output);
  EXPECT_EQ(json[1]["config"]["rank"], 16);
  EXPECT_THAT(bantam_({"runs", "compare", first, first}).output,
              testing::HasSubstr("configurations are equal"));
  EXPECT_EQ(bantam_({"runs", "compare", first}).exit_code, 2);
}

TEST_F(Runs, ADamagedStoreStopsNothing) {
  write_file_atomically(bantam_.home() / "runs.sqlite", std::string(5000, 'x'));
  const auto result = bantam_({"runs", "list"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.error, testing::HasSubstr("moved aside"));
}

}  // namespace
}  // namespace bantam
