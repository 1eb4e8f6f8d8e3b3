// Truncated SVD, NMF and implicit ALS of ln(1 + value), the work that the peers of this folder do too.
//
//   bench_factorize [--interactions FILE.csv --user-column U --item-column I --value-column V | --matrix FILE]
//                   [--threads N] [--svd-factors K] [--nmf-factors K --nmf-iterations N --nmf-tolerance X]
//                   [--als-factors K --als-iterations N --als-regularization X --als-alpha X --als-seed N]
//                   [--singular-values FILE] [--als-users FILE --als-items FILE] [Google Benchmark flags]
//
// --matrix is a file of zipf.py. Without either, a small random matrix is made here. Counters: `error` is the Frobenius
// norm of what the factors leave out, `iterations` how many it took, `objective` that of ALS. --singular-values gets
// those of the SVD, a line each; --als-users and --als-items the factors, rows of floats.
#include <benchmark/benchmark.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <string>

#include "core/base/text.h"
#include "tests/bench/take_flag.h"
#include "trainer/data/aggregate.h"
#include "trainer/data/read_events.h"
#include "trainer/families/als.h"
#include "trainer/families/nmf.h"
#include "trainer/families/svd.h"

namespace kindred {
namespace {

[[noreturn]] void Die(std::string_view message) {
  std::cerr << "bench_factorize: " << message << "\n";
  std::exit(2);
}

uint32_t TakeCount(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  const std::optional<uint64_t> count = ParseIndex(TakeFlag(name, argc, argv, otherwise));
  if (!count || *count == 0 || *count > 100'000) Die(name + " takes a number from 1 to 100000");
  return static_cast<uint32_t>(*count);
}

double TakeNumber(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  const std::string text = TakeFlag(name, argc, argv, otherwise);
  const std::optional<double> number = ParseNumber(text);
  if (!number || !(*number >= 0)) Die(name + " takes a number ≥ 0");
  return *number;
}

// A file of zipf.py.
SparseMatrix ReadCsr(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const auto read = [&](auto* values, size_t count) {
    file.read(reinterpret_cast<char*>(values), static_cast<std::streamsize>(count * sizeof(*values)));
  };
  int64_t shape[3] = {};
  read(shape, 3);
  SparseMatrix r;
  r.rows = static_cast<uint32_t>(shape[0]);
  r.cols = static_cast<uint32_t>(shape[1]);
  r.offsets.resize(shape[0] + 1);
  r.indices.resize(shape[2]);
  std::vector<float> values(shape[2]);
  read(r.offsets.data(), r.offsets.size());
  read(r.indices.data(), r.indices.size());
  read(values.data(), values.size());
  if (!file || r.offsets.back() != shape[2]) Die("cannot read " + path);
  r.values.assign(values.begin(), values.end());
  return Transformed(r, ValueTransform::kLog1p);
}

void WriteFloats(const FloatMatrix& x, const std::string& path) {
  if (path.empty()) return;
  std::ofstream file(path, std::ios::binary);
  for (int64_t i = 0; i < x.rows; ++i) {
    file.write(reinterpret_cast<const char*>(x.Row(i)), static_cast<std::streamsize>(x.cols * sizeof(float)));
  }
  if (!file.flush()) Die("cannot write " + path);
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

void BenchAls(benchmark::State& state, const SparseMatrix& matrix, const AlsOptions& options, const std::string& users,
              const std::string& items) {
  Progress silent(Progress::Mode::kSilent);
  AlsResult last;
  for (auto _ : state) {
    absl::StatusOr<AlsResult> als = ImplicitAls(matrix, options, &silent);
    if (!als.ok()) {
      state.SkipWithError(std::string(als.status().message()).c_str());
      return;
    }
    last = *std::move(als);
  }
  state.counters["objective"] = last.objectives.back();
  state.counters["iterations"] = last.iterations;
  WriteFloats(last.users, users);
  WriteFloats(last.items, items);
}

int Main(int argc, char** argv) {
  EventReadOptions ingest;
  const std::string path = TakeFlag("--interactions", &argc, argv, "");
  ingest.user_column = TakeFlag("--user-column", &argc, argv, ingest.user_column);
  ingest.item_column = TakeFlag("--item-column", &argc, argv, ingest.item_column);
  ingest.value_column = TakeFlag("--value-column", &argc, argv, "");
  const std::string values_path = TakeFlag("--singular-values", &argc, argv, "");
  const std::string csr = TakeFlag("--matrix", &argc, argv, "");
  const std::string users_path = TakeFlag("--als-users", &argc, argv, "");
  const std::string items_path = TakeFlag("--als-items", &argc, argv, "");
  const int threads = static_cast<int>(TakeCount("--threads", "1", &argc, argv));
  const SvdOptions svd{.factors = TakeCount("--svd-factors", "10", &argc, argv), .threads = threads};
  const NmfOptions nmf{.factors = TakeCount("--nmf-factors", "5", &argc, argv),
                       .max_iterations = TakeCount("--nmf-iterations", "10", &argc, argv),
                       .tolerance = TakeNumber("--nmf-tolerance", "0", &argc, argv),
                       .threads = threads};
  const AlsOptions als{.factors = TakeCount("--als-factors", "8", &argc, argv),
                       .regularization = TakeNumber("--als-regularization", "1", &argc, argv),
                       .alpha = TakeNumber("--als-alpha", "1", &argc, argv),
                       .iterations = TakeCount("--als-iterations", "5", &argc, argv),
                       .tolerance = 0,
                       .seed = TakeCount("--als-seed", "42", &argc, argv),
                       .threads = threads};
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const SparseMatrix matrix = !csr.empty() ? ReadCsr(csr) : path.empty() ? MakeMatrix() : ReadMatrix(path, ingest);
  benchmark::RegisterBenchmark("svd", [&](benchmark::State& state) {
    BenchSvd(state, matrix, svd, values_path);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("nmf", [&](benchmark::State& state) {
    BenchNmf(state, matrix, nmf);
  })->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("als", [&](benchmark::State& state) {
    BenchAls(state, matrix, als, users_path, items_path);
  })->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
