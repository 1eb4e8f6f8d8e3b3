#include "tests/unit/engine/test_model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <random>

#include "absl/strings/str_format.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"

namespace kindred::testing {
namespace {

OwnedTensor RandomMatrix(const std::string& name, uint32_t rows, const ModelShape& shape, std::mt19937* rng) {
  auto tensor = OwnedTensor::Zeros<float>(name, {rows, shape.dim});
  std::normal_distribution<float> normal;
  for (float& value : tensor.Data<float>()) value = shape.non_negative ? std::abs(normal(*rng)) : normal(*rng);
  return tensor;
}

// `.offsets` and `.values` of the rows.
void AppendRows(std::string_view csr, const std::vector<std::vector<uint32_t>>& rows, std::vector<OwnedTensor>* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> values;
  for (const auto& row : rows) {
    values.insert(values.end(), row.begin(), row.end());
    offsets.push_back(static_cast<int64_t>(values.size()));
  }
  out->push_back(OwnedTensor::Copy<int64_t>(names::Offsets(csr), {offsets.size()}, offsets));
  out->push_back(OwnedTensor::Copy<uint32_t>(names::Values(csr), {values.size()}, values));
}

void AppendIds(std::string_view table, const std::vector<std::string>& ids, std::vector<OwnedTensor>* out) {
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) out->push_back(std::move(tensor));
}

}  // namespace

std::vector<OwnedTensor> RawTensors(const ModelShape& shape) {
  std::mt19937 rng(shape.seed);
  std::vector<OwnedTensor> out;
  std::vector<std::string> ids, item_names;
  std::vector<std::vector<uint32_t>> categories;
  for (uint32_t i = 0; i < shape.n_items; ++i) {
    ids.push_back(absl::StrFormat("i%d", i));
    item_names.push_back(absl::StrFormat("Item %d", i));
    categories.push_back(i % 2 == 0 ? std::vector<uint32_t>{i % 5, 5} : std::vector<uint32_t>{i % 5});
  }
  AppendIds(names::kItemIds, ids, &out);
  AppendIds(names::kItemNames, item_names, &out);
  AppendIds(names::kCategoryIds, {"c0", "c1", "c2", "c3", "c4", "even"}, &out);
  AppendRows(names::kItemCategories, categories, &out);
  out.push_back(RandomMatrix("space.test.items", shape.n_items, shape, &rng));
  if (shape.n_users > 0) {
    std::vector<std::string> users;
    std::vector<std::vector<uint32_t>> seen(shape.n_users);
    for (uint32_t u = 0; u < shape.n_users; ++u) {
      users.push_back(absl::StrFormat("u%d", u));
      for (uint32_t i = 0; i < shape.n_items; ++i) {
        if (i % 7 == u % 7) seen[u].push_back(i);
      }
    }
    AppendIds(names::kUserIds, users, &out);
    AppendRows(names::kSeen, seen, &out);
    out.push_back(RandomMatrix("space.test.users", shape.n_users, shape, &rng));
  }
  return out;
}

Metadata RawMetadata(const ModelShape& shape) {
  SpaceSpec spec = shape.spec;
  spec.dim = shape.dim;
  spec.family = "external";
  return {{std::string(names::kSpaces), SpaceSpecsToJson({{"test", spec}})},
          {std::string(names::kDefaultSpace), "test"},
          {std::string(names::kModel), "demo"},
          {std::string(names::kVersion), "1"}};
}

std::string WriteModelFile(const ModelShape& shape) {
  static int count = 0;
  const std::string path = absl::StrFormat("%s/model_%d_%d.safetensors", ::testing::TempDir(), getpid(), ++count);
  const std::vector<OwnedTensor> raw = RawTensors(shape);
  TensorMap tensors;
  for (const OwnedTensor& tensor : raw) tensors.emplace(tensor.name, tensor.view());
  const absl::Status written = WriteBundle(path, tensors, RawMetadata(shape));
  EXPECT_TRUE(written.ok()) << written;
  return path;
}

std::shared_ptr<const Model> LoadModel(const ModelShape& shape) {
  const std::string path = WriteModelFile(shape);
  auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status();
  unlink(path.c_str());  // the map keeps it
  return model.ok() ? *model : nullptr;
}

}  // namespace kindred::testing
