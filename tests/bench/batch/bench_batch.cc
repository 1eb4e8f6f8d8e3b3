// Exact top-10 of several queries in one call (TopKBatch) beside the same queries one at a time, on one thread. The two
// take turns, batch by batch, so that a slow spell of the machine hits both alike; times are those of the thread's
// processor time.
//
//   bench_batch [--shape NxD] [Google Benchmark flags]
//
// Gaussian rows and queries, made here. Counters of batch/SHAPE/SIZE: p50_us and single_p50_us, the medians over
// batches of the time a query, in the batch and one at a time.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "core/topk/batch_scan.h"
#include "core/topk/topk_scan.h"
#include "tests/bench/gaussian_catalogue.h"

namespace kindred {
namespace {

constexpr uint32_t kResults = 10;
constexpr size_t kQueries = 64;

void BenchBatch(benchmark::State& state, const GaussianCatalogue& catalogue, size_t size) {
  using Clock = ThreadClock;
  const ScanSpace space = catalogue.View();
  TopKScratch scratch;
  TopKBatchScratch batch_scratch;
  scratch.Reserve(space);
  std::vector<TopKQuery> queries(size), alone(size);
  std::vector<double> single, batch;
  const auto seconds_since = [size](Clock::time_point start) {
    return std::chrono::duration<double>(Clock::now() - start).count() / static_cast<double>(size);
  };
  for (auto _ : state) {
    double pass = 0;
    for (size_t first = 0; first < kQueries; first += size) {
      for (size_t i = 0; i < size; ++i) {
        queries[i] = catalogue.Query(first + i, kResults);
        // Other queries, lest they warm the cache with the rows of these.
        alone[i] = catalogue.Query(first + i + kQueries, kResults);
      }
      const Clock::time_point start = Clock::now();
      for (const TopKQuery& query : alone) benchmark::DoNotOptimize(TopK(space, query, &scratch).data());
      single.push_back(seconds_since(start));
      const Clock::time_point batch_start = Clock::now();
      benchmark::DoNotOptimize(TopKBatch(space, queries, &batch_scratch).data());
      batch.push_back(seconds_since(batch_start));
      pass += batch.back() * static_cast<double>(size);
    }
    state.SetIterationTime(pass);
  }
  state.counters["p50_us"] = MedianUs(&batch);
  state.counters["single_p50_us"] = MedianUs(&single);
}

int Main(int argc, char** argv) {
  const std::string shape = TakeShape(&argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const GaussianCatalogue catalogue = MakeGaussianCatalogue(shape, 2 * kQueries);
  for (const size_t size : {1, 2, 4, 8, 16, 64}) {
    benchmark::RegisterBenchmark(("batch/" + shape + "/" + std::to_string(size)).c_str(),
                                 [&catalogue, size](benchmark::State& state) { BenchBatch(state, catalogue, size); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  }
  benchmark::AddCustomContext("kindred_kernels", std::string(KernelChoiceNote()));
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
