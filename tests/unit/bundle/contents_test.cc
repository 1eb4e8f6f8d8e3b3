// Files that are validly sealed and still wrong: what they hold must not reach the engine.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <ostream>

#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "core/bundle/id_table.h"
#include "core/bundle/schema.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using ::testing::AllOf;
using testing::BundleBuilder;
using ::testing::HasSubstr;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

struct BadContents {
  const char* name;
  std::function<void(BundleBuilder&)> spoil;
  const char* where;  // tensor and element
  const char* says;

  // Otherwise the test list shows its bytes, addresses among them.
  friend void PrintTo(const BadContents& value, std::ostream* out) { *out << value.name; }
};

template <typename T>
std::function<void(BundleBuilder&)> Put(const char* name, size_t element, T value) {
  return [=](BundleBuilder& b) { b.Get<T>(name)[element] = value; };
}

class BadContentsTest : public ::testing::TestWithParam<BadContents> {};

TEST_P(BadContentsTest, IsRejectedNamingTensorAndElement) {
  const testing::TempDir dir;
  const std::string path = dir.File("b.safetensors");
  BundleBuilder builder;
  builder.AddEveryTensor();
  GetParam().spoil(builder);
  for (bool sealed : {true, false}) {
    if (sealed) {
      ASSERT_TRUE(builder.WriteSealed(path).ok());
    } else {
      builder.WriteRaw(path);
    }
    EXPECT_TRUE(InspectBundle(path).ok()) << "only its contents are wrong";
    const auto reader = BundleReader::Open(path, VerifyLevel::kChecksums);
    ASSERT_FALSE(reader.ok());
    EXPECT_EQ(reader.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(reader.status().message()),
                AllOf(HasSubstr(path), HasSubstr(StrCat("tensor \"", GetParam().where)), HasSubstr(GetParam().says),
                      HasSubstr("byte")));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Numbers, BadContentsTest,
    ::testing::Values(
        BadContents{"items_nan", Put("space.default.items", 419, kNan), "space.default.items\"[419]", "found nan"},
        BadContents{"items_inf", Put("space.default.items", 0, kInf), "space.default.items\"[0]", "found inf"},
        BadContents{"items_minus_inf", Put("space.default.items", 7, -kInf), "space.default.items\"[7]", "found -inf"},
        BadContents{"users_nan", Put("space.default.users", 53, kNan), "space.default.users\"[53]", "finite"},
        BadContents{"average_nan", Put("space.default.average", 5, kNan), "space.default.average\"[5]", "finite"},
        BadContents{"gram_nan", Put<double>("space.default.gram", 35, kNan), "space.default.gram\"[35]", "finite"},
        BadContents{"gram_inf", Put<double>("space.default.gram", 0, -kInf), "space.default.gram\"[0]", "finite"},
        BadContents{"scale_negative", Put("space.default.q.scales", 127, -1e-30f), "space.default.q.scales\"[127]",
                    ">= 0"},
        BadContents{"scale_nan", Put("space.default.q.scales", 0, kNan), "space.default.q.scales\"[0]", ">= 0"},
        BadContents{"bound_negative", Put("space.default.q.bounds", 15, -1.0f), "space.default.q.bounds\"[15]", ">= 0"},
        BadContents{"bound_inf", Put("space.default.q.bounds", 2, kInf), "space.default.q.bounds\"[2]", ">= 0"},
        BadContents{"cosine_scale_nan", Put("space.default.q.cosine_scales", 64, kNan),
                    "space.default.q.cosine_scales\"[64]", ">= 0"},
        BadContents{"cosine_bound_negative", Put("space.default.q.cosine_bounds", 1, -1.0f),
                    "space.default.q.cosine_bounds\"[1]", ">= 0"},
        BadContents{"norm_negative", Put("space.default.inverse_norms", 69, -1.0f), "space.default.inverse_norms\"[69]",
                    ">= 0"},
        BadContents{"prior_negative", Put("items.prior", 1, -1.0f), "items.prior\"[1]", ">= 0"},
        BadContents{"prior_nan", Put("items.prior", 1, kNan), "items.prior\"[1]", ">= 0"},
        BadContents{"popularity_negative", Put("items.popularity", 3, -1.0f), "items.popularity\"[3]", ">= 0"},
        BadContents{"attribute_inf", Put("items.attr.price", 4, kInf), "items.attr.price\"[4]", "NaN for unknown"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Indices, BadContentsTest,
    ::testing::Values(
        BadContents{"trait_item", Put<uint32_t>("space.default.trait_items", 47, 70), "space.default.trait_items\"[47]",
                    "found 70, expected less than n_items = 70"},
        BadContents{"trait_item_max", Put<uint32_t>("space.default.trait_items", 0, 0xffffffff),
                    "space.default.trait_items\"[0]", "found 4294967295"},
        BadContents{"order_range", Put<uint32_t>("items.popularity_order", 69, 70), "items.popularity_order\"[69]",
                    "expected less than n_items = 70"},
        BadContents{"order_twice", Put<uint32_t>("items.popularity_order", 69, 69), "items.popularity_order\"[69]",
                    "found 69 a second time"},
        BadContents{"bitmap_past_items", Put<uint64_t>("categories.bitmaps", 7, 1u << 6), "categories.bitmaps\"[7]",
                    "at or past n_items = 70"},
        BadContents{"seen_range", [](BundleBuilder& b) { b.Get<uint32_t>("users.seen.values").back() = 70; },
                    "users.seen.values\"[", "found 70, expected less than n_items = 70"},
        BadContents{"seen_descends",
                    [](BundleBuilder& b) {
                      std::swap(b.Get<uint32_t>("users.seen.values")[0], b.Get<uint32_t>("users.seen.values")[1]);
                    },
                    "users.seen.values\"[1]", "expected row 0 to ascend"},
        BadContents{
            "seen_twice",
            [](BundleBuilder& b) { b.Get<uint32_t>("users.seen.values")[1] = b.Get<uint32_t>("users.seen.values")[0]; },
            "users.seen.values\"[1]", "expected row 0 to ascend"},
        BadContents{"category_range", Put<uint32_t>("items.categories.values", 0, 4), "items.categories.values\"[0]",
                    "expected less than n_categories = 4"},
        BadContents{"seen_start", Put<int64_t>("users.seen.offsets", 0, 1), "users.seen.offsets\"[0]",
                    "found 1, expected 0"},
        BadContents{"seen_negative", Put<int64_t>("users.seen.offsets", 1, -1), "users.seen.offsets\"[1]",
                    "expected at least 0"},
        BadContents{"seen_falls", Put<int64_t>("users.seen.offsets", 5, 0), "users.seen.offsets\"[5]",
                    "the offset before"},
        BadContents{"seen_near_2_63", Put<int64_t>("users.seen.offsets", 9, std::numeric_limits<int64_t>::max()),
                    "users.seen.offsets\"[9]", "the elements of \"users.seen.values\""},
        BadContents{"seen_middle_near_2_63", Put<int64_t>("users.seen.offsets", 4, std::numeric_limits<int64_t>::max()),
                    "users.seen.offsets\"[5]", "the offset before"},
        BadContents{"seen_lowest", Put<int64_t>("users.seen.offsets", 0, std::numeric_limits<int64_t>::min()),
                    "users.seen.offsets\"[0]", "expected 0"},
        BadContents{"seen_short", [](BundleBuilder& b) { --b.Get<int64_t>("users.seen.offsets")[9]; },
                    "users.seen.offsets\"[9]", "the elements of"},
        BadContents{"list_range", Put<uint32_t>("users.recommendations.values", 4, 70),
                    "users.recommendations.values\"[4]", "found 70, expected less than n_items = 70"},
        BadContents{"list_max", Put<uint32_t>("users.recommendations.values", 0, 0xffffffff),
                    "users.recommendations.values\"[0]", "found 4294967295"},
        BadContents{"list_twice", Put<uint32_t>("users.recommendations.values", 5, 3),
                    "users.recommendations.values\"[5]", "found 3 a second time in row 1"},
        BadContents{"list_score_rises", Put("users.recommendations.weights", 1, 3.5f),
                    "users.recommendations.weights\"[1]", "found 3.5 after 3, expected row 0 never to rise"},
        BadContents{"list_score_nan", Put("users.recommendations.weights", 1, kNan),
                    "users.recommendations.weights\"[1]", "found nan after 3"},
        BadContents{"list_first_score_nan", Put("users.recommendations.weights", 3, kNan),
                    "users.recommendations.weights\"[4]", "after nan"},
        BadContents{"list_score_inf", Put("users.recommendations.weights", 0, kInf),
                    "users.recommendations.weights\"[0]", "finite"},
        BadContents{"list_score_minus_inf", Put("users.recommendations.weights", 2, -kInf),
                    "users.recommendations.weights\"[2]", "finite"},
        BadContents{"list_start", Put<int64_t>("users.recommendations.offsets", 0, 1),
                    "users.recommendations.offsets\"[0]", "expected 0"},
        BadContents{"list_negative", Put<int64_t>("users.recommendations.offsets", 1, -3),
                    "users.recommendations.offsets\"[1]", "expected at least 0"},
        BadContents{"list_falls", Put<int64_t>("users.recommendations.offsets", 5, 0),
                    "users.recommendations.offsets\"[5]", "the offset before"},
        BadContents{"list_end", Put<int64_t>("users.recommendations.offsets", 9, std::numeric_limits<int64_t>::max()),
                    "users.recommendations.offsets\"[9]", "the elements of \"users.recommendations.values\""},
        BadContents{"seen_weight_nan", Put("users.seen.weights", 2, kNan), "users.seen.weights\"[2]", "finite"},
        BadContents{"tokens_nan", Put("space.traits.tokens", 11, kNan), "space.traits.tokens\"[11]", "finite"},
        BadContents{"basis_inf", Put("space.traits.basis", 0, kInf), "space.traits.basis\"[0]", "finite"},
        BadContents{"profile_negative", Put("space.traits.average_profile", 1, -0.1f),
                    "space.traits.average_profile\"[1]", ">= 0"},
        BadContents{"rows_range", Put<uint32_t>("space.words.rows.values", 1, 5000), "space.words.rows.values\"[1]",
                    "found 5000, expected less than d = 5000"},
        BadContents{"rows_twice", Put<uint32_t>("space.words.rows.values", 1, 0), "space.words.rows.values\"[1]",
                    "expected row 0 to ascend"},
        BadContents{"rows_weight_inf", Put("space.words.rows.weights", 139, kInf), "space.words.rows.weights\"[139]",
                    "finite"},
        BadContents{"rows_fall", Put<int64_t>("space.words.rows.offsets", 3, 1), "space.words.rows.offsets\"[3]",
                    "the offset before"},
        BadContents{"columns_range", Put<uint32_t>("space.words.columns.values", 139, 70),
                    "space.words.columns.values\"[139]", "expected less than n_items = 70"},
        BadContents{"columns_end", Put<int64_t>("space.words.columns.offsets", 5000, 139),
                    "space.words.columns.offsets\"[5000]", "the elements of"},
        BadContents{"token_twice", [](BundleBuilder& b) { b.Get<uint8_t>("tokens.ids.bytes")[3] = 'x'; },
                    "tokens.ids.index", "is not found from its hash"},
        BadContents{"categories_start", Put<int64_t>("items.categories.offsets", 0, 2), "items.categories.offsets\"[0]",
                    "expected 0"}),
    [](const auto& info) { return info.param.name; });

// Puts `ids` in place of the item ids, with an index when they allow one.
std::function<void(BundleBuilder&)> ItemIds(std::function<std::string(int)> id) {
  return [=](BundleBuilder& b) {
    std::vector<std::string> ids;
    for (int i = 0; i < 70; ++i) ids.push_back(id(i));
    b.SetIds("items.ids", ids);
    b.Remove("items.ids.index");
  };
}

// The slot of row `row` in the index of the item ids.
size_t SlotOf(BundleBuilder& b, uint32_t row) {
  const auto words = b.Get<uint64_t>("items.ids.index");
  for (size_t slot = 0; slot < words.size() / 2; ++slot) {
    if ((words[2 * slot] & 0xffffffff) == row + 1) return slot;
  }
  return SIZE_MAX;
}

size_t EmptySlot(BundleBuilder& b) {
  const auto words = b.Get<uint64_t>("items.ids.index");
  size_t slot = 0;
  while (words[2 * slot] != 0) ++slot;
  return slot;
}

INSTANTIATE_TEST_SUITE_P(
    Ids, BadContentsTest,
    ::testing::Values(
        BadContents{"empty", ItemIds([](int i) { return i == 3 ? "" : StrCat(i); }), "items.ids.offsets\"[3]",
                    "row 3 has 0 bytes, expected 1 to 1024"},
        BadContents{"long", ItemIds([](int i) { return StrCat(std::string(i == 5 ? 1024 : 1, 'x'), i); }),
                    "items.ids.offsets\"[5]", "row 5 has 1025 bytes"},
        BadContents{"not_utf8", ItemIds([](int i) { return i == 9 ? "\xC3" : StrCat(i); }), "items.ids.bytes\"[9]",
                    "row 9 is \"\\xc3\", expected UTF-8"},
        // Valid as a whole, but cut inside a letter.
        BadContents{"utf8_across_rows", ItemIds([](int i) { return i == 0   ? "\xC3"
                                                                   : i == 1 ? "\xA9"
                                                                            : StrCat(i); }),
                    "items.ids.bytes\"[0]", "expected UTF-8"},
        BadContents{"twice_without_index", ItemIds([](int i) { return StrCat(i == 69 ? 2 : i); }), "items.ids.bytes",
                    "items.ids[69] = \"2\" is equal to items.ids[2]"},
        BadContents{"twice_with_index",
                    [](BundleBuilder& b) {
                      // Row 1 gets the bytes of row 0, "item-0", and its slot the hash of them.
                      b.Get<uint8_t>("items.ids.bytes")[11] = '0';
                    },
                    "items.ids.index\"[", ""},
        BadContents{
            "names_long",
            [](BundleBuilder& b) { b.SetIds("items.names", std::vector<std::string>(70, std::string(1025, 'x'))); },
            "items.names.offsets\"[0]", "row 0 has 1025 bytes, expected 0 to 1024"},
        BadContents{"names_not_utf8",
                    [](BundleBuilder& b) { b.SetIds("items.names", std::vector<std::string>(70, "\xff")); },
                    "items.names.bytes\"[0]", "expected UTF-8"},
        BadContents{"offsets_end", Put<int64_t>("items.ids.offsets", 70, 1 << 20), "items.ids.offsets\"[70]",
                    "the elements of \"items.ids.bytes\""},
        BadContents{"offsets_fall", Put<int64_t>("users.ids.offsets", 3, 0), "users.ids.offsets\"[3]",
                    "the offset before"}),
    [](const auto& info) { return info.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Index, BadContentsTest,
    ::testing::Values(
        BadContents{"all_empty",
                    [](BundleBuilder& b) {
                      const auto words = b.Get<uint64_t>("items.ids.index");
                      std::fill(words.begin(), words.end(), 0);
                    },
                    "items.ids.index\"[0]", "0 filled slots, expected 70"},
        // A look-up of an absent id in a full table would never end.
        BadContents{"no_empty_slot",
                    [](BundleBuilder& b) {
                      const auto words = b.Get<uint64_t>("items.ids.index");
                      const size_t one = 2 * SlotOf(b, 0);
                      const uint64_t word = words[one], place = words[one + 1];
                      for (size_t slot = 0; slot < words.size(); slot += 2) {
                        if (words[slot] != 0) continue;
                        words[slot] = word;
                        words[slot + 1] = place;
                      }
                    },
                    "items.ids.index\"[0]", "256 filled slots, expected 70"},
        BadContents{"row_out_of_range",
                    [](BundleBuilder& b) { b.Get<uint64_t>("items.ids.index")[2 * SlotOf(b, 3)] |= 0xffffffff; },
                    "items.ids.index\"[", "expected less than 70"},
        BadContents{
            "row_zero_with_tag",
            [](BundleBuilder& b) { b.Get<uint64_t>("items.ids.index")[2 * SlotOf(b, 3)] &= 0xffffffff00000000; },
            "items.ids.index\"[", "expected less than 70"},
        BadContents{"place_out_of_range",
                    [](BundleBuilder& b) { b.Get<uint64_t>("items.ids.index")[2 * SlotOf(b, 3) + 1] = ~uint64_t{0}; },
                    "items.ids.index\"[", "the place of row 3"},
        BadContents{"place_of_another",
                    [](BundleBuilder& b) {
                      const auto words = b.Get<uint64_t>("items.ids.index");
                      words[2 * SlotOf(b, 3) + 1] = words[2 * SlotOf(b, 4) + 1];
                    },
                    "items.ids.index\"[", "the place of row 3"},
        BadContents{"place_in_an_empty_slot",
                    [](BundleBuilder& b) { b.Get<uint64_t>("items.ids.index")[2 * EmptySlot(b) + 1] = 5; },
                    "items.ids.index\"[", "in an empty slot, expected 0"},
        BadContents{"row_missing",
                    [](BundleBuilder& b) {
                      // Row 3 twice, row 4 not at all.
                      const auto words = b.Get<uint64_t>("items.ids.index");
                      const size_t from = 2 * SlotOf(b, 3), to = 2 * SlotOf(b, 4);
                      words[to] = words[from];
                      words[to + 1] = words[from + 1];
                    },
                    "items.ids.index\"[", "row 4 = \"item-4\" is not found from its hash"},
        BadContents{"wrong_tag",
                    [](BundleBuilder& b) { b.Get<uint64_t>("items.ids.index")[2 * SlotOf(b, 8)] ^= uint64_t{1} << 63; },
                    "items.ids.index\"[", "row 8 = \"item-8\" is not found from its hash"},
        BadContents{"moved_away_from_its_hash",
                    [](BundleBuilder& b) {
                      const auto words = b.Get<uint64_t>("items.ids.index");
                      // A slot whose predecessor is empty cannot be reached from elsewhere.
                      const size_t from = 2 * SlotOf(b, 8);
                      size_t to = 2;
                      while (words[to] != 0 || words[to - 2] != 0 || to == from + 2) to += 2;
                      std::swap(words[from], words[to]);
                      std::swap(words[from + 1], words[to + 1]);
                    },
                    "items.ids.index\"[", "is not found from its hash"}),
    [](const auto& info) { return info.param.name; });

TEST(ContentsTest, EveryTensorAsItShouldBePasses) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  builder.Get<float>("space.default.q.scales")[0] = -0.0f;
  builder.Get<float>("space.default.items")[0] = std::numeric_limits<float>::lowest();
  builder.Get<float>("space.default.items")[1] = std::numeric_limits<float>::denorm_min();
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  EXPECT_TRUE(reader.ok()) << reader.status();
}

TEST(ContentsTest, DisplayNamesMayBeEqualOrEmpty) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.SetIds("items.names", std::vector<std::string>(70, ""));
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  EXPECT_TRUE(BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums).ok());
  builder.SetIds("items.names", std::vector<std::string>(70, "same"));
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  EXPECT_TRUE(BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums).ok());
}

TEST(ContentsTest, EveryNonFiniteElementIsFound) {
  // One at a time over block edges of the scan.
  const testing::TempDir dir;
  BundleBuilder builder(testing::BundleShape{.n_items = 1300, .n_users = 0, .n_categories = 0, .dim = 1});
  builder.KeepFactorsAndIds();
  const TensorMap tensors = builder.tensors();
  BundleInfo info;
  info.n_items = 1300;
  ASSERT_TRUE(CheckContents(info, tensors).ok());
  for (size_t element = 0; element < 1300; ++element) {
    for (float value : {kNan, kInf, -kInf}) {
      float& place = builder.Get<float>("space.default.items")[element];
      const float kept = place;
      place = value;
      const absl::Status status = CheckContents(info, tensors);
      place = kept;
      ASSERT_THAT(std::string(status.message()), HasSubstr(StrCat("space.default.items\"[", element, "]")));
    }
  }
}

TEST(ContentsTest, ChosenCollisionsAreRefusedBeforeTheyCostQuadraticTime) {
  // Ids whose hashes agree in the low bits that pick a slot. Finding enough for the limit is cheap at this size: the
  // slots of 6,000 ids are picked by 14 bits.
  std::vector<std::string> ids;
  for (uint64_t i = 0; ids.size() < 6000 && i < 60'000'000; ++i) {
    const std::string id = StrCat(i);
    if ((Xxh3(std::as_bytes(std::span(id))) & 0x3f00) == 0) ids.push_back(id);
  }
  ASSERT_EQ(ids.size(), 6000u);
  const std::vector<OwnedTensor> tensors = MakeIdTensors("items.ids", ids);
  TensorMap map;
  for (const OwnedTensor& tensor : tensors) map.emplace(tensor.name, tensor.view());
  BundleInfo info;
  info.n_items = ids.size();
  const absl::Status status = CheckContents(info, map);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("the ids were chosen to collide"));
}

}  // namespace
}  // namespace kindred
