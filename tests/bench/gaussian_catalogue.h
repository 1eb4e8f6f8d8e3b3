// A Gaussian catalogue with queries, made in place, for benchmarks that compare Kindred with itself.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "core/topk/quantizer.h"
#include "core/topk/topk_scan.h"

namespace kindred {

struct GaussianCatalogue {
  uint32_t n_items = 0, dim = 0;
  AlignedBuffer<float> items;
  std::vector<float> queries;
  QuantizedItems quantized;

  size_t n_queries() const { return queries.size() / dim; }

  ScanSpace View() const {
    ScanSpace space;
    space.items = items.span();
    space.codes = quantized.codes.span();
    space.scales = quantized.scales.span();
    space.bounds = quantized.bounds.span();
    space.max_norm = MaxNormFromBounds(space.bounds);
    space.n_items = n_items;
    space.dim = dim;
    return space;
  }

  // Query i, counted round and round.
  TopKQuery Query(size_t i, uint32_t k) const {
    TopKQuery query;
    query.vector = std::span(queries).subspan(i % n_queries() * dim, dim);
    query.k = k;
    return query;
  }
};

// `shape` is ITEMSxDIM. Ends the program when it is not.
inline GaussianCatalogue MakeGaussianCatalogue(const std::string& shape, size_t n_queries) {
  GaussianCatalogue out;
  if (std::sscanf(shape.c_str(), "%ux%u", &out.n_items, &out.dim) != 2 || out.n_items == 0 || out.dim == 0) {
    std::cerr << "--shape is \"" << shape << "\", expected ITEMSxDIM such as 100000x64\n";
    std::exit(2);
  }
  out.items = AlignedBuffer<float>(size_t{out.n_items} * out.dim);
  out.queries.resize(n_queries * out.dim);
  std::mt19937_64 rng(1);
  std::normal_distribution<float> normal;
  for (float& x : out.items) x = normal(rng);
  for (float& x : out.queries) x = normal(rng);
  out.quantized = QuantizeItems(out.items.span(), out.n_items, out.dim);
  return out;
}

// Takes `--shape=value` or `--shape value` out of the arguments; a small shape when there is none.
inline std::string TakeShape(int* argc, char** argv) {
  const std::string name = "--shape";
  for (int i = 1; i < *argc; ++i) {
    const std::string arg = argv[i];
    const bool joined = arg.rfind(name + "=", 0) == 0;
    if (!joined && (arg != name || i + 1 >= *argc)) continue;
    const std::string value = joined ? arg.substr(name.size() + 1) : argv[i + 1];
    const int taken = joined ? 1 : 2;
    std::copy(argv + i + taken, argv + *argc, argv + i);
    *argc -= taken;
    return value;
  }
  return "3000x32";
}

// The processor time of this thread: what a search costs whatever else the machine does between its instructions.
struct ThreadClock {
  using time_point = std::chrono::nanoseconds;
  static time_point now() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }
};

// The median in µs; reorders its argument.
inline double MedianUs(std::vector<double>* seconds) {
  const auto middle = seconds->begin() + static_cast<ptrdiff_t>(seconds->size() / 2);
  std::nth_element(seconds->begin(), middle, seconds->end());
  return *middle * 1e6;
}

}  // namespace kindred
