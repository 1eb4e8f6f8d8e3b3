#include "trainer/data/sequence_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/files.h"
#include "trainer/data/sessions.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SequenceFileTest : public ::testing::Test {
 protected:
  std::string Path() const { return dir_.File("sessions.txt"); }
  absl::StatusOr<EventLog> Read(const std::string& text) {
    WriteFile(Path(), text);
    return ReadSequenceFile(Path(), &silent_);
  }

  TempDir dir_;
  Progress silent_{Progress::Mode::kSilent};
};

TEST_F(SequenceFileTest, EachLineIsAUserAndComesBackAsASequence) {
  const auto log = Read(
      "\xEF\xBB\xBF"
      "85116 22375\t22375\r\n\n  žluť  \nPOST 85116");
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_THAT(log->user_ids, ElementsAre("1", "3", "4"));
  EXPECT_THAT(log->item_ids, ElementsAre("85116", "22375", "žluť", "POST"));
  EXPECT_THAT(log->user, ElementsAre(0, 0, 0, 1, 2, 2));
  EXPECT_THAT(log->item, ElementsAre(0, 1, 1, 2, 3, 0));
  EXPECT_THAT(log->time_ms, IsEmpty());
  const auto sequences = MakeSequences(*log, {.split = SessionSplit::kUser});
  ASSERT_TRUE(sequences.ok()) << sequences.status();
  EXPECT_THAT(sequences->offsets, ElementsAre(0, 3, 4, 6));
}

TEST_F(SequenceFileTest, GzipIsReadAndATruncatedOneIsAnError) {
  std::string text;
  for (int i = 0; i < 20'000; ++i) text += "item" + std::to_string(i * 7919 % 10'007) + (i % 10 == 9 ? "\n" : " ");
  const std::string path = dir_.File("sessions.txt.gz");
  gzFile out = gzopen(path.c_str(), "wb");
  ASSERT_NE(out, nullptr);
  ASSERT_EQ(gzwrite(out, text.data(), static_cast<unsigned>(text.size())), static_cast<int>(text.size()));
  ASSERT_EQ(gzclose(out), Z_OK);
  const auto log = ReadSequenceFile(path, &silent_);
  ASSERT_TRUE(log.ok()) << log.status();
  EXPECT_EQ(log->size(), 20'000u);
  EXPECT_EQ(log->user_ids.size(), 2'000u);
  EXPECT_EQ(log->item_ids.size(), 10'007u);

  const std::string bytes = kindred::testing::ReadFile(path);
  WriteFile(path, bytes.substr(0, bytes.size() / 2));
  const auto cut = ReadSequenceFile(path, &silent_);
  ASSERT_FALSE(cut.ok());
  EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(cut.status().message(), HasSubstr("truncated"));
}

TEST_F(SequenceFileTest, ErrorsNameFileAndLine) {
  const auto nul = Read(std::string("a b\nc \0 d\n", 10));
  ASSERT_FALSE(nul.ok());
  EXPECT_THAT(nul.status().message(), HasSubstr(Path() + ", line 2"));
  const auto text = Read("a\nb\nc \xFF\n");
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.status().message(), HasSubstr("line 3"));
  EXPECT_THAT(text.status().message(), HasSubstr("UTF-8"));
  EXPECT_FALSE(Read(std::string(1025, 'x')).ok());
  EXPECT_TRUE(Read(std::string(1024, 'x')).ok());
  EXPECT_FALSE(Read(std::string(1 << 20, 'x')).ok());
}

TEST_F(SequenceFileTest, NothingToReadIsAnError) {
  EXPECT_EQ(Read("").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Read(" \n\n").status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadSequenceFile(dir_.File("none"), &silent_).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadSequenceFile(dir_.path(), &silent_).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kindred
