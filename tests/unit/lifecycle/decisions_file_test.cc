#include "core/lifecycle/decisions_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

Decisions Some() {
  Decisions decisions;
  ModelDecisions& model = decisions["demo"];
  model.decision = ServingDecision::kVersion;
  model.version = 5;
  model.newer_than = 7;
  model.passed_over = {6, 7};
  model.labels = {{"canary", {6, 250}}, {"old", {0, 0}}};
  model.served = {5, 7, 4};
  decisions["other"].decision = ServingDecision::kLatest;
  return decisions;
}

TEST(DecisionsFile, WhatIsWrittenIsRead) {
  const testing::TempDir dir;
  const std::string state = dir.File("a/b");
  ASSERT_TRUE(ReadDecisions(state).ok());
  EXPECT_TRUE(ReadDecisions(state)->empty());
  ASSERT_TRUE(WriteDecisions(state, Some()).ok());
  testing::WriteFile(state + "/.decisions.json.77.0.tmp", "cut sho");
  const auto read = ReadDecisions(state);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, Some());
  EXPECT_THAT(testing::ListDirectory(state), ::testing::ElementsAre("decisions.json"));
}

TEST(DecisionsFile, WhatIsNotOursIsRefusedWithItsPlace) {
  const std::string text = FormatDecisions(Some());
  ASSERT_TRUE(ParseDecisions(text, "f").ok());
  const auto refused = [&text](const std::string& from, const std::string& to) {
    std::string changed = text;
    const size_t at = changed.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    changed.replace(at, from.size(), to);
    const auto parsed = ParseDecisions(changed, "state/decisions.json");
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kDataLoss) << changed;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("state/decisions.json: "));
    return std::string(parsed.status().message());
  };
  EXPECT_THAT(refused("\"format\": 1", "\"format\": 2"), HasSubstr("format 2, expected 1"));
  EXPECT_THAT(refused("\"newer_than\"", "\"colour\": 1, \"newer_than\""), HasSubstr("unknown field \"colour\""));
  EXPECT_THAT(refused("\"newer_than\": 7", "\"newer_than\": -7"), HasSubstr("models.demo.newer_than"));
  EXPECT_THAT(refused("250", "10001"), HasSubstr("models.demo.labels.canary.share: expected a whole number"));
  EXPECT_THAT(refused("\"latest\"", "\"later\""), HasSubstr("models.other.serve"));
  EXPECT_THAT(refused("\"version\": 5", "\"versio\": 5"), HasSubstr("versio"));
  EXPECT_THAT(refused("}\n", ""), HasSubstr("not JSON"));
  EXPECT_EQ(ParseDecisions("", "f").status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(ParseDecisions("[]", "f").status().code(), absl::StatusCode::kDataLoss);
}

TEST(DecisionsFile, AFolderThatCannotBeMadeIsSaid) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("file"), "x");
  EXPECT_EQ(ReadDecisions(dir.File("file/state")).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace kindred
