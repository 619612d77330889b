#include <clocale>

#include "bantam/base/options.h"
#include "tests/base/expect_error.h"

namespace bantam {
namespace {

TEST(Durations, AreReadWithTheirUnits) {
  EXPECT_DOUBLE_EQ(parse_duration("90").seconds, 90);
  EXPECT_DOUBLE_EQ(parse_duration("90s").seconds, 90);
  EXPECT_DOUBLE_EQ(parse_duration("10m").seconds, 600);
  EXPECT_DOUBLE_EQ(parse_duration("1h30m").seconds, 5400);
  EXPECT_DOUBLE_EQ(parse_duration("250ms").seconds, 0.25);
  EXPECT_DOUBLE_EQ(parse_duration("1.5h").seconds, 5400);
}

TEST(Durations, OtherTextIsRefused) {
  for (const char* text : {"", "5x", "-3s", "m", "1h-2m", "nan", "inf", "1e999"}) {
    EXPECT_ERROR(parse_duration(text), usage, "expected a duration");
  }
}

TEST(Durations, AreWrittenForPeople) {
  EXPECT_EQ(format_duration(372.4), "6m12s");
  EXPECT_EQ(format_duration(3600), "1h");
  EXPECT_EQ(format_duration(0), "0s");
  EXPECT_EQ(format_duration(0.25), "250ms");
  EXPECT_EQ(format_duration(2.5), "2.5s");
  EXPECT_EQ(format_duration(90061), "1d1h1m1s");
}

TEST(Durations, WhatIsWrittenIsReadBack) {
  for (const double seconds : {0.0, 0.25, 2.5, 90.0, 600.0, 5400.0, 90061.0}) {
    EXPECT_DOUBLE_EQ(parse_duration(format_duration(seconds)).seconds, seconds);
  }
}

TEST(Sizes, DecimalAndBinaryUnitsDiffer) {
  EXPECT_EQ(parse_bytes("2GiB").bytes, std::uint64_t{2} << 30);
  EXPECT_EQ(parse_bytes("5GB").bytes, 5'000'000'000u);
  EXPECT_EQ(parse_bytes("8k").bytes, 8000u);
  EXPECT_EQ(parse_bytes("1.5MiB").bytes, 1'572'864u);
  EXPECT_EQ(parse_bytes("18446744073709551615").bytes, ~std::uint64_t{0});
}

TEST(Sizes, UnitsOfOtherKindsAndNegativeSizesAreRefused) {
  for (const char* text : {"", "5gb", "-1", "5 GB", "1e30GB", "GiB", "99999999999999999999999"}) {
    EXPECT_ERROR(parse_bytes(text), usage, "expected a size");
  }
}

TEST(Sizes, AreWrittenInBinaryUnits) {
  EXPECT_EQ(format_bytes(0), "0 B");
  EXPECT_EQ(format_bytes(1023), "1023 B");
  EXPECT_EQ(format_bytes(102'656'000), "97.9 MiB");
  EXPECT_EQ(format_bytes((std::uint64_t{1} << 40) - 1), "1.0 TiB");
}

TEST(Counts, TakeThousandsButNoMillions) {
  EXPECT_EQ(parse_count("8k"), 8000);
  EXPECT_EQ(parse_count("1.5k"), 1500);
  EXPECT_EQ(parse_count("-3"), -3);
  for (const char* text :
       {"", "1m", "1e3", "99999999999999999999", "0x10", " 5", "5 ", "1.0005k", "+-5"}) {
    EXPECT_ERROR(parse_count(text), usage, "whole number");
  }
}

TEST(Numbers, DoNotDependOnTheLocale) {
  // Where no comma locale is installed this still checks the plain one.
  for (const char* name : {"C", "de_DE.UTF-8", "fr_FR.UTF-8"}) {
    if (!std::setlocale(LC_ALL, name)) continue;
    EXPECT_DOUBLE_EQ(options_detail::read_number("x", "0.5", 1), 0.5);
    EXPECT_DOUBLE_EQ(parse_json("[0.5]")[0].get<double>(), 0.5);
    EXPECT_EQ(options_detail::show(Json(0.5)), "0.5");
  }
  std::setlocale(LC_ALL, "C");
}

}  // namespace
}  // namespace bantam
