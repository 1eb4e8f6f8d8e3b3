#include "trainer/data/input_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>

#include "tests/support/files.h"
#include "trainer/data/read_events.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::HasSubstr;

TEST(InputFileTest, TheFormatIsThatOfTheNameElseOfTheFirstBytes) {
  const TempDir dir;
  for (const auto& [name, content, format] :
       std::vector<std::tuple<std::string, std::string, InputFormat>>{{"a.csv", "{", InputFormat::kCsv},
                                                                      {"a.TSV.gz", "", InputFormat::kCsv},
                                                                      {"a.jsonl.gz", "u,i", InputFormat::kJsonLines},
                                                                      {"a.pq", "u,i", InputFormat::kParquet},
                                                                      {"part-0", "PAR1", InputFormat::kParquet},
                                                                      {"events", "{\"u\"", InputFormat::kJsonLines},
                                                                      {"log", "u,i", InputFormat::kCsv}}) {
    WriteFile(dir.File(name), content);
    const auto found = FormatOf(dir.File(name));
    ASSERT_TRUE(found.ok()) << found.status();
    EXPECT_EQ(*found, format) << name;
  }
  EXPECT_EQ(FormatOf(dir.File("none.csv")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(FormatOf(dir.path()).status().message(), HasSubstr("is a directory"));
}

// zlib puts the path before its words; it stands there once.
TEST(InputFileTest, DamagedGzipIsNamedOnceWithWhatToDo) {
  const TempDir dir;
  for (const std::string name : {"events.csv.gz", "events.jsonl.gz"}) {
    const std::string path = dir.File(name);
    gzFile file = gzopen(path.c_str(), "wb");
    const std::string text =
        name == "events.csv.gz" ? "user_id,item_id\nu,i\n" : "{\"user_id\": \"u\", \"item_id\": \"i\"}\n";
    ASSERT_GT(gzwrite(file, text.data(), static_cast<unsigned>(text.size())), 0);
    gzclose(file);
    std::string bytes = testing::ReadFile(path);
    bytes[bytes.size() - 6] = static_cast<char>(bytes[bytes.size() - 6] ^ 1);  // of the checksum
    WriteFile(path, bytes);
    Progress silent(Progress::Mode::kSilent);
    const auto damaged = ReadEvents({path}, {}, &silent);
    ASSERT_FALSE(damaged.ok());
    EXPECT_EQ(damaged.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(damaged.status().message(), HasSubstr("the gzip data is damaged (incorrect data check): write or"));
    const std::string message(damaged.status().message());
    EXPECT_EQ(message.find(path), 0u);
    EXPECT_EQ(message.find(path, 1), std::string::npos) << message;
    WriteFile(path, bytes.substr(0, bytes.size() - 9));
    EXPECT_THAT(ReadEvents({path}, {}, &silent).status().message(), HasSubstr("ends early; the file is truncated"));
  }
}

TEST(InputFileTest, AnOutputThatIsAnInputIsRefusedByWhateverName) {
  const TempDir dir;
  const std::string path = dir.File("events.csv"), link = dir.File("link");
  WriteFile(path, "user_id,item_id\n");
  std::filesystem::create_symlink(path, link);
  const std::string same = dir.path() + "/./events.csv";
  for (const std::string& out : {path, link, same}) {
    const absl::Status status = CheckIsNoInput(out, {dir.File("other"), path});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << out;
    EXPECT_THAT(status.message(), HasSubstr("is an input, which writing would replace"));
  }
  EXPECT_TRUE(CheckIsNoInput(dir.File("new"), {path, "", dir.File("gone")}).ok());
  EXPECT_TRUE(CheckIsNoInput("", {path, ""}).ok());
}

TEST(InputFileTest, AMissingColumnNamesTheFlagThatSaysWhichItIs) {
  const TempDir dir;
  WriteFile(dir.File("events.csv"), "user_id,thing\nu,i\n");
  Progress silent(Progress::Mode::kSilent);
  EXPECT_THAT(ReadEvents({dir.File("events.csv")}, {}, &silent).status().message(),
              HasSubstr("has no column 'item_id'; its columns are user_id, thing. Name the one that it is with "
                        "--item-column"));
  EventReadOptions options;
  options.item_column = "thing";
  options.keep.push_back(*ParseRowFilter("color=red"));
  EXPECT_THAT(ReadEvents({dir.File("events.csv")}, options, &silent).status().message(),
              HasSubstr("has no column 'color'; its columns are user_id, thing. Correct the condition of --keep"));
}

}  // namespace
}  // namespace kindred
