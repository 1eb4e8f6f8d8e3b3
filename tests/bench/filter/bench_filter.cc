// Exact top-10 under bitmaps and long lists of exclusions, one query at a time on one thread, each beside the same
// search without them: the two take turns, query by query, so that a slow spell of the machine hits both alike; times
// are those of the thread's processor time.
//
//   bench_filter [--shape NxD] [Google Benchmark flags]
//
// Gaussian rows and queries, made here. filter/SHAPE/selectivity_S/random allows each item with probability S;
// …/clustered allows S·N items in a few runs of neighbors. filter/SHAPE/exclude_COUNT/random leaves out items drawn at
// random, …/best those with the highest scores of the query itself. Counters: p50_us and plain_p50_us, the medians with
// and without.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "core/topk/topk_scan.h"
#include "tests/bench/gaussian_catalogue.h"

namespace kindred {
namespace {

constexpr uint32_t kResults = 10;
constexpr size_t kQueries = 16;
constexpr double kSelectivities[] = {1, 0.5, 0.2, 0.1, 0.07, 0.05, 0.03, 0.01, 0.003, 0.001, 0.0001};
constexpr uint32_t kRuns = 16;  // of a clustered bitmap
constexpr uint32_t kExclusions = 10000;

using Bitmap = std::vector<uint64_t>;

Bitmap RandomBitmap(uint32_t n_items, double selectivity) {
  std::mt19937_64 rng(2);
  std::uniform_real_distribution<double> uniform(0, 1);
  Bitmap bitmap((n_items + 63) / 64);
  for (uint32_t i = 0; i < n_items; ++i) {
    if (uniform(rng) < selectivity) bitmap[i / 64] |= uint64_t{1} << (i % 64);
  }
  return bitmap;
}

Bitmap ClusteredBitmap(uint32_t n_items, double selectivity) {
  std::mt19937_64 rng(3);
  const auto wanted = static_cast<uint32_t>(n_items * selectivity);
  const uint32_t runs = std::clamp(wanted / 64, 1u, kRuns), stride = n_items / runs;
  Bitmap bitmap((n_items + 63) / 64);
  for (uint32_t r = 0; r < runs; ++r) {
    const uint32_t length = std::max(wanted / runs, 1u);
    const uint32_t begin = r * stride + static_cast<uint32_t>(rng() % (stride - std::min(length, stride) + 1));
    for (uint32_t i = begin; i < begin + length; ++i) bitmap[i / 64] |= uint64_t{1} << (i % 64);
  }
  return bitmap;
}

// A list of exclusions a query, ascending.
using Lists = std::vector<std::vector<uint32_t>>;

Lists RandomLists(const GaussianCatalogue& catalogue, uint32_t count) {
  std::mt19937_64 rng(4);
  std::vector<uint32_t> all(catalogue.n_items), drawn;
  for (uint32_t i = 0; i < catalogue.n_items; ++i) all[i] = i;
  std::sample(all.begin(), all.end(), std::back_inserter(drawn), count, rng);
  return Lists(kQueries, drawn);
}

Lists BestLists(const GaussianCatalogue& catalogue, uint32_t count) {
  TopKScratch scratch;
  Lists lists(kQueries);
  for (size_t q = 0; q < kQueries; ++q) {
    const TopKQuery query = catalogue.Query(q, count);
    for (const ScoredItem& found : TopK(catalogue.View(), query, &scratch)) lists[q].push_back(found.item);
    std::sort(lists[q].begin(), lists[q].end());
  }
  return lists;
}

// restrict(query number, &query) puts on what is measured.
void BenchRestricted(benchmark::State& state, const GaussianCatalogue& catalogue,
                     const std::function<void(size_t, TopKQuery*)>& restrict_query) {
  using Clock = ThreadClock;
  const ScanSpace space = catalogue.View();
  TopKScratch scratch;
  scratch.Reserve(space);
  std::vector<double> plain, restricted;
  const auto time = [&](const TopKQuery& query, TopKStats* stats, std::vector<double>* seconds) {
    const Clock::time_point start = Clock::now();
    benchmark::DoNotOptimize(TopK(space, query, &scratch, stats).data());
    seconds->push_back(std::chrono::duration<double>(Clock::now() - start).count());
  };
  TopKStats stats;
  uint64_t rescored = 0, tile_hits = 0;
  for (auto _ : state) {
    double pass = 0;
    for (size_t i = 0; i < kQueries; ++i) {
      time(catalogue.Query(i + kQueries / 2, kResults), nullptr,
           &plain);  // another query, lest it warm the cache for the second
      TopKQuery query = catalogue.Query(i, kResults);
      restrict_query(i, &query);
      time(query, &stats, &restricted);
      pass += restricted.back();
      rescored += stats.rescored;
      tile_hits += stats.tile_hits;
    }
    state.SetIterationTime(pass);
  }
  const auto searches = static_cast<double>(restricted.size());
  state.counters["p50_us"] = MedianUs(&restricted);
  state.counters["plain_p50_us"] = MedianUs(&plain);
  state.counters["rescored"] = static_cast<double>(rescored) / searches;
  state.counters["tile_hits"] = static_cast<double>(tile_hits) / searches;
  state.counters["full_scan"] = stats.full_scan ? 1 : 0;
}

void Register(const std::string& name, const GaussianCatalogue& catalogue,
              std::function<void(size_t, TopKQuery*)> restrict_query) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [&catalogue, restrict_query = std::move(restrict_query)](benchmark::State& state) {
                                 BenchRestricted(state, catalogue, restrict_query);
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

void RegisterBitmap(const std::string& name, const GaussianCatalogue& catalogue, Bitmap made) {
  auto bitmap = std::make_shared<const Bitmap>(std::move(made));
  Register(name, catalogue, [bitmap](size_t, TopKQuery* query) { query->allowed = *bitmap; });
}

void RegisterLists(const std::string& name, const GaussianCatalogue& catalogue, Lists made) {
  auto lists = std::make_shared<const Lists>(std::move(made));
  Register(name, catalogue, [lists](size_t i, TopKQuery* query) { query->excluded = (*lists)[i]; });
}

int Main(int argc, char** argv) {
  const std::string shape = TakeShape(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const GaussianCatalogue catalogue = MakeGaussianCatalogue(shape, kQueries);
  const std::string prefix = "filter/" + shape + "/";
  for (const double selectivity : kSelectivities) {
    char name[32];
    std::snprintf(name, sizeof(name), "selectivity_%g", selectivity);
    RegisterBitmap(prefix + name + "/random", catalogue, RandomBitmap(catalogue.n_items, selectivity));
    RegisterBitmap(prefix + name + "/clustered", catalogue, ClusteredBitmap(catalogue.n_items, selectivity));
  }
  const uint32_t exclusions = std::min(kExclusions, catalogue.n_items / 2);
  const std::string name = prefix + "exclude_" + std::to_string(exclusions);
  RegisterLists(name + "/random", catalogue, RandomLists(catalogue, exclusions));
  RegisterLists(name + "/best", catalogue, BestLists(catalogue, exclusions));
  benchmark::AddCustomContext("kindred_kernels", std::string(KernelChoiceNote()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
