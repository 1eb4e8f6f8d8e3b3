#include "tests/unit/lifecycle/gate_models.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/golden.h"
#include "tests/support/files.h"
#include "tests/support/safetensors.h"

namespace kindred::testing {
namespace {

constexpr uint32_t kDim = 8;
constexpr uint32_t kOwn = 15;  // items that a user has touched

using Vector = std::vector<double>;

// As for the data, so for a basis and for noise: the same numbers for the same index, whatever comes before.
Vector Normal(uint32_t stream, uint32_t index) {
  std::mt19937 random(stream * 1'000'003 + index);
  random.discard(20);
  Vector out(kDim);
  for (double& value : out) {
    value = -6;
    for (int i = 0; i < 12; ++i) value += (random() >> 8) * 0x1p-24;
  }
  return out;
}

double Dot(const Vector& a, const Vector& b) {
  double sum = 0;
  for (uint32_t i = 0; i < kDim; ++i) sum += a[i] * b[i];
  return sum;
}

// Rows of a random orthogonal matrix, by Gram and Schmidt.
std::vector<Vector> Basis(uint32_t seed) {
  std::vector<Vector> rows;
  for (uint32_t r = 0; r < kDim; ++r) {
    Vector row = Normal(seed + 100, r);
    for (const Vector& before : rows) {
      const double along = Dot(row, before);
      for (uint32_t i = 0; i < kDim; ++i) row[i] -= along * before[i];
    }
    const double norm = std::sqrt(Dot(row, row));
    for (double& value : row) value /= norm;
    rows.push_back(row);
  }
  return rows;
}

Vector In(const std::vector<Vector>& basis, const Vector& vector) {
  Vector out;
  for (const Vector& row : basis) out.push_back(Dot(row, vector));
  return out;
}

constexpr uint32_t kItemStream = 1, kUserStream = 2;

OwnedTensor Factors(const std::string& name, uint32_t stream, uint32_t first, uint32_t n, const GateModel& shape,
                    bool rotate) {
  auto tensor = OwnedTensor::Zeros<float>(name, {n, kDim});
  const std::vector<Vector> basis = Basis(shape.seed), other = Basis(shape.seed + 50);
  for (uint32_t row = 0; row < n; ++row) {
    Vector vector = Normal(stream, first + row);
    const Vector noise = Normal(stream + 10 * shape.seed, first + row);
    for (uint32_t i = 0; i < kDim; ++i) vector[i] = (vector[i] + shape.noise * noise[i]) / std::sqrt(kDim);
    vector = In(basis, vector);
    if (rotate) vector = In(other, vector);
    for (uint32_t i = 0; i < kDim; ++i) tensor.Data<float>()[row * kDim + i] = static_cast<float>(vector[i]);
  }
  return tensor;
}

void AppendSeen(const GateModel& shape, std::vector<OwnedTensor>* out) {
  std::vector<int64_t> offsets = {0};
  std::vector<uint32_t> values;
  for (uint32_t user = 0; user < shape.n_users; ++user) {
    const Vector taste = Normal(kUserStream, shape.first_user + user);
    std::vector<std::pair<double, uint32_t>> liked;
    for (uint32_t item = 0; item < shape.n_items; ++item) {
      liked.emplace_back(-Dot(taste, Normal(kItemStream, shape.first_item + item)), item);
    }
    std::sort(liked.begin(), liked.end());
    std::vector<uint32_t> row;
    for (uint32_t i = 0; i < kOwn; ++i) row.push_back(liked[2 * i].second);
    std::sort(row.begin(), row.end());
    values.insert(values.end(), row.begin(), row.end());
    offsets.push_back(static_cast<int64_t>(values.size()));
  }
  out->push_back(OwnedTensor::Copy<int64_t>(names::Offsets(names::kSeen), {offsets.size()}, offsets));
  out->push_back(OwnedTensor::Copy<uint32_t>(names::Values(names::kSeen), {values.size()}, values));
}

void AppendIds(std::string_view table, std::string_view prefix, uint32_t first, uint32_t n,
               std::vector<OwnedTensor>* out) {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < n; ++i) ids.push_back(absl::StrCat(std::string(prefix), first + i));
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) out->push_back(std::move(tensor));
}

std::string Golden(const Model& model, bool swap) {
  auto golden = nlohmann::json::parse(MakeGoldenQueries(model));
  if (swap) {
    auto& expected = golden["queries"][2]["expected"];
    std::swap(expected[2], expected[3]);
  }
  return golden.dump();
}

}  // namespace

std::string WriteGateModel(const GateModel& shape, const std::string& path) {
  std::vector<OwnedTensor> tensors;
  AppendIds(names::kItemIds, "i", shape.first_item, shape.n_items, &tensors);
  tensors.push_back(
      Factors("space.main.items", kItemStream, shape.first_item, shape.n_items, shape, shape.rotate_items));
  if (shape.n_users > 0) {
    AppendIds(names::kUserIds, "u", shape.first_user, shape.n_users, &tensors);
    AppendSeen(shape, &tensors);
    tensors.push_back(Factors("space.main.users", kUserStream, shape.first_user, shape.n_users, shape, false));
  }
  TensorMap views;
  for (const OwnedTensor& tensor : tensors) views.emplace(tensor.name, tensor.view());
  if (!shape.sealed) {
    WriteFile(path, SafetensorsBytes(views, {}));
    return path;
  }
  SpaceSpec spec;
  spec.dim = kDim;
  const Metadata metadata = {{std::string(names::kModel), shape.model},
                             {std::string(names::kVersion), "1"},
                             {std::string(names::kSpaces), SpaceSpecsToJson({{"main", spec}})},
                             {std::string(names::kDefaultSpace), "main"}};
  EXPECT_TRUE(WriteBundle(path, views, metadata).ok());
  const auto model = Model::Load(path);
  EXPECT_TRUE(model.ok()) << model.status();
  const std::string golden = Golden(**model, shape.swap_golden);
  const auto tensor =
      OwnedTensor::Copy<uint8_t>(std::string(names::kGoldenQueries), {golden.size()},
                                 std::span(reinterpret_cast<const uint8_t*>(golden.data()), golden.size()));
  views.emplace(tensor.name, tensor.view());
  EXPECT_TRUE(WriteBundle(path, views, metadata).ok());
  return path;
}

ModelHandle LoadGateModel(const GateModel& shape) {
  const TempDir folder;
  const auto model =
      Model::Load(WriteGateModel(shape, folder.File("model.safetensors")), "demo", absl::StrCat(shape.seed));
  EXPECT_TRUE(model.ok()) << model.status();
  return model.ok() ? *model : nullptr;  // the map keeps the file
}

}  // namespace kindred::testing
