#include "tests/unit/engine/catalogue.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "absl/strings/str_format.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"

namespace kindred::testing {
namespace {

using Tensors = std::vector<OwnedTensor>;

void AppendRows(std::string_view csr, const std::vector<std::vector<uint32_t>>& rows, Tensors* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> values;
  for (const auto& row : rows) {
    values.insert(values.end(), row.begin(), row.end());
    offsets.push_back(static_cast<int64_t>(values.size()));
  }
  out->push_back(OwnedTensor::Copy<int64_t>(names::Offsets(csr), {offsets.size()}, offsets));
  out->push_back(OwnedTensor::Copy<uint32_t>(names::Values(csr), {values.size()}, values));
}

void AppendIds(std::string_view table, const std::vector<std::string>& ids, Tensors* out) {
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) out->push_back(std::move(tensor));
}

std::vector<std::string> Numbered(const char* prefix, uint32_t count) {
  std::vector<std::string> out;
  for (uint32_t i = 0; i < count; ++i) out.push_back(absl::StrFormat("%s%d", prefix, i));
  return out;
}

}  // namespace

Catalogue::Catalogue(uint32_t n, uint32_t d, uint32_t seed) : n_items(n), dim(d) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  const auto halves = [&] { return (static_cast<int>(below(9)) - 4) * 0.5f; };
  for (const char* space : {"dot", "cos"}) {
    for (uint32_t i = 0; i < n_items * dim; ++i) items[space].push_back(halves());
    for (uint32_t i = 0; i < kUsers * dim; ++i) users[space].push_back(halves());
  }
  for (uint32_t i = 0; i < kKinds; ++i) category_names.push_back(absl::StrFormat("kind:%d", i));
  for (uint32_t i = 0; i < kTags; ++i) category_names.push_back(absl::StrFormat("tag:%d", i));
  category_names.emplace_back("empty");
  categories.resize(n_items);
  words.resize(n_items);
  for (uint32_t item = 0; item < n_items; ++item) {
    if (below(10) > 0) categories[item].push_back(below(2) == 0 ? 0 : below(kKinds));
    for (uint32_t tag = 0; tag < kTags; ++tag) {
      if (below(tag + 2) == 0) categories[item].push_back(kKinds + tag);
    }
    attributes["price"].push_back(below(8) == 0 ? std::nanf("") : static_cast<float>(below(20)) * 0.25f);
    attributes["fresh"].push_back(below(5) == 0 ? std::nanf("") : static_cast<float>(below(2)));
    prior.push_back(static_cast<float>(below(5)) * 0.25f);
    for (uint32_t word = 0; word < kWords; ++word) {
      if (below(3) == 0) words[item][word] = 0.5f + 0.5f * static_cast<float>(below(3));
    }
  }
  seen.resize(kUsers);
  for (uint32_t user = 0; user < kUsers; ++user) {
    for (uint32_t item = 0; item < n_items; ++item) {
      if (below(12) == 0) seen[user].push_back(item);
    }
  }
  if (below(2) == 0) dot_prior_weight = 0.5;
  if (below(2) == 0) cos_prior_weight = 0.25;
}

bool Catalogue::HasCategory(uint32_t item, const std::string& name) const {
  return std::any_of(categories[item].begin(), categories[item].end(),
                     [&](uint32_t category) { return category_names[category] == name; });
}

std::shared_ptr<const Model> Catalogue::Load() const {
  Tensors owned;
  AppendIds(names::kItemIds, Numbered("i", n_items), &owned);
  AppendIds(names::kUserIds, Numbered("u", kUsers), &owned);
  AppendIds(names::kCategoryIds, category_names, &owned);
  AppendRows(names::kItemCategories, categories, &owned);
  AppendRows(names::kSeen, seen, &owned);
  for (const auto& [space, matrix] : items) {
    owned.push_back(OwnedTensor::Copy<float>(names::Space(space, names::kItems), {n_items, dim}, std::span(matrix)));
  }
  for (const auto& [space, matrix] : users) {
    owned.push_back(OwnedTensor::Copy<float>(names::Space(space, names::kUsers), {kUsers, dim}, std::span(matrix)));
  }
  for (const auto& [name, values] : attributes) {
    owned.push_back(
        OwnedTensor::Copy<float>(std::string(names::kAttributePrefix) + name, {n_items}, std::span(values)));
  }
  owned.push_back(OwnedTensor::Copy<float>(std::string(names::kItemPrior), {n_items}, std::span(prior)));
  std::vector<std::vector<uint32_t>> columns;
  std::vector<float> weights;
  for (const auto& row : words) {
    columns.emplace_back();
    for (const auto& [word, weight] : row) {
      columns.back().push_back(word);
      weights.push_back(weight);
    }
  }
  const std::string rows = names::Space("words", names::kRows);
  AppendRows(rows, columns, &owned);
  owned.push_back(OwnedTensor::Copy<float>(names::Weights(rows), {weights.size()}, std::span<const float>(weights)));

  SpaceSpecs specs;
  SpaceSpec spec;
  spec.family = "external";
  spec.dim = dim;
  spec.fold_in_lambda = 1;
  spec.prior_weight = dot_prior_weight;
  specs.emplace("dot", spec);
  spec.metric = Metric::kCosine;
  spec.fold_in = FoldIn::kMean;
  spec.prior_weight = cos_prior_weight;
  specs.emplace("cos", spec);
  SpaceSpec sparse;
  sparse.family = "external";
  sparse.dim = kWords;
  sparse.fold_in = FoldIn::kSparse;
  sparse.metric = Metric::kCosine;
  specs.emplace("words", sparse);
  SpaceSpec blend;
  blend.family = "hybrid";
  blend.dim = 2 * dim;
  blend.fold_in = FoldIn::kBlend;
  blend.parts = {{"dot", both_dot_weight}, {"cos", both_cos_weight}};
  specs.emplace("both", blend);
  const Metadata metadata = {{std::string(names::kSpaces), SpaceSpecsToJson(specs)},
                             {std::string(names::kDefaultSpace), "dot"},
                             {std::string(names::kModel), "demo"},
                             {std::string(names::kVersion), "1"}};
  static int count = 0;
  const std::string path = absl::StrFormat("%s/catalogue_%d_%d.safetensors", ::testing::TempDir(), getpid(), ++count);
  TensorMap tensors;
  for (const OwnedTensor& tensor : owned) tensors.emplace(tensor.name, tensor.view());
  const absl::Status written = WriteBundle(path, tensors, metadata);
  EXPECT_TRUE(written.ok()) << written;
  auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status();
  unlink(path.c_str());  // the map keeps it
  return model.ok() ? *model : nullptr;
}

}  // namespace kindred::testing
