// The flags of `kindred evaluate` that measure vectors against what people know. Plain values.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/evaluation/evaluation.h"
#include "trainer/evaluation/model_ranker.h"

namespace kindred {

struct EmbeddingFlags {
  std::string pairs, pairs_of = "items", segments;
  std::vector<std::string> pair_columns{"a", "b", "expected"}, segment_columns{"user", "segment"};
  uint32_t sample = 100'000;

  bool wanted() const { return !pairs.empty() || !segments.empty(); }
};

// Adds --similarity-pairs, --segments and what belongs to them. `flags` must outlive parsing.
void AddEmbeddingFlags(CLI::App* command, EmbeddingFlags* flags);

// What the flags ask for, of the ranker's space. Errors of reading and measuring.
absl::StatusOr<EmbeddingQuality> MeasureEmbedding(const EmbeddingFlags& flags, const ModelRanker& ranker,
                                                  uint64_t seed);

// An evaluation of that alone, without a test.
absl::StatusOr<Evaluation> EmbeddingOnly(const ModelRanker& ranker, EmbeddingQuality quality);

}  // namespace kindred
