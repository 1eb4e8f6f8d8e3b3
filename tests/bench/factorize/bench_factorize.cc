// Truncated SVD and NMF of ln(1 + value), on one thread, the work that the peers of this folder do too.
//
//   bench_factorize [--interactions FILE.csv --user-column U --item-column I --value-column V] [--svd-factors K]
//                   [--nmf-factors K --nmf-iterations N] [--singular-values FILE] [Google Benchmark flags]
//
// Without --interactions a small random matrix is made here. Counters: `error` is the Frobenius norm of what the
// factors leave out, `iterations` how many it took. --singular-values gets those of the SVD, a line each.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "trainer/base/text.h"
#include "trainer/data/aggregate.h"
#include "trainer/data/read_events.h"
#include "trainer/families/nmf.h"
#include "trainer/families/svd.h"

namespace kindred {
namespace {

[[noreturn]] void Die(std::string_view message) {
  std::cerr << "bench_factorize: " << message << "\n";
  std::exit(2);
}

// Takes `--name value` out of the arguments.
std::string TakeFlag(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  for (int i = 1; i + 1 < *argc; ++i) {
    if (argv[i] != name) continue;
    std::string value = argv[i + 1];
    std::move(argv + i + 2, argv + *argc, argv + i);
    *argc -= 2;
    return value;
  }
  return otherwise;
}

uint32_t TakeCount(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  const std::optional<uint64_t> count = ParseIndex(TakeFlag(name, otherwise, argc, argv));
  if (!count || *count == 0 || *count > 100'000) Die(name + " takes a number from 1 to 100000");
  return static_cast<uint32_t>(*count);
}

SparseMatrix ReadMatrix(const std::string& path, const EventReadOptions& options) {
  Progress silent(Progress::Mode::kSilent);
  const absl::StatusOr<EventInput> read = ReadEvents({path}, options, &silent);
  if (!read.ok()) Die({read.status().message().data(), read.status().message().size()});
  return Transformed(AggregateEvents(read->log, {}).values, ValueTransform::kLog1p);
}

SparseMatrix MakeMatrix() {
  std::mt19937 random(1);
  EventLog events;
  events.user_ids.resize(200);
  events.item_ids.resize(300);
  for (int i = 0; i < 4000; ++i) {
    events.user.push_back(static_cast<uint32_t>(random() % 200));
    events.item.push_back(static_cast<uint32_t>(random() % 300));
  }
  return Transformed(AggregateEvents(events, {}).values, ValueTransform::kLog1p);
}

void BenchSvd(benchmark::State& state, const SparseMatrix& matrix, const SvdOptions& options, const std::string& path) {
  Progress silent(Progress::Mode::kSilent);
  SvdResult last;
  for (auto _ : state) {
    absl::StatusOr<SvdResult> svd = TruncatedSvd(matrix, options, &silent);
    if (!svd.ok()) {
      state.SkipWithError(std::string(svd.status().message()).c_str());
      return;
    }
    last = *std::move(svd);
  }
  state.counters["error"] = last.residual_norm;
  state.counters["iterations"] = last.iterations;
  if (path.empty()) return;
  std::ofstream file(path);
  file.precision(17);
  for (double value : last.singular_values) file << value << "\n";
  if (!file.flush()) Die("cannot write " + path);
}

void BenchNmf(benchmark::State& state, const SparseMatrix& matrix, const NmfOptions& options) {
  Progress silent(Progress::Mode::kSilent);
  NmfResult last;
  for (auto _ : state) {
    absl::StatusOr<NmfResult> nmf = Nmf(matrix, options, &silent);
    if (!nmf.ok()) {
      state.SkipWithError(std::string(nmf.status().message()).c_str());
      return;
    }
    last = *std::move(nmf);
  }
  state.counters["error"] = last.error;
  state.counters["iterations"] = last.iterations;
}

int Main(int argc, char** argv) {
  EventReadOptions ingest;
  const std::string path = TakeFlag("--interactions", "", &argc, argv);
  ingest.user_column = TakeFlag("--user-column", ingest.user_column, &argc, argv);
  ingest.item_column = TakeFlag("--item-column", ingest.item_column, &argc, argv);
  ingest.value_column = TakeFlag("--value-column", "", &argc, argv);
  const std::string values_path = TakeFlag("--singular-values", "", &argc, argv);
  const SvdOptions svd{.factors = TakeCount("--svd-factors", "10", &argc, argv)};
  const NmfOptions nmf{.factors = TakeCount("--nmf-factors", "5", &argc, argv),
                       .max_iterations = TakeCount("--nmf-iterations", "10", &argc, argv),
                       .tolerance = 0};
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const SparseMatrix matrix = path.empty() ? MakeMatrix() : ReadMatrix(path, ingest);
  benchmark::RegisterBenchmark("svd", [&](benchmark::State& state) {
    BenchSvd(state, matrix, svd, values_path);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("nmf", [&](benchmark::State& state) {
    BenchNmf(state, matrix, nmf);
  })->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
