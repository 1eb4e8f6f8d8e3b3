// Item2vec over ready-made sequences, the work that the peer of this folder does too.
//
//   bench_item2vec [--sequences FILE --factors D --window W --negatives N --exponent X --subsample T --epochs E
//                   --threads T --seed S --vectors FILE] [Google Benchmark flags]
//
// Without --sequences small random ones are made here. Counter: `tokens_per_s`. --vectors gets the input vectors in
// word2vec's text format.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "tests/bench/take_flag.h"
#include "trainer/base/random.h"
#include "trainer/data/sequence_file.h"
#include "trainer/families/item2vec.h"

namespace kindred {
namespace {

[[noreturn]] void Die(std::string_view message) {
  std::cerr << "bench_item2vec: " << message << "\n";
  std::exit(2);
}

double TakeNumber(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  const std::optional<double> number = ParseNumber(TakeFlag(name, argc, argv, otherwise));
  if (!number) Die(name + " takes a number");
  return *number;
}

uint32_t TakeCount(const std::string& name, const std::string& otherwise, int* argc, char** argv) {
  const double number = TakeNumber(name, otherwise, argc, argv);
  if (!(number >= 1 && number <= 1e6)) Die(name + " takes a number from 1 to 1000000");
  return static_cast<uint32_t>(number);
}

EventLog MakeLog() {
  Random random(1);
  EventLog log;
  for (uint32_t i = 0; i < 50; ++i) log.item_ids.push_back(StrCat("i", i));
  for (uint32_t u = 0; u < 100; ++u) {
    log.user_ids.push_back(StrCat("u", u));
    for (int e = 0; e < 20; ++e) {
      log.user.push_back(u);
      log.item.push_back(random.Below(50));
    }
  }
  return log;
}

TokenSequences ReadSequences(const std::string& path) {
  Progress silent(Progress::Mode::kSilent);
  absl::StatusOr<EventLog> log = path.empty() ? MakeLog() : ReadSequenceFile(path, &silent);
  if (!log.ok()) Die({log.status().message().data(), log.status().message().size()});
  absl::StatusOr<TokenSequences> sequences = MakeSequences(*log, {.split = SessionSplit::kUser});
  if (!sequences.ok()) Die({sequences.status().message().data(), sequences.status().message().size()});
  return *std::move(sequences);
}

void WriteVectors(const TokenSequences& sequences, const std::vector<float>& vectors, const std::string& path) {
  std::ofstream file(path);
  const size_t n = sequences.token_ids.size(), d = vectors.size() / n;
  file << n << " " << d << "\n";
  file.precision(9);
  for (size_t t = 0; t < n; ++t) {
    file << sequences.token_ids[t];
    for (size_t j = 0; j < d; ++j) file << " " << vectors[t * d + j];
    file << "\n";
  }
  if (!file.flush()) Die("cannot write " + path);
}

void BenchItem2vec(benchmark::State& state, const TokenSequences& sequences, const Item2vecOptions& options,
                   const std::string& path) {
  Progress silent(Progress::Mode::kSilent);
  double seconds = 0, tokens = 0;
  for (auto _ : state) {
    const absl::StatusOr<Item2vecResult> result = Item2vec(sequences, options, &silent);
    if (!result.ok()) {
      state.SkipWithError(std::string(result.status().message()).c_str());
      return;
    }
    state.SetIterationTime(result->seconds);
    seconds += result->seconds;
    tokens += static_cast<double>(result->tokens_trained);
    if (!path.empty()) WriteVectors(sequences, result->input, path);
  }
  state.counters["tokens_per_s"] = tokens / seconds;
}

int Main(int argc, char** argv) {
  const std::string path = TakeFlag("--sequences", &argc, argv, "");
  const std::string vectors = TakeFlag("--vectors", &argc, argv, "");
  Item2vecOptions options;
  options.factors = TakeCount("--factors", "64", &argc, argv);
  options.window = TakeCount("--window", "5", &argc, argv);
  options.negatives = TakeCount("--negatives", "5", &argc, argv);
  options.exponent = TakeNumber("--exponent", "0.75", &argc, argv);
  options.subsample = TakeNumber("--subsample", "0", &argc, argv);
  options.epochs = TakeCount("--epochs", "5", &argc, argv);
  options.learning_rate = TakeNumber("--learning-rate", "0.025", &argc, argv);
  options.threads = static_cast<int>(TakeCount("--threads", "1", &argc, argv));
  options.seed = TakeCount("--seed", "42", &argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const TokenSequences sequences = ReadSequences(path);
  benchmark::RegisterBenchmark("item2vec",
                               [&](benchmark::State& state) { BenchItem2vec(state, sequences, options, vectors); })
      ->UseManualTime()
      ->Iterations(1)
      ->Unit(benchmark::kMillisecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace kindred

int main(int argc, char** argv) { return kindred::Main(argc, argv); }
