// Exact top-10 of one query at a time on one thread, the work that the peers of this folder do too.
//
//   bench_topk [--items FILE --queries FILE --shape NxD [--answers FILE]] [--kernels best] [Google Benchmark flags]
//
// FILEs are raw little-endian f32, as data.py writes them; without them a small catalogue is made here. An iteration is
// one pass over all queries; counter p50_us is the median of single queries, mean_us the mean of a pass. --answers gets
// a line for every query: the ten items with their scores. Runs every set of kernels of this CPU, or the best only.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "core/topk/topk_scan.h"
#include "tests/bench/gaussian_catalogue.h"

namespace kindred {
namespace {

constexpr uint32_t kResults = 10;

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "bench_topk: " << message << "\n";
  std::exit(2);
}

void ReadFloats(const std::string& path, std::span<float> out) {
  std::ifstream file(path, std::ios::binary);
  const auto bytes = static_cast<std::streamsize>(out.size_bytes());
  if (!file.read(reinterpret_cast<char*>(out.data()), bytes)) {
    Die("\"" + path + "\" has fewer than the " + std::to_string(bytes) + " bytes that its shape asks for");
  }
}

size_t FloatsIn(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) Die("cannot open \"" + path + "\"");
  return static_cast<size_t>(file.tellg()) / sizeof(float);
}

GaussianCatalogue ReadCatalogue(const std::string& items, const std::string& queries, const std::string& shape_text) {
  const GaussianShape shape = ParseShape(shape_text);
  GaussianCatalogue out = EmptyCatalogue(shape, FloatsIn(queries) / shape.dim);
  ReadFloats(items, out.items.span());
  ReadFloats(queries, out.queries);
  out.quantized = QuantizeItems(out.items.span(), out.n_items, out.dim);
  return out;
}

void BenchTopK(benchmark::State& state, const KernelTable& kernels, const GaussianCatalogue& catalogue) {
  using Clock = std::chrono::steady_clock;
  const ScanSpace space = catalogue.View();
  TopKScratch scratch;
  scratch.Reserve(space);
  std::vector<double> seconds;
  uint64_t rescored = 0, tile_hits = 0, searches = 0;
  for (auto _ : state) {
    double pass = 0;
    for (size_t i = 0; i < catalogue.n_queries(); ++i) {
      const TopKQuery query = catalogue.Query(i, kResults);
      TopKStats stats;
      const Clock::time_point start = Clock::now();
      benchmark::DoNotOptimize(TopK(kernels, space, query, &scratch, &stats).data());
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      pass += seconds.back();
      rescored += stats.rescored;
      tile_hits += stats.tile_hits;
      ++searches;
    }
    state.SetIterationTime(pass);
  }
  std::nth_element(seconds.begin(), seconds.begin() + static_cast<ptrdiff_t>(seconds.size() / 2), seconds.end());
  double total = 0;
  for (const double s : seconds) total += s;
  state.counters["p50_us"] = seconds[seconds.size() / 2] * 1e6;
  state.counters["mean_us"] = total / static_cast<double>(searches) * 1e6;
  state.counters["rescored"] = static_cast<double>(rescored) / static_cast<double>(searches);
  state.counters["tile_hits"] = static_cast<double>(tile_hits) / static_cast<double>(searches);
}

void WriteAnswers(const std::string& path, const GaussianCatalogue& catalogue) {
  std::ofstream file(path);
  file.precision(9);
  TopKScratch scratch;
  for (size_t i = 0; i < catalogue.n_queries(); ++i) {
    for (const ScoredItem& found : TopK(catalogue.View(), catalogue.Query(i, kResults), &scratch)) {
      file << found.item << " " << found.score << " ";
    }
    file << "\n";
  }
  if (!file.flush()) Die("cannot write \"" + path + "\"");
}

int Main(int argc, char** argv) {
  const std::string items = TakeFlag("--items", &argc, argv), queries = TakeFlag("--queries", &argc, argv);
  const std::string shape = TakeFlag("--shape", &argc, argv), answers = TakeFlag("--answers", &argc, argv);
  const std::string wanted = TakeFlag("--kernels", &argc, argv);
  if (!wanted.empty() && wanted != "best") Die("--kernels is \"" + wanted + "\", expected \"best\" or no such flag");
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (items.empty() != queries.empty() || items.empty() != shape.empty()) {
    Die("--items, --queries and --shape go together");
  }
  const GaussianCatalogue catalogue =
      items.empty() ? MakeGaussianCatalogue("2000x32", 16) : ReadCatalogue(items, queries, shape);
  if (!answers.empty()) WriteAnswers(answers, catalogue);

  const std::string size = std::to_string(catalogue.n_items) + "x" + std::to_string(catalogue.dim);
  for (const KernelTable* kernels : SupportedKernels()) {
    if (wanted == "best" && kernels != &Kernels()) continue;
    benchmark::RegisterBenchmark(
        ("topk/" + size + "/" + std::string(kernels->name)).c_str(),
        [kernels, &catalogue](benchmark::State& state) { BenchTopK(state, *kernels, catalogue); })
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
