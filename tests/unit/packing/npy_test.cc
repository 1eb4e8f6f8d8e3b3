#include "core/packing/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/files.h"
#include "tests/unit/packing/npy_bytes.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class NpyTest : public ::testing::Test {
 protected:
  absl::StatusOr<NpyMatrix> Read(const std::string& bytes) {
    WriteFile(path_, bytes);
    return ReadNpyMatrix(path_);
  }
  void ExpectError(const std::string& bytes, const std::string& part) {
    const auto matrix = Read(bytes);
    ASSERT_EQ(matrix.status().code(), absl::StatusCode::kInvalidArgument) << part;
    EXPECT_THAT(matrix.status().message(), HasSubstr(path_));
    EXPECT_THAT(matrix.status().message(), HasSubstr(part));
  }
  // A 2 × 3 matrix 1 … 6 with the dictionary replaced.
  static std::string WithDict(const std::string& dict) { return NpyFile(1, dict, Elements<float>({1, 2, 3, 4, 5, 6})); }

  TempDir dir_;
  std::string path_ = dir_.File("matrix.npy");
};

TEST_F(NpyTest, ReadsTypesOrdersAndVersions) {
  for (const int version : {1, 2, 3}) {
    const auto f4 = Read(NpyFile(version, NpyDict("<f4", false, "(2, 3)"), Elements<float>({1, 2, 3, 4, 5, 6})));
    ASSERT_TRUE(f4.ok()) << f4.status();
    EXPECT_EQ(f4->rows, 2u);
    EXPECT_EQ(f4->cols, 3u);
    EXPECT_THAT(f4->values, ElementsAre(1, 2, 3, 4, 5, 6));
    const auto f8 = Read(NpyFile(version, NpyDict("<f8", true, "(2, 3)"), Elements<double>({1, 4, 2, 5, 3, 6})));
    ASSERT_TRUE(f8.ok()) << f8.status();
    EXPECT_THAT(f8->values, ElementsAre(1, 2, 3, 4, 5, 6));
  }
}

TEST_F(NpyTest, SaysWhatIsNotThere) {
  EXPECT_EQ(ReadNpyMatrix(dir_.File("absent.npy")).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(NpyTest, EveryTruncationIsRejected) {
  const std::string whole = WithDict(NpyDict("<f4", false, "(2, 3)"));
  ASSERT_TRUE(Read(whole).ok());
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(Read(whole.substr(0, size)).ok()) << size << " bytes";
  }
  ExpectError(whole + "x", "holds 25 bytes of elements, expected 24");
}

TEST_F(NpyTest, RejectsOtherFilesAndVersions) {
  ExpectError("not a matrix at all", "it is not a .npy file");
  std::string version = WithDict(NpyDict("<f4", false, "(2, 3)"));
  version[6] = 4;
  ExpectError(version, "version 4");
}

TEST_F(NpyTest, RejectsMalformedDictionaries) {
  ExpectError(WithDict("[1, 2]"), "does not begin with {");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': False}"), "lacks one of");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}"), "unknown key 'more'");
  ExpectError(WithDict("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}"), "twice");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (2, 3)}"), "'fortran_order'");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}"), "'shape'");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3"), "'shape'");
  ExpectError(WithDict("{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}"), "no comma");
  ExpectError(WithDict("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} import os"), "behind its closing }");
}

TEST_F(NpyTest, RejectsOtherElementTypes) {
  for (const char* type : {"<i8", ">f4", "|O", "<f2", "<c16"}) {
    ExpectError(WithDict(NpyDict(type, false, "(2, 3)")), "astype('<f4')");
  }
}

TEST_F(NpyTest, RejectsShapesThatDoNotFit) {
  ExpectError(WithDict(NpyDict("<f4", false, "(2, 4)")), "expected 32");
  ExpectError(WithDict(NpyDict("<f4", false, "(4294967296, 4294967296)")), "more than 2^64");
  ExpectError(WithDict(NpyDict("<f4", false, "(6,)")), "has shape (6)");
  ExpectError(WithDict(NpyDict("<f4", false, "(1, 2, 3)")), "has shape (1, 2, 3)");
  ExpectError(NpyFile(1, NpyDict("<f4", false, "(0, 3)"), ""), "at least one row");
}

TEST_F(NpyTest, RejectsAHeaderLongerThanTheFile) {
  std::string bytes = WithDict(NpyDict("<f4", false, "(2, 3)"));
  bytes[8] = bytes[9] = '\xff';
  ExpectError(bytes, "claims a header of 65535 bytes");
  std::string version2 = NpyFile(2, NpyDict("<f4", false, "(2, 3)"), Elements<float>({1, 2, 3, 4, 5, 6}));
  std::memset(version2.data() + 8, 0xff, 4);
  ExpectError(version2, "claims a header of 4294967295 bytes");
}

TEST_F(NpyTest, RejectsValuesThatAreNoFloats) {
  const std::string dict = NpyDict("<f8", false, "(1, 3)");
  ExpectError(NpyFile(1, dict, Elements<double>({1, NAN, 3})), "row 0, column 1 is nan");
  ExpectError(NpyFile(1, dict, Elements<double>({1, 2, 1e39})), "row 0, column 2 is 1e+39");
}

}  // namespace
}  // namespace kindred
