// Similarity and segments as text, JSON and CSV.
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/evaluation/embedding_quality.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

std::string OrDash(const std::optional<double>& value, const char* format) {
  return value
             ? (std::string_view(format) == "%.4f" ? absl::StrFormat("%.4f", *value) : absl::StrFormat("%.3g", *value))
             : "not defined";
}

}  // namespace

std::string EmbeddingQualityText(const EmbeddingQuality& quality) {
  std::string out;
  if (quality.similarity) {
    const SimilarityFigures& s = *quality.similarity;
    StrAppend(&out,
              absl::StrFormat("similarity    Spearman %s, p-value %s, %s pairs of %s (%s of %s given: %s unknown, "
                              "%s without a vector)\n",
                              OrDash(s.spearman.rho, "%.4f"), OrDash(s.spearman.p_value, "%.3g"),
                              WithThousands(s.spearman.pairs), s.kind == PairKind::kItems ? "items" : "tokens",
                              WithThousands(s.spearman.pairs), WithThousands(s.given), WithThousands(s.unknown),
                              WithThousands(s.without_vector)));
  }
  if (quality.segments) {
    const SegmentFigures& s = *quality.segments;
    StrAppend(&out,
              absl::StrFormat("segments      silhouette %.4f, %s users in %d segments (%s of %s given: %s unknown, "
                              "%s without a vector)\n",
                              s.silhouette.score, WithThousands(s.silhouette.vectors), s.silhouette.segments,
                              WithThousands(s.sampled), WithThousands(s.given), WithThousands(s.unknown),
                              WithThousands(s.without_vector)));
  }
  return out;
}

std::string EmbeddingQualityJson(const EmbeddingQuality& quality) {
  Json out = Json::object();
  if (quality.similarity) {
    const SimilarityFigures& s = *quality.similarity;
    out["similarity"] = {{"of", s.kind == PairKind::kItems ? "items" : "tokens"},
                         {"spearman", OrNull(s.spearman.rho)},
                         {"p_value", OrNull(s.spearman.p_value)},
                         {"pairs", s.spearman.pairs},
                         {"given", s.given},
                         {"unknown", s.unknown},
                         {"without_vector", s.without_vector}};
  }
  if (quality.segments) {
    const SegmentFigures& s = *quality.segments;
    out["segments"] = {{"silhouette", s.silhouette.score},
                       {"users", s.silhouette.vectors},
                       {"segments", s.silhouette.segments},
                       {"given", s.given},
                       {"sampled", s.sampled},
                       {"unknown", s.unknown},
                       {"without_vector", s.without_vector}};
  }
  return out.dump();
}

std::string EmbeddingQualityCsv(const EmbeddingQuality& quality) {
  std::string out;
  const auto row = [&](std::string_view metric, double value) {
    StrAppend(&out, "model,", metric, ",,", absl::StrFormat("%.9g", value), ",\n");
  };
  if (quality.similarity) {
    const RankCorrelation& spearman = quality.similarity->spearman;
    if (spearman.rho) row("spearman", *spearman.rho);
    if (spearman.p_value) row("spearman_p_value", *spearman.p_value);
    row("spearman_pairs", static_cast<double>(spearman.pairs));
  }
  if (quality.segments) row("silhouette", quality.segments->silhouette.score);
  return out;
}

}  // namespace kindred
