// EXPECT_ERROR(statement, kind, "part of the message", …): it throws that kind of Error and says
// all those things.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "bantam/base/error.h"

namespace bantam {

template <class Statement>
void expect_error(Statement&& statement, Error::Kind kind,
                  std::initializer_list<std::string> parts) {
  try {
    statement();
    ADD_FAILURE() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.exit_code(), static_cast<int>(kind)) << error.what();
    for (const std::string& part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

#define EXPECT_ERROR(statement, kind, ...) \
  expect_error([&] { (void)(statement); }, Error::Kind::kind, {__VA_ARGS__})

}  // namespace bantam
