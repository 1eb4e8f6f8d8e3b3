// How long a bundle takes from its path to answering, and how much of it is resident then.
//
//   bench_load --make FILE [--shape USERSxITEMSxDIM] [--lists N]      writes a packed bundle and ends
//   bench_load [--bundle FILE] [Google Benchmark flags]               without a file, of a small one made here
//
// The bundle has ids, Gaussian factors and ready lists of ten items for the first N users. load/header checks the
// header alone, load/full every byte, load/copy that and copies the file; each load also answers the golden queries,
// and the file is in the page cache. Counters: p50_ms, the median, and resident, what the process grew by at the first
// load over the size of the file.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/derive.h"
#include "core/engine/golden.h"
#include "core/engine/model.h"
#include "tests/bench/take_flag.h"

namespace kindred {
namespace {

constexpr uint32_t kListLength = 10;
constexpr const char* kSmall = "2000x300x16";

struct Shape {
  uint32_t n_users = 0, n_items = 0, dim = 0;
};

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "bench_load: " << value.status() << "\n";
  std::exit(2);
}

void OrDie(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "bench_load: " << status << "\n";
  std::exit(2);
}

Shape ParseShape(const std::string& text) {
  Shape shape;
  if (std::sscanf(text.c_str(), "%ux%ux%u", &shape.n_users, &shape.n_items, &shape.dim) == 3 && shape.n_users > 0 &&
      shape.n_items >= kListLength && shape.dim > 0) {
    return shape;
  }
  std::cerr << "--shape is \"" << text << "\", expected USERSxITEMSxDIM with at least " << kListLength << " items\n";
  std::exit(2);
}

TensorMap Views(const std::vector<OwnedTensor>& tensors) {
  TensorMap views;
  for (const OwnedTensor& tensor : tensors) views.emplace(tensor.name, tensor.view());
  return views;
}

void AppendIds(std::string_view table, const char* prefix, uint32_t n, std::vector<OwnedTensor>* out) {
  std::vector<std::string> ids;
  for (uint32_t i = 0; i < n; ++i) ids.push_back(absl::StrFormat("%s-%08x", prefix, i * 2654435761u));
  for (OwnedTensor& tensor : MakeIdTensors(table, ids)) out->push_back(std::move(tensor));
}

// Ready lists of the first n_lists users: distinct items with falling scores.
void AppendLists(const Shape& shape, uint32_t n_lists, std::vector<OwnedTensor>* out) {
  const uint64_t n_values = uint64_t{n_lists} * kListLength;
  auto offsets = OwnedTensor::Zeros<int64_t>(names::Offsets(names::kRecommendations), {uint64_t{shape.n_users} + 1});
  auto values = OwnedTensor::Zeros<uint32_t>(names::Values(names::kRecommendations), {n_values});
  auto weights = OwnedTensor::Zeros<float>(names::Weights(names::kRecommendations), {n_values});
  for (uint32_t user = 0; user < shape.n_users; ++user) {
    offsets.Data<int64_t>()[user + 1] = std::min<int64_t>(user + 1, n_lists) * kListLength;
  }
  for (uint64_t i = 0; i < n_values; ++i) {
    values.Data<uint32_t>()[i] = static_cast<uint32_t>((i / kListLength * 7 + i % kListLength) % shape.n_items);
    weights.Data<float>()[i] = static_cast<float>(kListLength - i % kListLength);
  }
  for (OwnedTensor* tensor : {&offsets, &values, &weights}) out->push_back(std::move(*tensor));
}

void MakeBundle(const std::string& path, const Shape& shape, uint32_t n_lists) {
  std::mt19937_64 rng(1);
  std::vector<OwnedTensor> tensors;
  AppendIds(names::kItemIds, "item", shape.n_items, &tensors);
  AppendIds(names::kUserIds, "user", shape.n_users, &tensors);
  if (n_lists > 0) AppendLists(shape, std::min(n_lists, shape.n_users), &tensors);
  for (const auto& [part, rows] : {std::pair(names::kItems, shape.n_items), std::pair(names::kUsers, shape.n_users)}) {
    tensors.push_back(OwnedTensor::Zeros<float>(names::Space("svd", part), {rows, shape.dim}));
    std::normal_distribution<float> normal;
    for (float& x : tensors.back().Data<float>()) x = normal(rng);
  }
  SpaceSpec spec;
  spec.family = "external";
  spec.dim = shape.dim;
  spec.fold_in_lambda = 1;
  const Metadata metadata = {{std::string(names::kSpaces), SpaceSpecsToJson({{"svd", spec}})},
                             {std::string(names::kDefaultSpace), "svd"}};
  OrDie(WriteBundle(path, Views(tensors), metadata));
  {
    const auto reader = OrDie(BundleReader::Open(path, VerifyLevel::kHeader));
    for (OwnedTensor& tensor : OrDie(DeriveMissing(reader->info(), reader->tensors()))) {
      tensors.push_back(std::move(tensor));
    }
  }
  OrDie(WriteBundle(path, Views(tensors), metadata));
  const std::string golden = MakeGoldenQueries(*OrDie(Model::Load(path)));
  tensors.push_back(
      OwnedTensor::Copy<uint8_t>(std::string(names::kGoldenQueries), {golden.size()},
                                 std::span(reinterpret_cast<const uint8_t*>(golden.data()), golden.size())));
  OrDie(WriteBundle(path, Views(tensors), metadata));
}

uint64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  uint64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
}

struct Case {
  const char* name;
  ModelLoadOptions options;
};

// *grown: by how much of the file the first load of all made the process grow; Google Benchmark calls this repeatedly.
void Load(benchmark::State& state, const std::string& path, const ModelLoadOptions& options,
          std::optional<double>* grown) {
  const auto size = static_cast<double>(std::filesystem::file_size(path));
  std::vector<double> times;
  for (auto _ : state) {
    const uint64_t before = ResidentBytes();
    const auto start = std::chrono::steady_clock::now();
    const auto model = OrDie(Model::Load(path, options));
    if (OrDie(CheckGoldenQueries(*model)) == 0) state.SkipWithError("no golden queries");
    times.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    state.SetIterationTime(times.back());
    const uint64_t after = ResidentBytes();
    if (!grown->has_value()) *grown = after > before ? static_cast<double>(after - before) / size : 0;
  }
  std::nth_element(times.begin(), times.begin() + static_cast<ptrdiff_t>(times.size() / 2), times.end());
  state.counters["p50_ms"] = times[times.size() / 2] * 1e3;
  state.counters["resident"] = grown->value_or(0);
  state.counters["file_mib"] = size / (1 << 20);
}

int Main(int argc, char** argv) {
  const std::string made = TakeFlag("--make", &argc, argv);
  std::string bundle = TakeFlag("--bundle", &argc, argv);
  const Shape shape = ParseShape(TakeFlag("--shape", &argc, argv, kSmall));
  const auto lists = static_cast<uint32_t>(std::atoi(TakeFlag("--lists", &argc, argv, "700").c_str()));
  if (!made.empty()) {
    MakeBundle(made, shape, lists);
    return 0;
  }
  std::string own;
  if (bundle.empty()) {
    own = (std::filesystem::temp_directory_path() / absl::StrFormat("bench_load_%d.safetensors", getpid())).string();
    MakeBundle(own, shape, lists);
    bundle = own;
  }
  for (const auto& [name, options] : {Case{"load/header", {.verify = VerifyLevel::kHeader}}, Case{"load/full", {}},
                                      Case{"load/copy", {.mode = LoadMode::kCopy}}}) {
    benchmark::RegisterBenchmark(name, [bundle, options = options, grown = std::make_shared<std::optional<double>>()](
                                           benchmark::State& state) { Load(state, bundle, options, grown.get()); })
        ->UseManualTime()
        ->Unit(benchmark::kMillisecond);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  if (!own.empty()) unlink(own.c_str());
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
