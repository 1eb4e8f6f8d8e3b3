#include "server/availability_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "core/base/checksum.h"
#include "core/base/little_endian.h"
#include "core/base/str_cat.h"
#include "server/limits.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using Views = std::vector<std::string_view>;

std::string Example() { return EncodeAvailability(UnavailableItems(Views{"a", "bb", "\xc3\xa9"}, 7)); }

// `bytes` with the checksum that they should have.
std::string Summed(std::string bytes) {
  bytes.resize(bytes.size() - 8);
  AppendLittleEndian(Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))), &bytes);
  return bytes;
}

std::string Fault(std::string_view bytes) { return StrCat(DecodeAvailability(bytes).status().message()); }

TEST(AvailabilityFileTest, ComesBackAsItWas) {
  const auto items = DecodeAvailability(Example());
  ASSERT_TRUE(items.ok()) << items.status();
  EXPECT_EQ(items->version(), 7u);
  ASSERT_EQ(items->size(), 3u);
  EXPECT_EQ(items->Id(0), "a");
  EXPECT_EQ(items->Id(1), "bb");
  EXPECT_EQ(items->Id(2), "\xc3\xa9");

  const std::string longest(limits::kMaxIdBytes, 'x');
  const auto one = DecodeAvailability(EncodeAvailability(UnavailableItems(Views{longest}, UINT64_MAX)));
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ(one->Id(0), longest);
  EXPECT_EQ(one->version(), UINT64_MAX);

  const auto none = DecodeAvailability(EncodeAvailability({}));
  ASSERT_TRUE(none.ok()) << none.status();
  EXPECT_EQ(none->size(), 0u);
}

// Servers to come must read what servers before them wrote.
TEST(AvailabilityFileTest, TheFormatIsWrittenDown) {
  std::string expected("KDAVAIL\x01\x07\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0\x01\0a\x02\0bb\x02\0\xc3\xa9", 35);
  expected.append(8, '\0');
  EXPECT_EQ(Example(), Summed(expected));
}

TEST(AvailabilityFileTest, EveryDamagedByteAndEveryLengthIsFound) {
  const std::string good = Example();
  for (size_t size = 0; size < good.size(); ++size) EXPECT_NE(Fault(good.substr(0, size)), "") << size;
  EXPECT_NE(Fault(good + "x"), "");
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ (1 << bit));
      EXPECT_EQ(DecodeAvailability(bad).status().code(), absl::StatusCode::kDataLoss) << at;
    }
  }
}

TEST(AvailabilityFileTest, AGoodChecksumIsNotTrusted) {
  const std::string good = Example();
  const auto with = [&](size_t at, std::string_view bytes) {
    std::string bad = good;
    bad.replace(at, bytes.size(), bytes);
    return Fault(Summed(bad));
  };
  EXPECT_THAT(with(7, "\x02"), HasSubstr("format 2, this server knows 1"));
  EXPECT_THAT(with(16, "\x04"), HasSubstr("id 3 has no length"));
  EXPECT_THAT(with(16, "\x02"), HasSubstr("4 bytes follow its last id"));
  EXPECT_THAT(with(16, "\xff\xff\xff\xff\xff\xff\xff\xff"), HasSubstr("it says that it has 18446744073709551615 ids"));
  EXPECT_THAT(with(16, "\x40\x42\x0f"), HasSubstr("it says that it has 1000000 ids"));
  EXPECT_THAT(with(24, std::string_view("\0\0", 2)), HasSubstr("id 0 has no length from 1 to 1024"));
  EXPECT_THAT(with(24, "\xff\xff"), HasSubstr("id 0 has no length from 1 to 1024"));
  EXPECT_THAT(with(26, "b"), ::testing::IsEmpty());  // "b" < "bb"
  EXPECT_THAT(with(26, "c"), HasSubstr("id 1 does not come after"));
}

TEST(AvailabilityFileTest, NoiseIsRefused) {
  std::mt19937 random(7);
  for (int round = 0; round < 2000; ++round) {
    std::string noise = round % 2 == 0 ? "KDAVAIL\x01" : "";
    for (uint32_t i = random() % 100; i > 0; --i) noise.push_back(static_cast<char>(random() % 4));
    if (noise.size() > 8) noise = Summed(noise);
    const auto items = DecodeAvailability(noise);
    for (size_t i = 1; items.ok() && i < items->size(); ++i) EXPECT_LT(items->Id(i - 1), items->Id(i));
  }
}

TEST(AvailabilityFileTest, AFileThatIsNotThereIsAnEmptySet) {
  const testing::TempDir dir;
  const auto items = ReadAvailabilityFile(dir.File("availability"));
  ASSERT_TRUE(items.ok()) << items.status();
  EXPECT_EQ(items->size(), 0u);
}

TEST(AvailabilityFileTest, ErrorsNameTheFileAndSayWhatToDo) {
  const testing::TempDir dir;
  const std::string path = dir.File("availability");
  for (const std::string& bytes : {std::string(), std::string("short"), Example().substr(1) + "x"}) {
    testing::WriteFile(path, bytes);
    const absl::Status status = ReadAvailabilityFile(path).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(StrCat(status.message()), HasSubstr(path));
    EXPECT_THAT(StrCat(status.message()), HasSubstr("Restore it from a backup; or move it away"));
  }
  EXPECT_THAT(StrCat(ReadAvailabilityFile(dir.path()).status().message()), HasSubstr(dir.path()));
}

}  // namespace
}  // namespace kindred
