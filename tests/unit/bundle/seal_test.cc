#include "core/bundle/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "core/bundle/bundle_reader.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred {
namespace {

using testing::BundleBuilder;
using ::testing::HasSubstr;
using testing::HeaderJson;
using testing::Resealed;
using testing::WithHeaderJson;

class SealTest : public ::testing::Test {
 protected:
  SealTest() {
    BundleBuilder builder;
    EXPECT_TRUE(builder.WriteSealed(path_).ok());
    file_ = testing::ReadFile(path_);
  }

  // What opening `file` says; "" when it opens.
  std::string Opened(const std::string& file) {
    testing::WriteFile(path_, file);
    const auto reader = BundleReader::Open(path_, VerifyLevel::kChecksums);
    return reader.ok() ? "" : std::string(reader.status().message());
  }
  // The same after `from` became `to` in the header.
  std::string Edited(std::string_view from, std::string_view to) {
    std::string json = HeaderJson(file_);
    const size_t at = json.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return WithHeaderJson(file_, json.replace(at, from.size(), to));
  }
  std::string Digest() { return file_.substr(file_.find("xxh128:"), 39); }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("b.safetensors");
  std::string file_;
};

TEST_F(SealTest, TheDigestIsXxh128OverTheHeaderWithItsOwnDigitsZero) {
  uint64_t length = 0;
  std::memcpy(&length, file_.data(), 8);
  std::string header = file_.substr(0, 8 + length);
  const std::string digest = Digest();
  header.replace(header.find(digest), digest.size(), "xxh128:00000000000000000000000000000000");
  EXPECT_EQ(digest, "xxh128:" + Xxh128Hex(std::as_bytes(std::span(header))));
  EXPECT_EQ(InspectBundle(path_)->digest, digest);
}

TEST_F(SealTest, EditsOfTheHeaderAreFound) {
  EXPECT_EQ(Opened(file_), "");
  for (const auto& [from, to] :
       std::vector<std::pair<std::string, std::string>>{{"bundle_builder", "bundle_bvilder"},
                                                        {"2026-01-31", "2026-01-30"},
                                                        {"\"items.names.bytes\"", "\"items.attr.names\""}}) {
    EXPECT_THAT(Opened(Edited(from, to)), HasSubstr("header")) << from;
  }
  EXPECT_THAT(Opened(Edited("bundle_builder", "bundle_bvilder")),
              ::testing::ContainsRegex("header, bytes 8..[0-9]+: the digest of the header is xxh128:[0-9a-f]{32}, "
                                       "expected \"xxh128:[0-9a-f]{32}\""));
  EXPECT_EQ(Opened(Resealed(Edited("bundle_builder", "bundle_bvilder"))), "")
      << "with its digest made right it is valid";
}

TEST_F(SealTest, TheDigestHasOneForm) {
  const std::string digest = Digest();
  std::string upper = digest;
  for (char& c : upper) c = static_cast<char>(toupper(c));
  EXPECT_THAT(Opened(Edited(digest, upper)), HasSubstr("kindred.digest"));
  EXPECT_THAT(Opened(Edited(digest, "xxh128:")), HasSubstr("kindred.digest is \"xxh128:\", expected"));
  EXPECT_THAT(Opened(Edited(digest, "")), HasSubstr("kindred.digest is \"\", expected"));
  EXPECT_THAT(Opened(Edited(digest, digest + "0")), HasSubstr("kindred.digest"));
  EXPECT_THAT(Opened(Edited("\"kindred.digest\":", "\"kindred.digest\": ")), HasSubstr("without spaces or escapes"));
  EXPECT_THAT(Opened(Edited("\"kindred.digest\"", "\"\\u006bindred.digest\"")), HasSubstr("without spaces or escapes"));
}

TEST_F(SealTest, ASealNeedsAllItsParts) {
  const std::string json = HeaderJson(file_);
  for (const char* key :
       {"kindred.format", "kindred.checksums", "kindred.digest", "kindred.spaces", "kindred.default_space"}) {
    // Renaming the key to one that is not ours takes it away.
    EXPECT_THAT(Opened(Edited(StrCat("\"", key, "\""), "\"other\"")),
                HasSubstr(StrCat("metadata key \"", key, "\": found nothing, expected this key in a sealed bundle")));
  }
}

TEST_F(SealTest, ChecksumsListExactlyTheTensors) {
  const auto with = [&](const std::string& from, const std::string& to) { return Opened(Resealed(Edited(from, to))); };
  EXPECT_THAT(with("\\\"items.ids.bytes\\\"", "\\\"items.ids.byte\\\""),
              HasSubstr("kindred.checksums has no entry for tensor \"items.ids.bytes\""));
  EXPECT_THAT(with("{\\\"categories.ids.bytes\\\"", "{\\\"a\\\":\\\"b\\\",\\\"categories.ids.bytes\\\""),
              ::testing::ContainsRegex("kindred.checksums lists [0-9]+ tensors, expected the [0-9]+ of the file"));
  EXPECT_THAT(with("{\\\"categories.ids.bytes\\\":", "{\\\"categories.ids.bytes\\\":1,\\\"x\\\":"),
              HasSubstr("kindred.checksums, byte"));
  EXPECT_THAT(with("{\\\"categories.ids.bytes\\\":", "[\\\"categories.ids.bytes\\\":"),
              HasSubstr("kindred.checksums, byte"));
  EXPECT_THAT(with("{\\\"categories.ids.bytes\\\":\\\"xxh3:", "{\\\"categories.ids.bytes\\\":\\\"xxh64:"),
              HasSubstr("tensor \"categories.ids.bytes\", bytes"));
}

TEST_F(SealTest, AChangedTensorIsNamedWithItsBytes) {
  const auto info = InspectBundle(path_);
  ASSERT_TRUE(info.ok());
  for (const TensorEntry& tensor : info->header.tensors) {
    std::string file = file_;
    file[tensor.begin] ^= 1;
    EXPECT_THAT(Opened(file), HasSubstr(StrCat("tensor \"", tensor.name, "\", bytes ", tensor.begin, "..", tensor.end,
                                               ": checksum is xxh3:")));
  }
}

TEST_F(SealTest, AtHeaderLevelTensorsAreNotRead) {
  file_.back() ^= 1;
  testing::WriteFile(path_, file_);
  EXPECT_TRUE(BundleReader::Open(path_, VerifyLevel::kHeader).ok());
  EXPECT_TRUE(InspectBundle(path_).ok());
  EXPECT_FALSE(BundleReader::Open(path_, VerifyLevel::kChecksums).ok());
}

}  // namespace
}  // namespace kindred
