// Item2vec (Barkan & Koenigstein 2016): skip-gram with negative sampling (Mikolov et al. 2013) over token sequences,
// so that tokens that occur near one another get vectors that point the same way. Seeded; the same bits with one
// thread; with more, threads update shared rows without locks (Hogwild) and the bits depend on the timing.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/progress.h"
#include "trainer/data/sessions.h"

namespace kindred {

struct Item2vecOptions {
  uint32_t factors = 64;   // d
  uint32_t window = 5;     // tokens on each side, at most; each center draws its own from 1 … window
  uint32_t negatives = 5;  // per pair, at most 63
  double exponent = 0.75;  // negatives are drawn ∝ count^exponent; 0 = uniformly, negative = rare tokens more often
  double subsample = 0;    // t of the chance √(t/f) + t/f with which a token of frequency f is kept; 0 = all are
  uint32_t epochs = 10;
  double learning_rate = 0.025;     // falls linearly, from the first token to the last, …
  double min_learning_rate = 1e-4;  // … to this
  uint64_t seed = 42;
  int threads = 1;
};

struct Item2vecResult {
  std::vector<float> input;     // [n_tokens × d]: the vectors that people mean by "item2vec"
  std::vector<float> output;    // [n_tokens × d]: input·output says how likely two tokens are neighbours
  uint64_t tokens_trained = 0;  // over all epochs, before subsampling
  double seconds = 0;           // of the training itself
};

// `sequences` with at least one token. INVALID_ARGUMENT for options out of range or no token; FAILED_PRECONDITION when
// no sequence has two tokens (nothing has a neighbour) or the vectors grow beyond floats (too large a learning rate).
// O(epochs · tokens · window · negatives · d).
absl::StatusOr<Item2vecResult> Item2vec(const TokenSequences& sequences, const Item2vecOptions& options,
                                        Progress* progress);

}  // namespace kindred
