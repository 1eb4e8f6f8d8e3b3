#include "trainer/base/progress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(ProgressTest, PlainSaysOneLineAStage) {
  std::string out;
  Progress progress(Progress::Mode::kPlain, [&](std::string_view text) { out += text; });
  progress.Begin("reading", 10, "rows");
  progress.Update(5);
  progress.End("10 rows");
  EXPECT_THAT(out, HasSubstr("reading: 10 rows (0.0"));
  EXPECT_EQ(out.back(), '\n');
  EXPECT_THAT(out, Not(HasSubstr("\r")));
}

TEST(ProgressTest, TerminalRedrawsAndClearsItsLine) {
  std::string out;
  {
    Progress progress(Progress::Mode::kTerminal, [&](std::string_view text) { out += text; });
    progress.Begin("solving", 1000, "iterations");
    // The bar draws at most ten times a second: go on until it has.
    for (uint64_t done = 0; out.empty(); ++done) progress.Update(done % 1000, "error 0.4");
    EXPECT_EQ(out.front(), '\r');
    EXPECT_THAT(out, HasSubstr("solving ["));
    EXPECT_THAT(out, HasSubstr("/1,000 iterations"));
    EXPECT_THAT(out, HasSubstr("error 0.4"));
    EXPECT_THAT(out, Not(HasSubstr("\n")));
  }
  EXPECT_EQ(out.back(), '\r') << "the line is cleared when the work ends early";
}

TEST(ProgressTest, SilentSaysNothing) {
  std::string out;
  Progress progress(Progress::Mode::kSilent, [&](std::string_view text) { out += text; });
  progress.Begin("reading", 10, "rows");
  progress.Update(5);
  progress.Say("a note");
  progress.End("10 rows");
  EXPECT_EQ(out, "");
}

TEST(HumanSecondsTest, ChoosesItsUnit) {
  EXPECT_EQ(HumanSeconds(0.416), "0.42 s");
  EXPECT_EQ(HumanSeconds(12.34), "12.3 s");
  EXPECT_EQ(HumanSeconds(185), "3 min 05 s");
  EXPECT_EQ(HumanSeconds(7800), "2 h 10 min");
}

}  // namespace
}  // namespace kindred
