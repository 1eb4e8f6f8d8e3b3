// Damage of every kind to a sealed file: all of it is found, and the message says where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>
#include <set>

#include "core/base/str_cat.h"
#include "core/bundle/bundle_reader.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

class CorruptionTest : public ::testing::Test {
 protected:
  CorruptionTest() {
    testing::BundleBuilder builder;
    builder.AddEveryTensor();
    EXPECT_TRUE(builder.WriteSealed(path_).ok());
    file_ = testing::ReadFile(path_);
    const auto info = InspectBundle(path_);
    EXPECT_TRUE(info.ok()) << info.status();
    header_ = info->header;
  }

  // Opens the file with byte `offset` xor `mask`; the message, "" when it was not found.
  std::string Flipped(size_t offset, uint8_t mask) {
    testing::PatchFile(path_, offset, std::string(1, static_cast<char>(file_[offset] ^ mask)));
    const auto reader = BundleReader::Open(path_, VerifyLevel::kChecksums);
    testing::PatchFile(path_, offset, std::string(1, file_[offset]));
    if (reader.ok()) return "";
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument) << reader.status();
    return std::string(reader.status().message());
  }

  const TensorEntry* TensorAt(size_t offset) {
    for (const TensorEntry& tensor : header_.tensors) {
      if (tensor.begin <= offset && offset < tensor.end) return &tensor;
    }
    return nullptr;
  }

  testing::TempDir dir_;
  const std::string path_ = dir_.File("b.safetensors");
  std::string file_;
  Header header_;
};

TEST_F(CorruptionTest, EveryHeaderByteFlippedIsFound) {
  for (size_t offset = 0; offset < header_.data_begin; ++offset) {
    for (uint8_t mask : {0x01, 0x02, 0x20, 0x80, 0xff}) {
      const std::string message = Flipped(offset, mask);
      ASSERT_THAT(message, HasSubstr(path_)) << "byte " << offset << " ^ " << int{mask};
      ASSERT_THAT(message, AnyOf(HasSubstr("byte"), HasSubstr("header"))) << "byte " << offset << " ^ " << int{mask};
    }
  }
}

TEST_F(CorruptionTest, TwoThousandFlipsAnywhereAreFoundAndNamed) {
  std::mt19937_64 random(2026);
  for (int i = 0; i < 2000; ++i) {
    const size_t offset = random() % file_.size();
    const auto mask = static_cast<uint8_t>(1 + random() % 255);
    const std::string message = Flipped(offset, mask);
    const TensorEntry* tensor = TensorAt(offset);
    if (tensor == nullptr) {
      ASSERT_THAT(message, AnyOf(HasSubstr("byte"), HasSubstr("header"))) << "byte " << offset << " ^ " << int{mask};
    } else {
      ASSERT_THAT(message, HasSubstr(StrCat("tensor \"", tensor->name, "\", bytes ", tensor->begin, "..", tensor->end)))
          << "byte " << offset << " ^ " << int{mask};
    }
  }
}

TEST_F(CorruptionTest, TruncationIsFoundAtEveryHeaderLengthAndTensorEdge) {
  std::set<size_t, std::greater<>> sizes;
  for (size_t size = 1; size <= header_.data_begin; ++size) sizes.insert(size);
  for (const TensorEntry& tensor : header_.tensors) {
    for (size_t edge : {tensor.begin, tensor.end}) {
      for (size_t size : {edge - 1, edge, edge + 1}) {
        if (size < file_.size()) sizes.insert(size);
      }
    }
  }
  for (size_t size : sizes) {
    ASSERT_EQ(truncate(path_.c_str(), static_cast<off_t>(size)), 0);
    for (VerifyLevel level : {VerifyLevel::kHeader, VerifyLevel::kChecksums}) {
      const auto reader = BundleReader::Open(path_, level);
      ASSERT_FALSE(reader.ok()) << "cut to " << size;
      ASSERT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
      ASSERT_THAT(std::string(reader.status().message()), HasSubstr("byte")) << "cut to " << size;
    }
  }
}

TEST_F(CorruptionTest, BytesAppendedAreFound) {
  for (size_t extra : {1, 7, 64, 4096}) {
    testing::WriteFile(path_, file_ + std::string(extra, '\0'));
    EXPECT_FALSE(InspectBundle(path_).ok()) << extra;
  }
}

TEST_F(CorruptionTest, BytesRemovedOrInsertedInTheMiddleAreFound) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 200; ++i) {
    const size_t offset = random() % file_.size();
    std::string shorter = file_, longer = file_;
    testing::WriteFile(path_, shorter.erase(offset, 1));
    EXPECT_FALSE(BundleReader::Open(path_, VerifyLevel::kChecksums).ok()) << "removed byte " << offset;
    testing::WriteFile(path_, longer.insert(offset, 1, file_[offset]));
    EXPECT_FALSE(BundleReader::Open(path_, VerifyLevel::kChecksums).ok()) << "doubled byte " << offset;
  }
}

TEST_F(CorruptionTest, ZeroedPagesAreFound) {
  for (size_t page = 0; page * 4096 < file_.size(); ++page) {
    std::string file = file_;
    const size_t size = std::min<size_t>(4096, file.size() - page * 4096);
    file.replace(page * 4096, size, size, '\0');
    testing::WriteFile(path_, file);
    EXPECT_FALSE(BundleReader::Open(path_, VerifyLevel::kChecksums).ok()) << "page " << page;
  }
}

}  // namespace
}  // namespace kindred
