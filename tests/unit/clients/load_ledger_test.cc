#include "clients/cli/load_ledger.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Path(const std::string& name) { return testing::TempDir() + "/load_ledger_test-" + name; }

LedgerEntry Entry(const std::string& update_id) {
  return {"us\"er\n", update_id, "item",       1'700'000'000'123, 18'000'000'000'000'000'000u,
          "journal",  true,      "127.0.0.1:1"};
}

TEST(LoadLedger, ReadsWhatItWroteAndAppends) {
  const std::string path = Path("append");
  std::remove(path.c_str());
  for (const char* id : {"a", "b"}) {
    LedgerWriter writer;
    ASSERT_TRUE(writer.Open(path).ok());
    ASSERT_TRUE(writer.Append(Entry(id)).ok());
  }
  const auto entries = ReadLedger(path);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(*entries, ElementsAre(Entry("a"), Entry("b")));
}

TEST(LoadLedger, ALastLineThatWasCutOffIsLeftOut) {
  const std::string path = Path("torn");
  std::ofstream(path) << ToLine(Entry("a")) << "\n" << ToLine(Entry("b")).substr(0, 20);
  const auto entries = ReadLedger(path);
  ASSERT_TRUE(entries.ok()) << entries.status();
  EXPECT_THAT(*entries, ElementsAre(Entry("a")));
}

TEST(LoadLedger, SaysWhichLineIsWrong) {
  const std::string path = Path("wrong");
  std::ofstream(path) << ToLine(Entry("a")) << "\n{\"user\":1}\n";
  const auto entries = ReadLedger(path);
  EXPECT_EQ(entries.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(entries.status().message()), HasSubstr(":2: "));
  EXPECT_EQ(ReadLedger(Path("none")).status().code(), absl::StatusCode::kNotFound);
}

TEST(LoadLedger, WithoutAFileNothingIsWritten) { EXPECT_TRUE(LedgerWriter().Append(Entry("a")).ok()); }

TEST(LoadLedger, ADiskThatIsFullIsAnError) {
  LedgerWriter writer;
  ASSERT_TRUE(writer.Open("/dev/full").ok());
  EXPECT_EQ(writer.Append(Entry("a")).code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace kindred
