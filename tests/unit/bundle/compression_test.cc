#include "core/bundle/compression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <cstring>
#include <memory>
#include <random>

#include "absl/strings/str_format.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::ListDirectory;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A frame of `content`; what the options leave out is not in it. `claimed`: the size that it says, 0: the true one.
std::string Frame(std::string_view content, bool has_size = true, bool has_checksum = true, uint64_t claimed = 0) {
  const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, has_size ? 1 : 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, has_checksum ? 1 : 0);
  if (has_size) ZSTD_CCtx_setPledgedSrcSize(context.get(), claimed > 0 ? claimed : content.size());
  std::string out(ZSTD_compressBound(content.size()) + 64, '\0');
  ZSTD_inBuffer from{content.data(), content.size(), 0};
  ZSTD_outBuffer to{out.data(), out.size(), 0};
  // One that claims more than it has cannot be ended.
  ZSTD_compressStream2(context.get(), &to, &from, claimed > content.size() ? ZSTD_e_flush : ZSTD_e_end);
  out.resize(to.pos);
  return out;
}

class CompressionTest : public ::testing::Test {
 protected:
  CompressionTest() {
    EXPECT_TRUE(BundleBuilder().WriteSealed(bundle_).ok());
    EXPECT_TRUE(CompressBundle(bundle_, compressed_).ok());
  }
  absl::Status Unpack(std::string_view bytes, uint64_t max_bytes = kMaxUnpackedBytes) {
    WriteFile(dir_.File("in.zst"), bytes);
    return UnpackBundle(dir_.File("in.zst"), out_, max_bytes, nullptr).status();
  }
  // Refused, named, and nothing is left.
  void ExpectRefused(const absl::Status& status, std::string_view what) {
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(dir_.File("in.zst")));
    EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(what)));
    EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("b.safetensors", "b.safetensors.zst", "in.zst"));
  }

  TempDir dir_;
  const std::string bundle_ = dir_.File("b.safetensors"), compressed_ = dir_.File("b.safetensors.zst");
  const std::string out_ = dir_.File("out.safetensors");
};

TEST_F(CompressionTest, UnpackingGivesTheSameBytes) {
  const std::string bytes = ReadFile(bundle_);
  const auto report = UnpackBundle(compressed_, out_, bytes.size(), nullptr);
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(ReadFile(out_), bytes);
  EXPECT_EQ(report->bundle_bytes, bytes.size());
  EXPECT_EQ(report->compressed_bytes, ReadFile(compressed_).size());
  EXPECT_LT(report->compressed_bytes, report->bundle_bytes);
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("b.safetensors", "b.safetensors.zst", "out.safetensors"));
}

TEST_F(CompressionTest, TheSameBundleGivesTheSameBytes) {
  ASSERT_TRUE(CompressBundle(bundle_, dir_.File("again.zst")).ok());
  EXPECT_EQ(ReadFile(dir_.File("again.zst")), ReadFile(compressed_));
}

TEST_F(CompressionTest, ABundleLargerThanTheBuffersComesBack) {
  const BundleBuilder builder({.n_items = 9000, .n_users = 100, .dim = 64});
  ASSERT_TRUE(builder.WriteSealed(bundle_).ok());
  ASSERT_TRUE(CompressBundle(bundle_, compressed_).ok());
  ASSERT_TRUE(UnpackBundle(compressed_, out_, kMaxUnpackedBytes, nullptr).ok());
  EXPECT_EQ(ReadFile(out_), ReadFile(bundle_));
}

TEST_F(CompressionTest, IsInspectedWithoutUnpackingIt) {
  EXPECT_TRUE(IsCompressed(compressed_));
  EXPECT_FALSE(IsCompressed(bundle_));
  EXPECT_FALSE(IsCompressed(dir_.File("none")));
  const auto info = InspectCompressedBundle(compressed_);
  const auto expected = InspectBundle(bundle_);
  ASSERT_TRUE(info.ok()) << info.status();
  ASSERT_TRUE(expected.ok());
  EXPECT_EQ(info->digest, expected->digest);
  EXPECT_EQ(info->file_size, expected->file_size);
  EXPECT_EQ(info->path, compressed_);
  EXPECT_EQ(info->header.tensors.size(), expected->header.tensors.size());
}

TEST_F(CompressionTest, WhoeverTakesItForABundleIsTold) {
  EXPECT_THAT(std::string(BundleReader::Open(compressed_, VerifyLevel::kHeader).status().message()),
              HasSubstr("kindred unpack"));
  const absl::Status twice = CompressBundle(compressed_, out_).status();
  EXPECT_EQ(twice.code(), absl::StatusCode::kInvalidArgument) << twice;
}

TEST_F(CompressionTest, EveryTruncationIsRefused) {
  const std::string bytes = ReadFile(compressed_);
  for (size_t size = 0; size < bytes.size(); size += size < 64 || size + 64 > bytes.size() ? 1 : 37) {
    ExpectRefused(Unpack(bytes.substr(0, size)), size > 18 ? absl::StrFormat("byte %d:", size) : "byte ");
  }
}

TEST_F(CompressionTest, AFlipOfAnyBitIsFound) {
  const std::string bytes = ReadFile(compressed_), bundle = ReadFile(bundle_);
  std::mt19937 random(11);
  for (int i = 0; i < 400; ++i) {
    std::string flipped = bytes;
    const size_t at = i < 20 ? i : random() % bytes.size();
    flipped[at] ^= static_cast<char>(1 << random() % 8);
    const absl::Status status = Unpack(flipped);
    if (status.ok()) {  // one bit of a frame's header means nothing
      EXPECT_EQ(at, 4u);
      EXPECT_EQ(ReadFile(out_), bundle);
      unlink(out_.c_str());
    } else {
      ExpectRefused(status, "byte");
    }
  }
}

TEST_F(CompressionTest, WhatIsNoFrameOfABundleIsRefused) {
  const std::string bundle = ReadFile(bundle_), bytes = ReadFile(compressed_);
  ExpectRefused(Unpack(bundle), "expected the magic of a zstd frame");
  ExpectRefused(Unpack(Frame(bundle, /*has_size=*/false)), "does not say how large its content is");
  ExpectRefused(Unpack(Frame(bundle, true, /*has_checksum=*/false)), "has no checksum");
  ExpectRefused(Unpack(bytes + "x"), "something follows the frame");
  ExpectRefused(Unpack(bytes + bytes), "something follows the frame");
  ExpectRefused(Unpack(Frame("tiny")), "do not begin as a bundle does");
  ExpectRefused(Unpack(Frame(std::string(1000, 'x'))), "do not begin as a bundle does");
  ExpectRefused(Unpack(Frame(std::string(1000, '\0'))), "");
  ExpectRefused(Unpack(Frame(bundle.substr(0, bundle.size() - 1))), "");
}

TEST_F(CompressionTest, ABombIsRefusedBeforeAnythingIsWritten) {
  // 64 MiB of zeros in a few kilobytes.
  ExpectRefused(Unpack(Frame(std::string(64 << 20, '\0'))), "");
  ExpectRefused(Unpack(ReadFile(compressed_), ReadFile(bundle_).size() - 1), "expected at most");
}

TEST_F(CompressionTest, ADiskWithoutRoomIsFoundBeforeAnythingIsWritten) {
  // The header of a bundle of 2^55 bytes.
  const uint64_t size = uint64_t{1} << 55;
  std::string json = absl::StrFormat(R"({"items.ids.bytes":{"dtype":"U8","shape":[8],"data_offsets":[0,8]},)"
                                     R"("items.ids.offsets":{"dtype":"I64","shape":[2],"data_offsets":[8,24]},)"
                                     R"("space.default.items":{"dtype":"F32","shape":[1,4],"data_offsets":[24,40]},)"
                                     R"("items.names.bytes":{"dtype":"U8","shape":[%d],"data_offsets":[40,%d]},)"
                                     R"("items.names.offsets":{"dtype":"I64","shape":[2],"data_offsets":[%d,%d]}})",
                                     size, size + 40, size + 40, size + 56);
  const uint64_t length = json.size();
  json.insert(0, reinterpret_cast<const char*>(&length), sizeof(length));
  const uint64_t claimed = json.size() + size + 56;
  const absl::Status status = Unpack(Frame(json, true, true, claimed), UINT64_MAX);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("free"));
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("b.safetensors", "b.safetensors.zst", "in.zst"));
}

TEST_F(CompressionTest, SomeOfADiskIsLeftForOthers) {
  constexpr uint64_t kGiB = uint64_t{1} << 30;
  EXPECT_EQ(DiskReserve(100 * kGiB), 5 * kGiB);
  EXPECT_EQ(DiskReserve(10 * kGiB), kGiB);
  EXPECT_EQ(DiskReserve(2 * kGiB), kGiB / 2);
  EXPECT_EQ(DiskReserve(0), 0u);
}

TEST_F(CompressionTest, StopsWhenItIsTold) {
  int asked = 0;
  const absl::Status status = UnpackBundle(compressed_, out_, kMaxUnpackedBytes, [&] { return ++asked > 99; }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled) << status;
  EXPECT_THAT(ListDirectory(dir_.path()), ElementsAre("b.safetensors", "b.safetensors.zst"));
}

TEST_F(CompressionTest, AMissingFileIsNotFound) {
  EXPECT_EQ(UnpackBundle(dir_.File("none"), out_, 1, nullptr).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(InspectCompressedBundle(dir_.File("none")).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(InspectCompressedBundle(dir_.path()).status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace kindred
