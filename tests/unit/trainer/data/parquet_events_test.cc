#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/files.h"
#include "trainer/data/read_events.h"

namespace kindred {
namespace {

using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

const std::string kFolder = KINDRED_TEST_DATA "/parquet/";

class ParquetEventsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(std::filesystem::read_symlink("/proc/self/exe").parent_path() /
                                 "kindred_parquet.so")) {
      GTEST_SKIP() << "SKIPPED: this build has no Arrow (scripts/fetch_arrow.sh)";
    }
  }
  absl::StatusOr<EventInput> Read(const std::string& path) {
    Progress silent(Progress::Mode::kSilent);
    return ReadEvents({path}, options_, &silent);
  }
  void ExpectError(const std::string& path, const std::vector<std::string>& parts) {
    const auto read = Read(path);
    ASSERT_FALSE(read.ok());
    EXPECT_THAT(read.status().message(), HasSubstr(path));
    for (const std::string& part : parts) EXPECT_THAT(read.status().message(), HasSubstr(part));
  }
  EventReadOptions options_;
};

TEST_F(ParquetEventsTest, ReadsTypedColumnsOverRowGroups) {
  options_.action_column = "kind";
  options_.keep.push_back(*ParseRowFilter("rating<4"));
  const auto read = Read(kFolder + "types.parquet");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->log.user_ids, ElementsAre("11", "12"));
  EXPECT_THAT(read->log.item_ids, ElementsAre("a", "b,\"ü\""));
  EXPECT_THAT(read->log.action_ids, ElementsAre("view", "buy"));
  EXPECT_THAT(read->log.value, ElementsAre(1.5, 2));
  EXPECT_THAT(read->log.time_ms, ElementsAre(1483830932125, 1483830932125));
  EXPECT_EQ(read->report.rows_read, 4u);
  EXPECT_THAT(read->report.skipped, ElementsAre(Pair("empty user id", 1), Pair("not rating<4", 1)));
}

TEST_F(ParquetEventsTest, ReadsEveryFormOfIdsValuesAndTimes) {
  struct Case {
    const char *user, *item, *value, *time;
    int64_t time_ms;
  };
  for (const Case& c : {Case{"user_float", "item_large", "decimal", "in_ms", 1483830932125},
                        {"user_unsigned", "item_large", "rating", "in_s", 1483830932000},
                        {"kind", "user_unsigned", "user_float", "day", 1483747200000}}) {
    options_ = {.user_column = c.user, .item_column = c.item, .value_column = c.value, .time_column = c.time};
    const auto read = Read(kFolder + "types.parquet");
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->log.time_ms.front(), c.time_ms) << c.time;
  }
  options_ = {.user_column = "user_unsigned"};
  EXPECT_THAT(Read(kFolder + "types.parquet")->log.user_ids, ElementsAre("9223372036854775809", "12", "13"));
}

TEST_F(ParquetEventsTest, WrongTypesNameFileRowAndColumn) {
  const std::string path = kFolder + "wrong_types.parquet";
  ExpectError(path, {"row 1, column 'user_id'", "found list<", "expected an id"});
  options_.user_column = "half";
  ExpectError(path, {"row 1, column 'half'", "1.5", "expected an id"});
  options_.user_column = "user";
  options_.value_column = "words";
  ExpectError(path, {"row 2, column 'words'", "'many'", "finite number", "--skip-bad-rows"});
  options_.value_column = "not_finite";
  ExpectError(path, {"row 2, column 'not_finite'", "nan", "finite number"});
  options_.skip_bad_rows = true;
  const auto read = Read(path);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->report.skipped.at("bad rows"), 1u);
  options_.value_column = "price";
  ExpectError(path, {"no column 'price'", "user_id, user, item_id"});
}

TEST_F(ParquetEventsTest, DamagedAndEmptyFiles) {
  TempDir dir;
  const std::string whole = ReadFile(kFolder + "types.parquet"), path = dir.File("cut.parquet");
  for (const size_t size : {size_t{0}, size_t{3}, size_t{100}, whole.size() / 2, whole.size() - 1}) {
    WriteFile(path, whole.substr(0, size));
    ExpectError(path, {"is no whole Parquet file, write or fetch it again"});
  }
  // Any byte may be damaged; none may take the process down.
  for (size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x55);
    WriteFile(path, damaged);
    Read(path).IgnoreError();
  }
  ExpectError(kFolder + "no_rows.parquet", {"no interaction to train on in 0 rows"});
  ExpectError(dir.File("none.parquet"), {"No such file"});
}

TEST(ParquetWithoutArrowTest, SaysSoAndWhatToDo) {
  // The plugin is looked for once in a process, so another one has to miss it.
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto read_without = [] {
    setenv("KINDRED_PARQUET_LIBRARY", "/nonexistent/kindred_parquet.so", 1);
    Progress silent(Progress::Mode::kSilent);
    const auto read = ReadEvents({kFolder + "types.parquet"}, {}, &silent);
    fputs(std::string(read.status().message()).c_str(), stderr);
    exit(read.status().code() == absl::StatusCode::kUnimplemented ? 3 : 4);
  };
  EXPECT_EXIT(read_without(), ::testing::ExitedWithCode(3), "types.parquet: is Parquet, .*scripts/fetch_arrow.sh");
}

}  // namespace
}  // namespace kindred
