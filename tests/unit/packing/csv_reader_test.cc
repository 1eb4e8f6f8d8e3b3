#include "core/packing/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Gzip(const std::string& text) {
  std::string out(text.size() + 1024, '\0');
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

class CsvReaderTest : public ::testing::Test {
 protected:
  using Rows = std::vector<std::vector<std::string>>;

  std::string Path() const { return dir_.File("data.csv"); }

  // The header and all records of `text`, or the first error.
  absl::StatusOr<Rows> Read(const std::string& text, char delimiter = ',') {
    WriteFile(Path(), text);
    auto csv = CsvReader::Open(Path(), delimiter);
    if (!csv.ok()) return csv.status();
    Rows rows{(*csv)->header()};
    while (true) {
      const absl::StatusOr<bool> more = (*csv)->Next();
      if (!more.ok()) return more.status();
      if (!*more) break;
      rows.emplace_back();
      for (size_t c = 0; c < (*csv)->header().size(); ++c) rows.back().emplace_back((*csv)->Field(c));
    }
    return rows;
  }

  void ExpectError(const std::string& text, const std::vector<std::string>& parts,
                   absl::StatusCode code = absl::StatusCode::kInvalidArgument) {
    const auto rows = Read(text);
    ASSERT_FALSE(rows.ok()) << text.substr(0, 100);
    EXPECT_EQ(rows.status().code(), code) << rows.status();
    EXPECT_THAT(rows.status().message(), HasSubstr(Path()));
    for (const std::string& part : parts) EXPECT_THAT(rows.status().message(), HasSubstr(part));
  }

  TempDir dir_;
};

TEST_F(CsvReaderTest, ReadsQuotesLineEndingsAndByteOrderMark) {
  const auto rows = Read(
      "\xEF\xBB\xBFid,name\r\n"
      "1,\"a, \"\"b\"\"\r\nc\"\n"
      "\n"
      "2,\r"
      "\"3\",ünïcode");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT(*rows, ElementsAre(ElementsAre("id", "name"), ElementsAre("1", "a, \"b\"\r\nc"), ElementsAre("2", ""),
                                 ElementsAre("3", "ünïcode")));
}

TEST_F(CsvReaderTest, ReadsOtherDelimiters) {
  const auto rows = Read("id\tname\n1\ta,b\n", '\t');
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_THAT((*rows)[1], ElementsAre("1", "a,b"));
}

TEST_F(CsvReaderTest, ReadsGzipAndFieldsAcrossChunks) {
  const std::string id(1000, 'x');
  std::string text = "id,n\n";
  for (int i = 0; i < 2000; ++i) text += id + std::to_string(i) + "," + std::to_string(i) + "\n";
  const auto plain = Read(text), zipped = Read(Gzip(text));
  ASSERT_TRUE(plain.ok()) << plain.status();
  ASSERT_TRUE(zipped.ok()) << zipped.status();
  EXPECT_EQ(plain->size(), 2001u);
  EXPECT_EQ((*plain)[2000][0], id + "1999");
  EXPECT_EQ(*plain, *zipped);
}

TEST_F(CsvReaderTest, TruncatedGzipIsDataLossWhereverItIsCut) {
  std::string text = "id,n\n";
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919 % 10007) + ",1\n";
  const std::string zipped = Gzip(text);
  for (const size_t cut : {size_t{1}, size_t{4}, size_t{8}, zipped.size() / 2, zipped.size() - 9}) {
    ExpectError(zipped.substr(0, zipped.size() - cut), {"truncated"}, absl::StatusCode::kDataLoss);
  }
}

TEST_F(CsvReaderTest, DamagedGzipIsDataLoss) {
  std::string zipped = Gzip("id,n\n" + std::string(3000, '1') + ",2\n");
  zipped[zipped.size() - 6] ^= 1;  // of the checksum behind the data
  ExpectError(zipped, {"data check"}, absl::StatusCode::kDataLoss);
}

TEST_F(CsvReaderTest, SaysWhatIsNotThere) {
  const auto csv = CsvReader::Open(dir_.File("absent.csv"));
  EXPECT_EQ(csv.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(csv.status().message(), HasSubstr("absent.csv"));
  EXPECT_THAT(CsvReader::Open(dir_.path()).status().message(), HasSubstr("directory"));
}

TEST_F(CsvReaderTest, SaysWhatIsNoCsv) {
  ExpectError("", {"is empty", "header"});
  ExpectError("\n\r\n\n", {"blank lines only"});
  ExpectError("PK\x03\x04zip", {"is zip"});
  ExpectError("PAR1\x15\x04", {"is Parquet"});
  ExpectError(std::string("\xFF\xFEi\0d\0", 6), {"UTF-16"});
  ExpectError(std::string("id,n\n1,\0\n", 9), {"line 2", "NUL"});
}

TEST_F(CsvReaderTest, SaysWhatIsWrongWithTheHeader) {
  ExpectError("id,,n\n", {"line 1", "column 2", "no name"});
  ExpectError("id,n,id\n", {"'id'", "twice"});
}

TEST_F(CsvReaderTest, SaysWhichLineIsMalformed) {
  ExpectError("id,n\n1,2\n\n3\n", {"line 4", "1 fields", "2 (id, n)"});
  ExpectError("id,n\n1,2,3\n", {"line 2", "3 fields"});
  ExpectError("id,n\n\"1\n2\",3\n4\n", {"line 4", "1 fields"});
  ExpectError("id,n\n1,\"2\n3,4\n", {"line 2", "quote opens", "does not close"});
  ExpectError("id,n\n\"1\"x,2\n", {"line 2", "field 1", "behind its closing quote"});
}

TEST_F(CsvReaderTest, BoundsFieldsAndRecords) {
  ExpectError("id,n\n1,\"" + std::string(CsvReader::kMaxFieldBytes + 1, 'x') + "\"\n", {"line 2", "1048576 bytes"});
  ExpectError("id,n\n1," + std::string(CsvReader::kMaxFieldBytes + 1, 'x') + "\n", {"line 2", "1048576 bytes"});
  ExpectError("id,n\n" + std::string(CsvReader::kMaxFields + 1, ',') + "\n", {"line 2", "10000 fields"});
}

TEST_F(CsvReaderTest, QuoteInsideAnUnquotedFieldIsText) {
  const auto rows = Read("id,n\n5\" pipe,1\n");
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ((*rows)[1][0], "5\" pipe");
}

TEST_F(CsvReaderTest, MissingColumnNamesThoseThereAre) {
  WriteFile(Path(), "id,n\n");
  const auto csv = CsvReader::Open(Path());
  ASSERT_TRUE(csv.ok()) << csv.status();
  EXPECT_EQ(*(*csv)->Column("n"), 1u);
  EXPECT_THAT((*csv)->Column("rating").status().message(), AllOf(HasSubstr("'rating'"), HasSubstr("id, n")));
}

}  // namespace
}  // namespace kindred
