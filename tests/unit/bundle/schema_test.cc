#include "core/bundle/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <ostream>

#include "core/base/str_cat.h"
#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using testing::BundleBuilder;
using testing::BundleShape;
using ::testing::HasSubstr;

// Every case is tried sealed and raw: the structure is checked alike.
struct BadStructure {
  const char* name;
  std::function<void(BundleBuilder&)> spoil;
  const char* says;

  // Otherwise the test list shows its bytes, addresses among them.
  friend void PrintTo(const BadStructure& value, std::ostream* out) { *out << value.name; }
};

template <typename T>
std::function<void(BundleBuilder&)> Put(const char* name, std::vector<uint64_t> shape) {
  return [=](BundleBuilder& b) {
    uint64_t count = 1;
    for (uint64_t extent : shape) count *= extent;
    b.Set<T>(name, shape, std::vector<T>(count));
  };
}

std::function<void(BundleBuilder&)> Drop(const char* name) {
  return [=](BundleBuilder& b) { b.Remove(name); };
}

std::function<void(BundleBuilder&)> Say(const char* key, const char* value) {
  return [=](BundleBuilder& b) { b.metadata().insert_or_assign(key, value); };
}

// Changes what the metadata says of the spaces.
std::function<void(BundleBuilder&)> Specs(const std::function<void(SpaceSpecs&)>& change) {
  return [=](BundleBuilder& b) {
    std::string& json = b.metadata().find("kindred.spaces")->second;
    SpaceSpecs specs = *SpaceSpecsFromJson(json);
    change(specs);
    json = SpaceSpecsToJson(specs);
  };
}

class BadStructureTest : public ::testing::TestWithParam<BadStructure> {};

TEST_P(BadStructureTest, IsRejectedFromTheHeaderAlone) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  GetParam().spoil(builder);
  const std::string path = dir.File("b.safetensors");
  for (bool sealed : {true, false}) {
    if (sealed) {
      ASSERT_TRUE(builder.WriteSealed(path).ok());
    } else {
      builder.WriteRaw(path);
    }
    const auto info = InspectBundle(path);
    ASSERT_FALSE(info.ok()) << "sealed: " << sealed;
    EXPECT_EQ(info.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(info.status().message()), HasSubstr(GetParam().says)) << "sealed: " << sealed;
    EXPECT_THAT(std::string(info.status().message()), HasSubstr(path));
    EXPECT_FALSE(BundleReader::Open(path, VerifyLevel::kChecksums).ok());
  }
}

// The builder's shape: 70 items, 9 users, 4 categories, d = 6, 2 tiles.
INSTANTIATE_TEST_SUITE_P(
    Schema, BadStructureTest,
    ::testing::Values(
        BadStructure{"unknown_tensor", Put<float>("space.default.item", {70, 6}),
                     "is not a tensor that bundles have; the nearest name is \"space.default.items\""},
        BadStructure{"unknown_tensor_elsewhere", Put<float>("weights", {1}), "is not a tensor that bundles have"},
        // dtypes
        BadStructure{"items_f64", Put<double>("space.default.items", {70, 6}), "dtype is F64, expected F32"},
        BadStructure{"seen_i64", Put<int64_t>("users.seen.values", {3}), "dtype is I64, expected U32"},
        BadStructure{"codes_i8", Put<int8_t>("space.default.q.codes", {2, 2, 4, 64}), "dtype is I8, expected U8"},
        BadStructure{"offsets_u64", Put<uint64_t>("items.ids.offsets", {71}), "dtype is U64, expected I64"},
        // shapes of every symbol
        BadStructure{"items_rows", Put<float>("space.default.items", {71, 6}),
                     "shape is [71, 6], expected [n_items = 70, d = 6]"},
        BadStructure{"items_flat", Put<float>("space.default.items", {420}), "expected [n_items, d]"},
        BadStructure{"items_d_0", Put<float>("space.default.items", {70, 0}), "with d from 1 to 4096"},
        BadStructure{"items_d_4097", Put<float>("space.default.items", {70, 4097}), "with d from 1 to 4096"},
        BadStructure{"users_rows", Put<float>("space.default.users", {8, 6}),
                     "shape is [8, 6], expected [n_users = 9, d = 6]"},
        BadStructure{"users_d", Put<float>("space.default.users", {9, 5}), "expected [n_users = 9, d = 6]"},
        BadStructure{"average", Put<float>("space.default.average", {5}), "expected [d = 6]"},
        BadStructure{"gram", Put<double>("space.default.gram", {6, 5}), "expected [d = 6, d = 6]"},
        BadStructure{"trait_items", Put<uint32_t>("space.default.trait_items", {6, 7}), "expected [d = 6, 8]"},
        BadStructure{"codes", Put<uint8_t>("space.default.q.codes", {2, 2, 2, 64}),
                     "expected [2, ceil(n_items / 64) = 2, ceil(d / 4) * 2 = 4, 64]"},
        BadStructure{"codes_flat", Put<uint8_t>("space.default.q.codes", {1024}), "shape is [1024]"},
        BadStructure{"scales", Put<float>("space.default.q.scales", {70}), "expected [ceil(n_items / 64) * 64 = 128]"},
        BadStructure{"bounds", Put<float>("space.default.q.bounds", {5, 2}),
                     "expected [ceil(n_items / 64) * 4 = 8, 2]"},
        BadStructure{"cosine_scales", Put<float>("space.default.q.cosine_scales", {127}), "= 128]"},
        BadStructure{"cosine_bounds", Put<float>("space.default.q.cosine_bounds", {8, 3}), "= 8, 2]"},
        BadStructure{"inverse_norms", Put<float>("space.default.inverse_norms", {128}), "expected [n_items = 70]"},
        BadStructure{"popularity", Put<float>("items.popularity", {69}), "expected [n_items = 70]"},
        BadStructure{"popularity_2d", Put<float>("items.popularity", {70, 1}), "shape is [70, 1]"},
        BadStructure{"popularity_scalar", Put<float>("items.popularity", {}), "shape is []"},
        BadStructure{"popularity_order", Put<uint32_t>("items.popularity_order", {71}), "expected [n_items = 70]"},
        BadStructure{"prior", Put<float>("items.prior", {0}), "expected [n_items = 70]"},
        BadStructure{"attribute", Put<float>("items.attr.price", {9}), "expected [n_items = 70]"},
        BadStructure{"bitmaps", Put<uint64_t>("categories.bitmaps", {4, 1}),
                     "expected [n_categories = 4, ceil(n_items / 64) = 2]"},
        BadStructure{"names", Put<int64_t>("items.names.offsets", {70}), "expected [n_items + 1 = 71]"},
        BadStructure{"seen_offsets", Put<int64_t>("users.seen.offsets", {9}), "expected [n_users + 1 = 10]"},
        BadStructure{"list_offsets", Put<int64_t>("users.recommendations.offsets", {9}),
                     "expected [n_users + 1 = 10]"},
        BadStructure{"list_weights", Put<float>("users.recommendations.weights", {23}),
                     "shape is [23], expected [elements of users.recommendations.values = 24]"},
        BadStructure{"list_values_2d", Put<uint32_t>("users.recommendations.values", {1, 24}), "expected ["},
        BadStructure{"list_weights_f64", Put<double>("users.recommendations.weights", {24}),
                     "dtype is F64, expected F32"},
        BadStructure{"item_categories", Put<int64_t>("items.categories.offsets", {70}), "expected [n_items + 1 = 71]"},
        BadStructure{"seen_values_2d", Put<uint32_t>("users.seen.values", {1, 3}), "shape is [1, 3], expected [any]"},
        BadStructure{"index_not_a_power_of_two", Put<uint64_t>("items.ids.index", {200, 2}),
                     "shape is [200, 2], expected [a power of two >= n_items * 2 = 140, 2]"},
        BadStructure{"index_too_full", Put<uint64_t>("items.ids.index", {128, 2}), "a power of two >= n_items * 2"},
        BadStructure{"index_one_word", Put<uint64_t>("users.ids.index", {32, 1}), "n_users * 2 = 18, 2]"},
        BadStructure{"index_empty", Put<uint64_t>("categories.ids.index", {0, 2}), "n_categories * 2 = 8, 2]"},
        BadStructure{"ids_offsets_empty", Put<int64_t>("items.ids.offsets", {0}), "expected [rows + 1]"},
        BadStructure{"ids_offsets_2d", Put<int64_t>("items.ids.offsets", {71, 1}), "expected [rows + 1]"},
        // agreement
        BadStructure{"too_many_categories", Put<int64_t>("categories.ids.offsets", {65'538}),
                     "has 65537 rows, expected at most 65536"},
        BadStructure{"no_item_bytes", Drop("items.ids.bytes"), "expected a tensor \"items.ids.bytes\" beside it"},
        BadStructure{"no_item_offsets", Drop("items.ids.offsets"), "\"items.ids.offsets\""},
        BadStructure{"no_user_offsets", Drop("users.ids.offsets"), "\"users.ids.offsets\" beside it"},
        BadStructure{"no_users_for_factors",
                     [](BundleBuilder& b) {
                       for (const char* part : {"bytes", "offsets", "index"}) b.Remove(StrCat("users.ids.", part));
                       b.Remove("users.seen.offsets");
                       b.Remove("users.seen.values");
                     },
                     "\"users.ids.offsets\" beside it"},
        BadStructure{"no_users_for_seen",
                     [](BundleBuilder& b) {
                       for (const char* part : {"bytes", "offsets", "index"}) b.Remove(StrCat("users.ids.", part));
                       b.Remove("space.default.users");
                       b.Set<int64_t>("users.seen.offsets", {1}, {0});
                     },
                     "tensor \"users.seen.offsets\""},
        BadStructure{"no_categories_for_items",
                     [](BundleBuilder& b) {
                       for (const char* part : {"bytes", "offsets", "index"}) b.Remove(StrCat("categories.ids.", part));
                       b.Remove("categories.bitmaps");
                     },
                     "tensor \"items.categories.offsets\""},
        BadStructure{"no_seen_values", Drop("users.seen.values"), "\"users.seen.values\" beside it"},
        BadStructure{"no_list_values", Drop("users.recommendations.values"),
                     "\"users.recommendations.values\" beside it"},
        BadStructure{"no_list_weights", Drop("users.recommendations.weights"),
                     "\"users.recommendations.weights\" beside it"},
        BadStructure{"no_list_offsets", Drop("users.recommendations.offsets"),
                     "\"users.recommendations.offsets\" beside it"},
        BadStructure{"no_space_items", Drop("space.default.items"),
                     "expected a tensor \"space.default.items\""},
        BadStructure{"no_space",
                     [](BundleBuilder& b) {
                       for (const auto& [name, tensor] : b.tensors()) {
                         if (name.starts_with("space.")) b.Remove(name);
                       }
                     },
                     "there is no tensor \"space.<name>.items\""},
        BadStructure{"no_items",
                     [](BundleBuilder& b) {
                       b = BundleBuilder(BundleShape{0, 2, 0, 3});
                       b.Remove("items.names.bytes");
                       b.Remove("items.names.offsets");
                     },
                     "expected at least one item"},
        // metadata that must agree with the tensors
        BadStructure{"spaces_not_json", Say("kindred.spaces", "{"), "\"kindred.spaces\", byte"},
        BadStructure{"spaces_empty", Say("kindred.spaces", "{}"), "has no entry for space \"default\""},
        BadStructure{"spaces_other", Say("kindred.spaces", R"({"default":{"dim":6},"svd":{"dim":6}})"),
                     "describes space \"svd\", expected a tensor \"space.svd.items\""},
        BadStructure{"spaces_dim", Say("kindred.spaces", R"({"default":{"dim":7}})"),
                     "says dim 7 for space \"default\", expected 6"},
        // spaces and their fold-ins
        BadStructure{"rows_beside_items",
                     [](BundleBuilder& b) {
                       b.Set<int64_t>("space.default.rows.offsets", {71}, std::vector<int64_t>(71));
                       b.Set<uint32_t>("space.default.rows.values", {0}, {});
                       b.Set<float>("space.default.rows.weights", {0}, {});
                     },
                     "stands beside \"space.default.items\""},
        BadStructure{"rows_without_weights", Drop("space.words.rows.weights"),
                     "expected a tensor \"space.words.rows.weights\" beside it"},
        BadStructure{"rows_weights_short", Put<float>("space.words.rows.weights", {139}), "shape is [139], expected [140]"},
        BadStructure{"columns_values_short", Put<uint32_t>("space.words.columns.values", {139}),
                     "shape is [139], expected [140]"},
        BadStructure{"columns_offsets", Put<int64_t>("space.words.columns.offsets", {5000}), "[d + 1 = 5001]"},
        BadStructure{"seen_weights_short", Put<float>("users.seen.weights", {1}), "elements of users.seen.values"},
        BadStructure{"sparse_with_users", Put<float>("space.words.users", {9, 5000}), "belongs to a space without items"},
        BadStructure{"sparse_that_is_ridge", Specs([](SpaceSpecs& s) { s["words"].fold_in = FoldIn::kRidge; }),
                     "fold_in is ridge, expected sparse or neighbors"},
        BadStructure{"dense_that_is_sparse", Specs([](SpaceSpecs& s) { s["default"].fold_in = FoldIn::kSparse; }),
                     "since the space has no sparse rows"},
        BadStructure{"neighbors_of_others", Specs([](SpaceSpecs& s) { s["words"].fold_in = FoldIn::kNeighbors; }),
                     "dim is 5000, expected n_items = 70"},
        BadStructure{"huge_sparse_dim", Specs([](SpaceSpecs& s) { s["words"].dim = UINT32_MAX; }),
                     "dim is 4294967295, expected at most 16777216"},
        BadStructure{"tokens_without_ids",
                     [](BundleBuilder& b) {
                       for (const char* part : {"bytes", "offsets", "index"}) b.Remove(std::string("tokens.ids.") + part);
                     },
                     "expected a tensor \"tokens.ids.offsets\" beside it"},
        BadStructure{"actions_without_ids",
                     [](BundleBuilder& b) {
                       for (const char* part : {"bytes", "offsets", "index"}) b.Remove(std::string("actions.ids.") + part);
                     },
                     "expected a tensor \"actions.ids.offsets\" beside it"},
        BadStructure{"traits_without_basis", Drop("space.traits.basis"),
                     "expected a tensor \"space.traits.basis\""},
        BadStructure{"basis_of_other_width", Put<float>("space.traits.basis", {2, 4}), "expected [d = 2, d_e = 3]"},
        BadStructure{"traits_by_cosine", Specs([](SpaceSpecs& s) { s["traits"].metric = Metric::kCosine; }),
                     "metric is cosine, expected dot"},
        BadStructure{"traits_that_are_ridge", Specs([](SpaceSpecs& s) { s["traits"].fold_in = FoldIn::kRidge; }),
                     "expected traits with a tensor"},
        BadStructure{"sources_of_ridge", Specs([](SpaceSpecs& s) { s["vectors"].fold_in = FoldIn::kRidge; }),
                     "expected fold_in mean and no tokens with it"},
        BadStructure{"observed_of_one_column",
                     [](BundleBuilder& b) {
                       b.Set<float>("space.one.items", {70, 1}, std::vector<float>(70));
                       Specs([](SpaceSpecs& s) {
                         s["one"].dim = 1;
                         s["one"].fold_in = FoldIn::kObserved;
                       })(b);
                     },
                     "dim is 1, expected at least 2"},
        BadStructure{"blend_of_nothing", Specs([](SpaceSpecs& s) { s["blend"].parts.clear(); }), "a blend without parts"},
        BadStructure{"blend_of_unknown", Specs([](SpaceSpecs& s) { s["blend"].parts[0].space = "als"; }),
                     "has the part \"als\", expected the name of another space"},
        BadStructure{"blend_of_itself", Specs([](SpaceSpecs& s) { s["blend"].parts[0].space = "blend"; }),
                     "which is a blend itself"},
        BadStructure{"blend_of_sparse", Specs([](SpaceSpecs& s) { s["blend"].parts[0].space = "words"; }),
                     "which has no item matrix"},
        BadStructure{"blend_twice", Specs([](SpaceSpecs& s) { s["blend"].parts[0].space = "vectors"; }),
                     "has the part \"vectors\" a second time"},
        BadStructure{"blend_of_weight_0", Specs([](SpaceSpecs& s) {
                       for (BlendPart& part : s["blend"].parts) part.weight = 0;
                     }),
                     "has parts of weight 0 only"},
        BadStructure{"blend_dim", Specs([](SpaceSpecs& s) { s["blend"].dim = 4; }),
                     "dim is 4, expected 5, the dimensions of its parts together"},
        BadStructure{"parts_of_another", Specs([](SpaceSpecs& s) { s["default"].parts = {{"traits", 1}}; }),
                     "has parts, expected fold_in blend"},
        BadStructure{"default_space", Say("kindred.default_space", "svd"), "\"kindred.default_space\" is \"svd\""},
        BadStructure{"counts_not_json", Say("kindred.counts", "7"), "\"kindred.counts\", byte"},
        BadStructure{"counts_items", Say("kindred.counts", R"({"items":71})"), "says 71 items, expected 70"},
        BadStructure{"counts_users", Say("kindred.counts", R"({"users":0})"), "says 0 users, expected 9"},
        BadStructure{"counts_unknown", Say("kindred.counts", R"({"orders":0})"), "has the key \"orders\""}),
    [](const auto& info) { return info.param.name; });

TEST(SchemaTest, CountsComeFromTheShapes) {
  const testing::TempDir dir;
  BundleBuilder builder;
  builder.AddEveryTensor();
  builder.metadata()["kindred.counts"] = R"({"items":70,"users":9,"interactions":123456})";
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto info = InspectBundle(dir.File("b"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->n_items, 70u);
  EXPECT_EQ(info->n_users, 9u);
  EXPECT_EQ(info->n_categories, 4u);
  EXPECT_EQ(info->n_interactions, builder.Get<uint32_t>("users.seen.values").size());
}

TEST(SchemaTest, ARawBundleGetsOneSpaceForEachItemMatrix) {
  const testing::TempDir dir;
  BundleBuilder builder(BundleShape{.space = "svd"});
  builder.KeepFactorsAndIds();
  builder.Set<float>("space.b_2.items", {70, 3}, std::vector<float>(210));
  builder.WriteRaw(dir.File("b"));
  auto info = InspectBundle(dir.File("b"));
  ASSERT_TRUE(info.ok()) << info.status();
  SpaceSpec expected;
  expected.family = "external";
  expected.dim = 6;
  EXPECT_EQ(info->spaces.at("svd"), expected);
  EXPECT_EQ(info->spaces.at("b_2").dim, 3u);
  EXPECT_EQ(info->default_space, "b_2") << "the first by name, when none is called default";

  builder.Set<float>("space.default.items", {70, 1}, std::vector<float>(70));
  builder.WriteRaw(dir.File("b"));
  info = InspectBundle(dir.File("b"));
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->default_space, "default");
}

TEST(SchemaTest, UsersAndEverythingDerivedAreOptional) {
  const testing::TempDir dir;
  BundleBuilder builder(BundleShape{.n_users = 0, .n_categories = 0});
  builder.KeepFactorsAndIds();
  builder.WriteRaw(dir.File("b"));
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ((*reader)->info().n_users, 0u);
  EXPECT_EQ((*reader)->info().n_interactions, 0u);
}

TEST(SchemaTest, OneItemInOneDimensionIsABundle) {
  const testing::TempDir dir;
  BundleBuilder builder(BundleShape{1, 1, 1, 1});
  builder.AddEveryTensor();
  ASSERT_TRUE(builder.WriteSealed(dir.File("b")).ok());
  const auto reader = BundleReader::Open(dir.File("b"), VerifyLevel::kChecksums);
  EXPECT_TRUE(reader.ok()) << reader.status();
}

TEST(SchemaTest, RejectsMoreItemsThanAnIndexCanName) {
  // 2^32 − 64 rows would make a file of 34 GB, so the header is handed over without one.
  for (const auto& [rows, fits] : {std::pair{(uint64_t{1} << 32) - 65, true},
                                   {(uint64_t{1} << 32) - 64, false},
                                   {uint64_t{1} << 32, false},
                                   {(uint64_t{1} << 63) - 1, false}}) {
    BundleInfo info;
    info.header.tensors = {{"items.ids.bytes", DType::kU8, {0}, 0, 0},
                           {"items.ids.offsets", DType::kI64, {rows + 1}, 0, 0},
                           {"space.a.items", DType::kF32, {rows, 1}, 0, 0}};
    const absl::Status status = CheckStructure(&info);
    EXPECT_EQ(status.ok(), fits) << status;
    if (fits) continue;
    EXPECT_THAT(std::string(status.message()), HasSubstr(StrCat("has ", rows, " rows, expected at most")));
  }
}

}  // namespace
}  // namespace kindred
