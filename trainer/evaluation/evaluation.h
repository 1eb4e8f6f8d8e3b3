// The figures of an evaluation: a ranker beside popularity, and its predicted values beside the means. Plain values.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/evaluation/concentration.h"
#include "trainer/evaluation/embedding_quality.h"
#include "trainer/evaluation/ranker.h"
#include "trainer/evaluation/ranking_metrics.h"

namespace kindred {

struct FiguresAtK {
  uint32_t k = 0;
  RankingScores mean{};                        // over scored users
  RankingScores standard_error{};              // of that mean
  std::optional<Concentration> concentration;  // absent when the catalogue is not known
};

// What one way of ranking came to.
struct RankingFigures {
  std::string name;                         // "model", "popularity"
  std::vector<FiguresAtK> at;               // in the order of the K asked for
  std::map<std::string, uint64_t> sources;  // where the answers came from → users; empty for a baseline
  double user_coverage = 0;                 // share of scored users who got a vector of their own
};

// What one way of predicting values came to.
struct ValueFigures {
  std::string name;  // "model", "global mean", "user mean", "item mean"
  double rmse = 0, mae = 0, accuracy = 0;
};

// Users whom training never saw, folded in from their first events; every figure is over the same users and the same
// items to find.
struct ColdStartPoint {
  uint32_t events = 0;                      // each user's first so many
  std::vector<FiguresAtK> at;               // in the order of the K asked for
  std::map<std::string, uint64_t> sources;  // where the answers came from → users
};

struct ColdStart {
  uint64_t users = 0;                  // with something to find
  std::vector<ColdStartPoint> points;  // by rising number of events
  std::vector<FiguresAtK> popularity;  // empty when the catalogue is not known
  std::vector<FiguresAtK> reference;   // of a model trained on these users, asked by their ids; empty without one
  RankerInfo reference_ranker;
};

struct Evaluation {
  RankerInfo ranker;
  std::string family;  // of the space and its dimension, where a bundle says them
  uint32_t dim = 0;
  bool include_seen = false;
  uint32_t negatives = 0;
  uint64_t seed = 0;
  uint64_t test_rows = 0, test_users = 0;
  uint64_t sampled_users = 0;
  uint64_t scored_users = 0;    // sampled users with something to find
  uint64_t relevant_items = 0;  // of scored users, in all
  uint64_t unknown_items = 0;   // distinct (user, item) of sampled users whose item the model does not know
  uint64_t seen_items = 0;      // … whose item the user already had
  uint64_t value_pairs = 0;
  std::vector<RankingFigures> rankings;  // the model first
  std::vector<ValueFigures> values;      // the model first; empty when values were not compared
  std::optional<ColdStart> cold_start;
  EmbeddingQuality embedding;      // against given similarities and segments, where they were
  std::vector<std::string> notes;  // what was not measured and why
};

// NDCG of a point as a share of the reference's at the i-th K; 0 where that is 0. REQUIRES: a reference.
double ShareOfReference(const ColdStart& cold_start, const ColdStartPoint& point, size_t i);

// A table for people; one JSON object; CSV with the header
// ranker,metric,k,value,standard_error (k and standard_error empty where there is none).
std::string EvaluationText(const Evaluation& evaluation);
std::string EvaluationJson(const Evaluation& evaluation);
std::string EvaluationCsv(const Evaluation& evaluation);

// The figures of EvaluationJson read back; what is not there is empty, 0, or NaN where it is a figure. INVALID_ARGUMENT
// for what is no such JSON.
absl::StatusOr<Evaluation> EvaluationFromJson(std::string_view text);

}  // namespace kindred
