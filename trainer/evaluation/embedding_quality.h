// How good the vectors of a bundle are against what people know (requirement A13): given similarities of pairs, given
// segments of users. Plain values; the functions are thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/engine/model.h"
#include "trainer/evaluation/rank_correlation.h"
#include "trainer/evaluation/silhouette.h"

namespace kindred {

enum class PairKind : uint8_t { kItems, kTokens };

// Similarities that somebody expects, one a row of a CSV.
struct SimilarityPairs {
  std::string path;
  PairKind kind = PairKind::kItems;
  std::vector<std::string> a, b;
  std::vector<double> expected;
};

struct SimilarityFigures {
  PairKind kind = PairKind::kItems;
  uint64_t given = 0;           // pairs of the file
  uint64_t unknown = 0;         // with an id that the bundle does not have
  uint64_t without_vector = 0;  // with an id whose vector is zeros
  RankCorrelation spearman;     // of the others: cosine of their vectors against what was expected
};

struct UserSegments {
  std::string path;
  std::vector<std::string> users;  // distinct
  std::vector<uint32_t> segment;   // of each, into segments
  std::vector<std::string> segments;
};

struct SegmentFigures {
  uint64_t given = 0;           // users of the file
  uint64_t sampled = 0;         // of them, taken at random
  uint64_t unknown = 0;         // sampled ones that the bundle was not trained with
  uint64_t without_vector = 0;  // sampled ones without a vector of their own
  Silhouette silhouette;
};

struct EmbeddingQuality {
  std::optional<SimilarityFigures> similarity;
  std::optional<SegmentFigures> segments;
};

// `columns`: names of the three columns (two for segments), in the order of the struct. INVALID_ARGUMENT naming file,
// line and column for a number that is none, a user who stands twice in different segments, or more than kMaxSegments
// segments; FAILED_PRECONDITION for a file without a row; errors of CsvReader.
absl::StatusOr<SimilarityPairs> ReadSimilarityPairs(const std::string& path, const std::vector<std::string>& columns);
absl::StatusOr<UserSegments> ReadUserSegments(const std::string& path, const std::vector<std::string>& columns);
inline constexpr size_t kMaxSegments = 1'000;

// Cosines of item vectors (of rows in a sparse space) or, with kTokens, of token vectors. FAILED_PRECONDITION for
// tokens where the space has none, and when no pair is left. O(pairs · dim).
absl::StatusOr<SimilarityFigures> MeasureSimilarity(const Model& model, const Space& space,
                                                    const SimilarityPairs& pairs);

// Of the vectors that users rank with, in a traits space of their profiles; `sample` users of the file at most (0:
// all). FAILED_PRECONDITION for a space of sparse rows, and as CosineSilhouette. O(users · segments · dim).
absl::StatusOr<SegmentFigures> MeasureSegments(const Model& model, const Space& space, const UserSegments& segments,
                                               uint32_t sample, uint64_t seed);

// Lines for people; a JSON object with "similarity" and "segments", those that were measured; CSV lines of
// ranker,metric,k,value,standard_error.
std::string EmbeddingQualityText(const EmbeddingQuality& quality);
std::string EmbeddingQualityJson(const EmbeddingQuality& quality);
std::string EmbeddingQualityCsv(const EmbeddingQuality& quality);

}  // namespace kindred
