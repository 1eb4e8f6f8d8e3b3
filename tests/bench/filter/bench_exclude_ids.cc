// What 10,000 excluded ids cost a request as users meet it: views of the request's strings, their look-ups in a mapped
// bundle, the bitmap, the search and its answer, through the engine's Recommend. Each request takes turns with one of
// another user that excludes nothing, so that a slow spell of the machine hits both alike, and so that the caches hold
// what the request before left in them; times are those of the thread's processor time.
//
//   bench_exclude_ids [--shape NxD] [Google Benchmark flags]
//
// Gaussian items and users, made here, packed and mapped from a file in the temporary folder.
// exclude_ids/SHAPE/COUNT/random excludes ids drawn at random, others for each user, …/unknown ids that the catalogue
// does not have, …/best the user's own best items. Counters: p50_us and plain_p50_us, the medians with and without.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/bundle/bundle_writer.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/derive.h"
#include "core/engine/recommender.h"
#include "core/kernels/dispatch.h"
#include "tests/bench/gaussian_catalogue.h"

namespace kindred {
namespace {

constexpr uint32_t kResults = 10;
constexpr uint32_t kUsers = 16;
constexpr uint32_t kExclusions = 10000;

using Ids = std::vector<std::string>;

std::string UserId(size_t user) { return absl::StrFormat("user-%d", user % kUsers); }

template <typename T>
T OrDie(absl::StatusOr<T> value) {
  if (value.ok()) return *std::move(value);
  std::cerr << "bench_exclude_ids: " << value.status() << "\n";
  std::exit(2);
}

void OrDie(const absl::Status& status) {
  if (status.ok()) return;
  std::cerr << "bench_exclude_ids: " << status << "\n";
  std::exit(2);
}

TensorMap Views(const std::vector<OwnedTensor>& tensors) {
  TensorMap views;
  for (const OwnedTensor& tensor : tensors) views.emplace(tensor.name, tensor.view());
  return views;
}

// The bundle as `kindred pack` writes it, mapped. Its file has no name any more.
std::shared_ptr<const Model> MapModel(const GaussianShape& shape) {
  std::mt19937_64 rng(1);
  Ids items, users;
  for (uint32_t i = 0; i < shape.n_items; ++i) items.push_back(absl::StrFormat("item-%d", i));
  for (uint32_t u = 0; u < kUsers; ++u) users.push_back(UserId(u));
  std::vector<OwnedTensor> tensors = MakeIdTensors(names::kItemIds, items);
  for (OwnedTensor& tensor : MakeIdTensors(names::kUserIds, users)) tensors.push_back(std::move(tensor));
  for (const auto& [part, rows] : {std::pair(names::kItems, shape.n_items), std::pair(names::kUsers, kUsers)}) {
    tensors.push_back(OwnedTensor::Zeros<float>(names::Space("gaussian", part), {rows, shape.dim}));
    FillGaussian(&rng, tensors.back().Data<float>());
  }
  SpaceSpec spec;
  spec.family = "external";
  spec.dim = shape.dim;
  spec.fold_in_lambda = 1;
  const Metadata metadata = {{std::string(names::kSpaces), SpaceSpecsToJson({{"gaussian", spec}})},
                             {std::string(names::kDefaultSpace), "gaussian"}};

  const std::string path =
      (std::filesystem::temp_directory_path() / absl::StrFormat("bench_exclude_ids_%d.safetensors", getpid())).string();
  OrDie(WriteBundle(path, Views(tensors), metadata));
  {
    const auto reader = OrDie(BundleReader::Open(path, VerifyLevel::kHeader));
    for (OwnedTensor& tensor : OrDie(DeriveMissing(reader->info(), reader->tensors()))) {
      tensors.push_back(std::move(tensor));
    }
  }
  OrDie(WriteBundle(path, Views(tensors), metadata));
  auto model = OrDie(Model::Load(path));
  unlink(path.c_str());
  return model;
}

// The ids that each user's request excludes.
using Lists = std::vector<Ids>;

Lists RandomLists(const Model& model, uint32_t count, std::string_view prefix) {
  std::mt19937_64 rng(4);
  std::vector<uint32_t> all(model.n_items());
  for (uint32_t i = 0; i < model.n_items(); ++i) all[i] = i;
  Lists lists(kUsers);
  for (Ids& list : lists) {
    std::shuffle(all.begin(), all.end(), rng);
    for (uint32_t i = 0; i < count; ++i) list.push_back(absl::StrFormat("%s%d", prefix, all[i]));
  }
  return lists;
}

Lists BestLists(const Model& model, uint32_t count) {
  const Recommender recommender(model);
  EngineScratch scratch;
  RecommendResult result;
  RecommendOptions options;
  options.k = count;
  Lists lists(kUsers);
  for (uint32_t u = 0; u < kUsers; ++u) {
    const std::string user = UserId(u);
    OrDie(recommender.Recommend({.user_id = user}, options, &scratch, &result));
    for (const ScoredItem& found : result.items) lists[u].emplace_back(model.items().Id(found.item));
  }
  return lists;
}

void BenchExcluding(benchmark::State& state, const Model& model, const Lists& lists) {
  const Recommender recommender(model);
  EngineScratch scratch;
  RecommendResult result;
  Ids message;
  std::vector<std::string_view> views;
  std::vector<double> plain, excluding;
  const auto time = [&](size_t user, std::vector<double>* seconds) {
    const std::string user_id = UserId(user);
    const ThreadClock::time_point start = ThreadClock::now();
    RecommendOptions options;
    options.k = kResults;
    views.assign(message.begin(), message.end());
    options.exclude_item_ids = views;
    OrDie(recommender.Recommend({.user_id = user_id}, options, &scratch, &result));
    seconds->push_back(std::chrono::duration<double>(ThreadClock::now() - start).count());
  };
  for (auto _ : state) {
    double pass = 0;
    for (size_t u = 0; u < kUsers; ++u) {
      message.clear();
      time(u + kUsers / 2, &plain);
      message = lists[u];  // as a message that has just been parsed
      time(u, &excluding);
      pass += excluding.back();
    }
    state.SetIterationTime(pass);
  }
  state.counters["p50_us"] = MedianUs(&excluding);
  state.counters["plain_p50_us"] = MedianUs(&plain);
}

void Register(const std::string& name, const Model& model, Lists made) {
  benchmark::RegisterBenchmark(
      name.c_str(), [&model, lists = std::move(made)](benchmark::State& state) { BenchExcluding(state, model, lists); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

int Main(int argc, char** argv) {
  const std::string shape = TakeShape(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const std::shared_ptr<const Model> model = MapModel(ParseShape(shape));
  const uint32_t exclusions = std::min(kExclusions, model->n_items() / 2);
  const std::string prefix = absl::StrFormat("exclude_ids/%s/%d/", shape, exclusions);
  Register(prefix + "random", *model, RandomLists(*model, exclusions, "item-"));
  Register(prefix + "unknown", *model, RandomLists(*model, exclusions, "no-item-"));
  Register(prefix + "best", *model, BestLists(*model, exclusions));
  benchmark::AddCustomContext("kindred_kernels", std::string(KernelChoiceNote()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
