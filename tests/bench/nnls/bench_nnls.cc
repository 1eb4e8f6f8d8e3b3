// Non-negative least squares, one target at a time on one thread, the work that the peer of this folder does too.
//
//   bench_nnls [--basis FILE --targets FILE --shape KxD [--residuals FILE]] [Google Benchmark flags]
//
// FILEs are raw little-endian f64, as data.py writes them; without them small problems are made here. An iteration is
// one pass over all targets; counter p50_us is the median of single problems, mean_us the mean. --residuals gets the
// residual norm of every target, a line each.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/solve/nnls.h"
#include "tests/bench/take_flag.h"

namespace kindred {
namespace {

struct Problems {
  uint32_t k = 0, d = 0;
  std::vector<double> basis;    // [k × d]
  std::vector<double> targets;  // [count × d]

  size_t count() const { return targets.size() / d; }
  std::span<const double> Target(size_t i) const { return std::span(targets).subspan(i * d, d); }
};

[[noreturn]] void Die(const std::string& message) {
  std::cerr << "bench_nnls: " << message << "\n";
  std::exit(2);
}

std::vector<double> ReadDoubles(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) Die("cannot open \"" + path + "\"");
  std::vector<double> values(static_cast<size_t>(file.tellg()) / sizeof(double));
  file.seekg(0);
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(double));
  if (!file.read(reinterpret_cast<char*>(values.data()), bytes)) Die("cannot read \"" + path + "\"");
  return values;
}

Problems ReadProblems(const std::string& basis, const std::string& targets, const std::string& shape) {
  Problems out;
  if (std::sscanf(shape.c_str(), "%ux%u", &out.k, &out.d) != 2 || out.k == 0 || out.d == 0) {
    Die("--shape is \"" + shape + "\", expected ROWSxCOLUMNS of the basis, such as 16x64");
  }
  out.basis = ReadDoubles(basis);
  out.targets = ReadDoubles(targets);
  if (out.basis.size() != size_t{out.k} * out.d) {
    Die("\"" + basis + "\" has " + std::to_string(out.basis.size()) + " numbers, expected " + shape);
  }
  if (out.targets.empty() || out.targets.size() % out.d != 0) {
    Die("\"" + targets + "\" has " + std::to_string(out.targets.size()) + " numbers, expected a multiple of " +
        std::to_string(out.d));
  }
  return out;
}

Problems MakeProblems(uint32_t k, uint32_t d, size_t count) {
  Problems out{.k = k, .d = d, .basis = std::vector<double>(k * d), .targets = std::vector<double>(count * d)};
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform;
  for (double& value : out.basis) value = uniform(random);
  for (double& value : out.targets) value = uniform(random);
  return out;
}

void BenchNnls(benchmark::State& state, const NnlsSolver& solver, const Problems& problems) {
  using Clock = std::chrono::steady_clock;
  NnlsScratch scratch;
  std::vector<double> w(problems.k), seconds;
  uint64_t iterations = 0, fallbacks = 0;
  for (auto _ : state) {
    double pass = 0;
    for (size_t i = 0; i < problems.count(); ++i) {
      const Clock::time_point start = Clock::now();
      const NnlsResult result = solver.Solve(problems.Target(i), w, &scratch);
      benchmark::DoNotOptimize(w.data());
      seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
      pass += seconds.back();
      iterations += result.iterations;
      fallbacks += result.used_fallback;
    }
    state.SetIterationTime(pass);
  }
  const auto middle = seconds.begin() + static_cast<ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  const double p50 = *middle;
  double total = 0;
  for (const double s : seconds) total += s;
  const auto solved = static_cast<double>(seconds.size());
  state.counters["p50_us"] = p50 * 1e6;
  state.counters["mean_us"] = total / solved * 1e6;
  state.counters["iterations"] = static_cast<double>(iterations) / solved;
  state.counters["fallbacks"] = static_cast<double>(fallbacks) / solved;
}

void WriteResiduals(const std::string& path, const NnlsSolver& solver, const Problems& problems) {
  std::ofstream file(path);
  file.precision(17);
  NnlsScratch scratch;
  std::vector<double> w(problems.k);
  for (size_t i = 0; i < problems.count(); ++i) {
    file << solver.Solve(problems.Target(i), w, &scratch).residual_norm << "\n";
  }
  if (!file.flush()) Die("cannot write \"" + path + "\"");
}

int Main(int argc, char** argv) {
  const std::string basis = TakeFlag("--basis", &argc, argv), targets = TakeFlag("--targets", &argc, argv);
  const std::string shape = TakeFlag("--shape", &argc, argv), residuals = TakeFlag("--residuals", &argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (basis.empty() != targets.empty() || basis.empty() != shape.empty()) {
    Die("--basis, --targets and --shape go together");
  }
  const Problems problems = basis.empty() ? MakeProblems(16, 64, 256) : ReadProblems(basis, targets, shape);
  const auto solver = NnlsSolver::FromBasis(problems.basis, problems.k, problems.d);
  if (!solver.ok()) Die(std::string(solver.status().message()));
  if (!residuals.empty()) WriteResiduals(residuals, *solver, problems);

  const std::string name = "nnls/" + std::to_string(problems.k) + "x" + std::to_string(problems.d);
  benchmark::RegisterBenchmark(name.c_str(), [&](benchmark::State& state) { BenchNnls(state, *solver, problems); })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
