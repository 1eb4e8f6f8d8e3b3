#include "core/bundle/header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <ostream>
#include <string>

#include "core/base/str_cat.h"
#include "tests/support/safetensors.h"

namespace kindred {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::StatusOr<Header> Parse(std::string_view file) { return ParseHeader(std::as_bytes(std::span(file)), file.size()); }

// A header of one tensor "a", U8 [4], with each field as given.
std::string OneTensor(std::string_view dtype = "\"U8\"", std::string_view shape = "[4]",
                      std::string_view offsets = "[0,4]") {
  return StrCat("{\"a\":{\"dtype\":", dtype, ",\"shape\":", shape, ",\"data_offsets\":", offsets, "}}");
}

struct BadHeader {
  const char* name;
  std::string json;
  const char* says;  // part of the message
  std::string data = "1234";

  // Otherwise the test list shows its bytes, addresses among them.
  friend void PrintTo(const BadHeader& value, std::ostream* out) { *out << value.name; }
};

class BadHeaderTest : public ::testing::TestWithParam<BadHeader> {};

TEST_P(BadHeaderTest, IsRejectedNamingWhatAndWhere) {
  const auto header = Parse(testing::SafetensorsFile(GetParam().json, GetParam().data));
  ASSERT_FALSE(header.ok());
  EXPECT_EQ(header.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(header.status().message()), HasSubstr(GetParam().says));
  EXPECT_THAT(std::string(header.status().message()), ::testing::ContainsRegex("byte|tensor"));
}

const std::string kTwo63 = "9223372036854775808";
const std::string kMeta = "{\"__metadata__\":";

INSTANTIATE_TEST_SUITE_P(
    Header, BadHeaderTest,
    ::testing::Values(
        // The container.
        BadHeader{"empty", "", "byte 8: found an empty header"}, BadHeader{"only_spaces", "        ", "byte 8"},
        BadHeader{"leading_space", " " + OneTensor(), "byte 8: found \" \", expected '{'"},
        BadHeader{"byte_order_mark", "\xEF\xBB\xBF" + OneTensor(), "byte 8: found"},
        BadHeader{"array", "[]", "expected '{'"}, BadHeader{"text", "{]", "expected '}'"},
        BadHeader{"not_json", "{a}", "not JSON"}, BadHeader{"comment", "{/**/}", "not JSON"},
        BadHeader{"trailing_newline", OneTensor() + "\n", "expected '}' and then only spaces"},
        BadHeader{"trailing_zero", OneTensor() + std::string(1, '\0'), "expected '}' and then only spaces"},
        BadHeader{"zero_then_more", OneTensor() + std::string(1, '\0') + "}", "more after the end"},
        BadHeader{"two_objects", OneTensor() + "{}", "byte"}, BadHeader{"invalid_utf8", "{\"\xff\":1}", "not JSON"},
        BadHeader{"cut_in_a_key", "{\"a}", "not JSON"},
        BadHeader{"deep", "{" + std::string(100'000, '[') + "}", "not JSON"},
        BadHeader{"deep_shape", OneTensor("\"U8\"", std::string(100'000, '[')), "found an array"},
        // Names.
        BadHeader{"tensor_twice",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"a\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[4,4]}}",
                  "found \"a\" a second time"},
        BadHeader{"empty_name", "{\"\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                  "tensor name of 0 bytes"},
        BadHeader{"long_name", "{\"" + std::string(257, 'n') + "\":{}}", "tensor name of 257 bytes"},
        BadHeader{"tensor_is_a_number", "{\"a\":1}", "found 1, expected the object of tensor \"a\""},
        BadHeader{"tensor_is_an_array", "{\"a\":[]}", "found an array, expected the object of tensor \"a\""},
        BadHeader{"tensor_is_null", "{\"a\":null}", "found null"},
        // __metadata__.
        BadHeader{"metadata_string", kMeta + "\"x\"}", "expected __metadata__ to be an object"},
        BadHeader{"metadata_array", kMeta + "[]}", "expected __metadata__ to be an object"},
        BadHeader{"metadata_twice", "{\"__metadata__\":{},\"__metadata__\":{}}", "a second time"},
        BadHeader{"metadata_key_twice", kMeta + "{\"k\":\"1\",\"k\":\"2\"}}", "metadata key \"k\" a second time"},
        BadHeader{"metadata_number", kMeta + "{\"k\":1}}", "found 1, expected a string for metadata key \"k\""},
        BadHeader{"metadata_null", kMeta + "{\"k\":null}}", "expected a string for metadata key"},
        BadHeader{"metadata_true", kMeta + "{\"k\":true}}", "expected a string for metadata key"},
        BadHeader{"metadata_object", kMeta + "{\"k\":{}}}", "expected a string for metadata key"},
        BadHeader{"metadata_array_value", kMeta + "{\"k\":[]}}", "expected a string for metadata key"},
        // dtype.
        BadHeader{"dtype_missing", "{\"a\":{\"shape\":[4],\"data_offsets\":[0,4]}}", "found no dtype"},
        BadHeader{"dtype_number", OneTensor("1"), "found 1, expected the dtype of tensor \"a\""},
        BadHeader{"dtype_array", OneTensor("[]"), "expected the dtype of tensor \"a\""},
        BadHeader{"dtype_unknown", OneTensor("\"BF16\""), "found the dtype \"BF16\""},
        BadHeader{"dtype_lower_case", OneTensor("\"u8\""), "found the dtype \"u8\""},
        BadHeader{"dtype_empty", OneTensor("\"\""), "found the dtype \"\""},
        BadHeader{"dtype_twice", "{\"a\":{\"dtype\":\"U8\",\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                  "found the key \"dtype\" a second time"},
        // shape.
        BadHeader{"shape_missing", "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,4]}}", "found no shape"},
        BadHeader{"shape_number", OneTensor("\"U8\"", "4"), "expected the shape of tensor \"a\""},
        BadHeader{"shape_string", OneTensor("\"U8\"", "[\"4\"]"), "expected the shape of tensor \"a\""},
        BadHeader{"shape_object", OneTensor("\"U8\"", "{}"), "expected the shape of tensor \"a\""},
        BadHeader{"shape_negative", OneTensor("\"U8\"", "[-4]"), "found -4"},
        BadHeader{"shape_minus_zero", OneTensor("\"U8\"", "[-0]"), "expected the shape"},
        BadHeader{"shape_float", OneTensor("\"U8\"", "[4.0]"), "found the number 4.0"},
        BadHeader{"shape_exponent", OneTensor("\"U8\"", "[4e0]"), "found the number 4e0"},
        BadHeader{"shape_null", OneTensor("\"U8\"", "[null]"), "found null"},
        BadHeader{"shape_above_64_bits", OneTensor("\"U8\"", "[18446744073709551616]"), "found the number"},
        BadHeader{"shape_rank_5", OneTensor("\"U8\"", "[1,1,1,1,4]"), "found a further extent"},
        BadHeader{"shape_overflow", OneTensor("\"U8\"", "[" + kTwo63 + ",2]"), "overflows 64 bits"},
        BadHeader{"shape_overflow_by_dtype", OneTensor("\"F64\"", "[2305843009213693952]"), "overflows 64 bits"},
        // A product that wraps around to the right number must not pass.
        BadHeader{"shape_wraps_to_four", OneTensor("\"U8\"", "[4,4611686018427387905]"), "overflows 64 bits"},
        BadHeader{"shape_overflow_times_zero", OneTensor("\"U8\"", "[" + kTwo63 + ",4,0]", "[0,0]"),
                  "overflows 64 bits", ""},
        BadHeader{"shape_too_small", OneTensor("\"U8\"", "[3]"), "span 4 bytes, expected 3 for U8 [3]"},
        BadHeader{"shape_too_large", OneTensor("\"U8\"", "[5]"), "span 4 bytes, expected 5 for U8 [5]"},
        BadHeader{"dtype_makes_it_too_large", OneTensor("\"F32\""), "span 4 bytes, expected 16 for F32 [4]"},
        BadHeader{"shape_twice", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"shape\":[4],\"data_offsets\":[0,4]}}",
                  "found the key \"shape\" a second time"},
        // data_offsets.
        BadHeader{"offsets_missing", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4]}}", "found no data_offsets"},
        BadHeader{"offsets_number", OneTensor("\"U8\"", "[4]", "0"), "expected the data_offsets of tensor \"a\""},
        BadHeader{"offsets_empty", OneTensor("\"U8\"", "[4]", "[]"), "found 0 offsets"},
        BadHeader{"offsets_one", OneTensor("\"U8\"", "[4]", "[0]"), "found 1 offsets"},
        BadHeader{"offsets_three", OneTensor("\"U8\"", "[4]", "[0,4,4]"), "found a third offset"},
        BadHeader{"offsets_negative", OneTensor("\"U8\"", "[4]", "[-1,3]"), "found -1"},
        BadHeader{"offsets_float", OneTensor("\"U8\"", "[4]", "[0,4.0]"), "found the number 4.0"},
        BadHeader{"offsets_string", OneTensor("\"U8\"", "[4]", "[\"0\",4]"), "found the string \"0\""},
        BadHeader{"offsets_backwards", OneTensor("\"U8\"", "[4]", "[4,0]"), "data_offsets are [4, 0]"},
        BadHeader{"offsets_past_the_end", OneTensor("\"U8\"", "[5]", "[0,5]"), "begin ≤ end ≤ 4"},
        BadHeader{"offsets_near_2_63", OneTensor("\"U8\"", "[4]", "[" + kTwo63 + ",9223372036854775812]"),
                  "begin ≤ end ≤ 4"},
        BadHeader{"offsets_near_2_64", OneTensor("\"U8\"", "[4]", "[18446744073709551611,18446744073709551615]"),
                  "begin ≤ end ≤ 4"},
        BadHeader{"offsets_twice",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"data_offsets\":[0,4]}}",
                  "found the key \"data_offsets\" a second time"},
        BadHeader{"unknown_field", "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4],\"strides\":[1]}}",
                  "found the key \"strides\""},
        // Coverage of the data.
        BadHeader{"gap_at_the_start", OneTensor("\"U8\"", "[3]", "[1,4]"), "without gaps"},
        BadHeader{"gap_at_the_end", OneTensor("\"U8\"", "[3]", "[0,3]"), "without gaps"},
        BadHeader{"gap_between",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                  "tensor \"b\": begins at byte"},
        BadHeader{"overlap",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[3],\"data_offsets\":[0,3]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[2,4]}}",
                  "without overlaps"},
        BadHeader{"same_bytes_twice",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]}}",
                  "without overlaps"},
        BadHeader{"empty_tensor_inside_another",
                  "{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
                  "\"b\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[2,2]}}",
                  "without overlaps"},
        BadHeader{"no_tensors_but_data", "{}", "without gaps"}),
    [](const auto& info) { return info.param.name; });

TEST(HeaderTest, ReadsATensorWithAbsoluteOffsets) {
  const std::string json = OneTensor();
  const auto header = Parse(testing::SafetensorsFile(json, "1234"));
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->data_begin, 8 + json.size());
  ASSERT_EQ(header->tensors.size(), 1u);
  const TensorEntry& tensor = header->tensors[0];
  EXPECT_EQ(tensor.name, "a");
  EXPECT_EQ(tensor.dtype, DType::kU8);
  EXPECT_EQ(tensor.shape, std::vector<uint64_t>{4});
  EXPECT_EQ(tensor.begin, header->data_begin);
  EXPECT_EQ(tensor.end, header->data_begin + 4);
}

TEST(HeaderTest, OrdersTensorsByOffsetAndKeepsMetadata) {
  const auto header =
      Parse(testing::SafetensorsFile("{ \n\t\"b\": {\"data_offsets\":[2,4], \"shape\":[1,1,2],\"dtype\":\"I8\"},\n"
                                     "\"z\":{\"dtype\":\"F32\",\"shape\":[0,7],\"data_offsets\":[2,2]},"
                                     "\"__metadata__\":{\"k\":\"v\",\"\":\"\\u00e9\"},"
                                     "\"c\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}   ",
                                     "1234"));
  ASSERT_TRUE(header.ok()) << header.status();
  ASSERT_EQ(header->tensors.size(), 3u);
  EXPECT_EQ(header->tensors[0].name, "c");
  EXPECT_EQ(header->tensors[1].name, "z");
  EXPECT_EQ(header->tensors[2].name, "b");
  EXPECT_EQ(header->metadata.at("k"), "v");
  EXPECT_EQ(header->metadata.at(""), "é");
}

TEST(HeaderTest, AcceptsAScalarAndAnEmptyFile) {
  EXPECT_TRUE(Parse(testing::SafetensorsFile(OneTensor("\"F32\"", "[]"), "1234")).ok());
  EXPECT_TRUE(Parse(testing::SafetensorsFile("{}", "")).ok());
}

TEST(HeaderTest, ChecksTheLengthBeforeAnythingElse) {
  for (uint64_t length : {uint64_t{3}, uint64_t{1000}, uint64_t{1} << 32, uint64_t{1} << 63, ~uint64_t{0}}) {
    std::string file = testing::SafetensorsFile("{}", "");
    std::memcpy(file.data(), &length, 8);
    const auto header = Parse(file);
    ASSERT_FALSE(header.ok()) << length;
    EXPECT_THAT(std::string(header.status().message()),
                AllOf(HasSubstr(StrCat("header length is ", length)), HasSubstr("expected at most 2")));
  }
}

TEST(HeaderTest, RejectsAHeaderAboveTheLimitWithoutReadingIt) {
  std::string prefix(8, '\0');
  const uint64_t length = kMaxHeaderBytes + 1;
  std::memcpy(prefix.data(), &length, 8);
  const auto header = ParseHeader(std::as_bytes(std::span(prefix)), uint64_t{1} << 40);
  ASSERT_FALSE(header.ok());
  EXPECT_THAT(std::string(header.status().message()), HasSubstr("expected at most 100000000"));
}

TEST(HeaderTest, RejectsAFileShorterThanTheLength) {
  for (size_t size = 0; size < 8; ++size) {
    const auto header = Parse(std::string(size, '\0'));
    ASSERT_FALSE(header.ok()) << size;
    EXPECT_THAT(std::string(header.status().message()), HasSubstr("expected at least 8"));
  }
}

TEST(HeaderTest, RejectsAPrefixThatDoesNotHoldTheHeader) {
  const std::string file = testing::SafetensorsFile(OneTensor(), "1234");
  for (size_t size = 8; size < file.size() - 4; ++size) {
    EXPECT_FALSE(ParseHeader(std::as_bytes(std::span(file)).first(size), file.size()).ok()) << size;
  }
}

TEST(HeaderTest, CutAnywhereIsRejected) {
  const std::string file = testing::SafetensorsFile(OneTensor() + "   ", "1234");
  for (size_t size = 0; size < file.size(); ++size) EXPECT_FALSE(Parse(file.substr(0, size)).ok()) << size;
  EXPECT_TRUE(Parse(file).ok());
  EXPECT_FALSE(Parse(file + "5").ok());
}

TEST(HeaderTest, RejectsMoreTensorsThanABundleCanHave) {
  std::string json = "{";
  for (int i = 0; i <= 65'536; ++i) {
    StrAppend(&json, i == 0 ? "" : ",", "\"", i, "\":{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}");
  }
  const auto header = Parse(testing::SafetensorsFile(json + "}", ""));
  ASSERT_FALSE(header.ok());
  EXPECT_THAT(std::string(header.status().message()), HasSubstr("found a further tensor"));
}

TEST(HeaderTest, MessagesStayShortWhateverTheFileHolds) {
  const auto header = Parse(testing::SafetensorsFile("{\"" + std::string(1'000'000, 'x') + "}", ""));
  ASSERT_FALSE(header.ok());
  EXPECT_LT(header.status().message().size(), 1000u);
}

}  // namespace
}  // namespace kindred
