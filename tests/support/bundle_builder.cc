#include "tests/support/bundle_builder.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/base/str_cat.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "gtest/gtest.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred::testing {
namespace {

std::vector<std::string> Numbered(std::string_view prefix, uint32_t n) {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < n; ++i) ids.push_back(StrCat(prefix, i));
  return ids;
}

}  // namespace

BundleBuilder::BundleBuilder(const BundleShape& shape) : shape_(shape) {
  // mt19937 is specified bit by bit; the standard distributions are not.
  std::mt19937 random(shape.seed);
  const auto uniform = [&] { return static_cast<float>(random() >> 8) * 0x1p-24f; };
  const auto factors = [&](std::string_view part, uint64_t rows) {
    std::vector<float> values(rows * shape.dim);
    for (float& value : values) value = uniform() + uniform() + uniform() + uniform() - 2;
    Set<float>(names::Space(shape.space, part), {rows, shape.dim}, values);
  };
  const auto rows = [&](std::string_view csr, uint32_t n_rows, uint32_t n_values, float density) {
    std::vector<int64_t> offsets = {0};
    std::vector<uint32_t> values;
    for (uint32_t row = 0; row < n_rows; ++row) {
      for (uint32_t value = 0; value < n_values; ++value) {
        if (uniform() < density) values.push_back(value);
      }
      offsets.push_back(static_cast<int64_t>(values.size()));
    }
    Set<int64_t>(names::Offsets(csr), {offsets.size()}, offsets);
    Set<uint32_t>(names::Values(csr), {values.size()}, values);
  };

  SetIds(names::kItemIds, Numbered("item-", shape.n_items));
  SetIds(names::kItemNames, Numbered("Item ", shape.n_items));
  factors(names::kItems, shape.n_items);
  if (shape.n_users > 0) {
    SetIds(names::kUserIds, Numbered("user-", shape.n_users));
    factors(names::kUsers, shape.n_users);
    rows(names::kSeen, shape.n_users, shape.n_items, 0.2f);
  }
  if (shape.n_categories > 0) {
    SetIds(names::kCategoryIds, Numbered("cat-", shape.n_categories));
    rows(names::kItemCategories, shape.n_items, shape.n_categories, 0.4f);
  }
  std::vector<float> popularity(shape.n_items), price(shape.n_items);
  for (uint32_t i = 0; i < shape.n_items; ++i) {
    popularity[i] = std::floor(uniform() * 100);
    price[i] = i % 10 == 3 ? std::numeric_limits<float>::quiet_NaN() : uniform() * 20;
  }
  Set<float>(std::string(names::kPopularity), {shape.n_items}, popularity);
  Set<float>(StrCat(names::kAttributePrefix, "price"), {shape.n_items}, price);

  SpaceSpec spec;
  spec.family = "test";
  spec.dim = shape.dim;
  metadata_ = {{std::string(names::kModel), "test"},
               {std::string(names::kVersion), "1"},
               {std::string(names::kSource), "bundle_builder"},
               {std::string(names::kCreatedAt), "2026-01-31T12:00:00Z"},
               {std::string(names::kSpaces), SpaceSpecsToJson({{shape.space, spec}})},
               {std::string(names::kDefaultSpace), shape.space}};
}

TensorMap BundleBuilder::tensors() const {
  TensorMap views;
  for (const auto& [name, tensor] : owned_) views.emplace(name, tensor.view());
  return views;
}

void BundleBuilder::Set(OwnedTensor tensor) {
  const std::string name = tensor.name;
  owned_.insert_or_assign(name, std::move(tensor));
}

void BundleBuilder::SetIds(std::string_view table, const std::vector<std::string>& ids) {
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) Set(std::move(tensor));
}

void BundleBuilder::Remove(const std::string& name) {
  EXPECT_EQ(owned_.erase(name), 1u) << "there is no tensor " << name;
}

void BundleBuilder::KeepFactorsAndIds() {
  std::erase_if(owned_, [&](const auto& entry) {
    const std::string& name = entry.first;
    return !name.starts_with("items.ids.") && !name.starts_with("users.ids.") && !name.starts_with(names::kSpacePrefix);
  });
  metadata_.clear();
}

void BundleBuilder::AddIndexes() {
  for (std::string_view table :
       {names::kItemIds, names::kUserIds, names::kCategoryIds, names::kTokenIds, names::kActionIds}) {
    if (!owned_.contains(names::Offsets(table))) continue;
    absl::StatusOr<OwnedTensor> index = MakeIdIndex(table, IdTableFrom(tensors(), table));
    ASSERT_TRUE(index.ok()) << index.status();
    Set(*std::move(index));
  }
}

void BundleBuilder::AddSpaces() {
  const uint64_t n = shape_.n_items;
  constexpr uint64_t kTraits = 2, kEmbedding = 3, kTokens = 4;
  // More than a dense space may have; few in the fuzzer's seeds, which are small.
  const uint64_t n_words = n < 10 ? n + 2 : 5000;
  SetIds(names::kActionIds, {"view", "buy"});
  SetIds(names::kTokenIds, {"view_item-0", "buy_item-0", "view_item-1", "buy_item-9"});
  const auto set = [&](std::string_view space, std::string_view part, uint64_t rows, uint64_t columns) {
    std::vector<float> values(rows * columns);
    for (size_t i = 0; i < values.size(); ++i) values[i] = 0.25f + static_cast<float>(i % 7);
    Set<float>(names::Space(space, part), {rows, columns}, values);
  };
  set("traits", names::kItems, n, kTraits);
  set("traits", names::kTokens, kTokens, kEmbedding);
  set("traits", names::kBasis, kTraits, kEmbedding);
  Set<float>(names::Space("traits", names::kAverageProfile), {kTraits}, std::vector<float>(kTraits, 0.5f));
  if (shape_.n_categories > 0) {
    const auto name = names::Space("traits", names::kCategoryVectors);
    Set<float>(name, {shape_.n_categories, kEmbedding}, std::vector<float>(shape_.n_categories * kEmbedding, 0.5f));
  }
  set("traits", names::kActionVectors, 2, kEmbedding);
  set("vectors", names::kItems, n, kEmbedding);
  set("vectors", names::kSources, n, kEmbedding);
  // Item i has the words i and n_words - 1.
  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> words;
  for (uint64_t i = 0; i < n; ++i) {
    words.insert(words.end(), {static_cast<uint32_t>(i), static_cast<uint32_t>(n_words - 1)});
    offsets.push_back(static_cast<int64_t>(words.size()));
  }
  const auto set_rows = [&](std::string_view csr, const std::vector<int64_t>& at, const std::vector<uint32_t>& values) {
    Set<int64_t>(names::Space("words", names::Offsets(csr)), {at.size()}, at);
    Set<uint32_t>(names::Space("words", names::Values(csr)), {values.size()}, values);
    Set<float>(names::Space("words", names::Weights(csr)), {values.size()}, std::vector<float>(values.size(), 0.5f));
  };
  set_rows(names::kRows, offsets, words);
  std::vector<int64_t> column_offsets = {0};
  std::vector<uint32_t> items;
  for (uint64_t word = 0; word < n_words; ++word) {
    for (uint64_t i = 0; i < n; ++i) {
      if (word == i || word == n_words - 1) items.push_back(static_cast<uint32_t>(i));
    }
    column_offsets.push_back(static_cast<int64_t>(items.size()));
  }
  set_rows(names::kColumns, column_offsets, items);
  if (shape_.n_users > 0) {
    const std::vector<float> weights(Get<uint32_t>(names::Values(names::kSeen)).size(), 2);
    Set<float>(names::Weights(names::kSeen), {weights.size()}, weights);
    // User u: the items 2u + 1, 2u and 2u + 2, but for the last user, who has no list.
    std::vector<int64_t> at = {0};
    std::vector<uint32_t> listed;
    std::vector<float> scores;
    for (uint32_t user = 0; user < shape_.n_users; ++user) {
      for (uint32_t item : {2 * user + 1, 2 * user, 2 * user + 2}) {
        if (user + 1 == shape_.n_users || item >= n) continue;
        listed.push_back(item);
        scores.push_back(4 - static_cast<float>(listed.size() - static_cast<size_t>(at.back())));
      }
      at.push_back(static_cast<int64_t>(listed.size()));
    }
    Set<int64_t>(names::Offsets(names::kRecommendations), {at.size()}, at);
    Set<uint32_t>(names::Values(names::kRecommendations), {listed.size()}, listed);
    Set<float>(names::Weights(names::kRecommendations), {scores.size()}, scores);
  }

  SpaceSpecs specs = *SpaceSpecsFromJson(metadata_.find(names::kSpaces)->second);
  SpaceSpec& traits = specs["traits"];
  traits.dim = kTraits;
  traits.fold_in = FoldIn::kTraits;
  traits.actions = {{"view", 0.5}, {"buy", 2}};
  traits.half_life_days = 30;
  SpaceSpec& vectors = specs["vectors"];
  vectors.dim = kEmbedding;
  vectors.fold_in = FoldIn::kMean;
  vectors.metric = Metric::kCosine;
  SpaceSpec& content = specs["words"];
  content.dim = static_cast<uint32_t>(n_words);
  content.fold_in = FoldIn::kSparse;
  SpaceSpec& blend = specs["blend"];
  blend.dim = kTraits + kEmbedding;
  blend.fold_in = FoldIn::kBlend;
  blend.parts = {{"traits", 1.0}, {"vectors", 0.5}};
  metadata_.insert_or_assign(std::string(names::kSpaces), SpaceSpecsToJson(specs));
}

void BundleBuilder::AddEveryTensor() {
  AddSpaces();
  AddIndexes();
  const uint64_t n = shape_.n_items, d = shape_.dim;
  const uint64_t tiles = (n + 63) / 64;
  if (shape_.n_categories > 0) {
    std::vector<uint64_t> bitmaps(shape_.n_categories * tiles);
    const auto offsets = Get<int64_t>("items.categories.offsets");
    const auto values = Get<uint32_t>("items.categories.values");
    for (uint64_t i = 0; i < n; ++i) {
      for (int64_t v = offsets[i]; v < offsets[i + 1]; ++v) bitmaps[values[v] * tiles + i / 64] |= 1ull << (i % 64);
    }
    Set<uint64_t>(std::string(names::kCategoryBitmaps), {shape_.n_categories, tiles}, bitmaps);
  }
  std::vector<uint32_t> order(n);
  for (uint64_t i = 0; i < n; ++i) order[i] = static_cast<uint32_t>(n - 1 - i);
  Set<uint32_t>(std::string(names::kPopularityOrder), {n}, order);
  Set<float>(std::string(names::kItemPrior), {n}, std::vector<float>(n, 0.5f));
  const std::string golden = "{\"queries\":[]}";
  Set<uint8_t>(std::string(names::kGoldenQueries), {golden.size()}, std::vector<uint8_t>(golden.begin(), golden.end()));

  const auto name = [&](std::string_view part) { return names::Space(shape_.space, part); };
  Set<float>(name(names::kAverage), {d}, std::vector<float>(d, -0.25f));
  Set<double>(name(names::kGram), {d, d}, std::vector<double>(d * d, 1.5));
  Set<uint32_t>(name(names::kTraitItems), {d, names::kTraitItemCount},
                std::vector<uint32_t>(d * names::kTraitItemCount, static_cast<uint32_t>(n - 1)));
  const uint64_t groups = (d + 3) / 4;
  Set<uint8_t>(name(names::kCodes), {2, tiles, groups * 2, 64}, std::vector<uint8_t>(tiles * groups * 256, 128));
  Set<float>(name(names::kInverseNorms), {n}, std::vector<float>(n, 1));
  for (std::string_view part : {names::kScales, names::kCosineScales}) {
    Set<float>(name(part), {tiles * 64}, std::vector<float>(tiles * 64, 0.01f));
  }
  for (std::string_view part : {names::kBounds, names::kCosineBounds}) {
    Set<float>(name(part), {tiles * 4, 2}, std::vector<float>(tiles * 8, 0.5f));
  }
}

absl::Status BundleBuilder::WriteSealed(const std::string& path) const {
  return WriteBundle(path, tensors(), metadata_);
}

void BundleBuilder::WriteRaw(const std::string& path) const { WriteFile(path, SafetensorsBytes(tensors(), metadata_)); }

}  // namespace kindred::testing
