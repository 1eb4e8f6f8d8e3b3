// A catalogue with queries for benchmarks of the scan, by default Gaussian and made in place, and how they are timed.
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
#include "tests/bench/take_flag.h"

namespace kindred {

struct GaussianShape {
  uint32_t n_items = 0, dim = 0;
};

// `text` is ITEMSxDIM. Ends the program when it is not.
inline GaussianShape ParseShape(const std::string& text) {
  GaussianShape shape;
  if (std::sscanf(text.c_str(), "%ux%u", &shape.n_items, &shape.dim) == 2 && shape.n_items != 0 && shape.dim != 0) {
    return shape;
  }
  std::cerr << "--shape is \"" << text << "\", expected ITEMSxDIM such as 100000x64\n";
  std::exit(2);
}

inline void FillGaussian(std::mt19937_64* rng, std::span<float> out) {
  std::normal_distribution<float> normal;
  for (float& x : out) x = normal(*rng);
}

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

// An empty one of the shape, to be filled: items, queries, then `quantized`.
inline GaussianCatalogue EmptyCatalogue(const GaussianShape& shape, size_t n_queries) {
  GaussianCatalogue out;
  out.n_items = shape.n_items;
  out.dim = shape.dim;
  out.items = AlignedBuffer<float>(size_t{out.n_items} * out.dim);
  out.queries.resize(n_queries * out.dim);
  return out;
}

// `shape` as ParseShape.
inline GaussianCatalogue MakeGaussianCatalogue(const std::string& shape, size_t n_queries) {
  GaussianCatalogue out = EmptyCatalogue(ParseShape(shape), n_queries);
  std::mt19937_64 rng(1);
  FillGaussian(&rng, out.items.span());
  FillGaussian(&rng, out.queries);
  out.quantized = QuantizeItems(out.items.span(), out.n_items, out.dim);
  return out;
}

// Takes --shape out of the arguments; a small shape when there is none.
inline std::string TakeShape(int* argc, char** argv) { return TakeFlag("--shape", argc, argv, "3000x32"); }

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
