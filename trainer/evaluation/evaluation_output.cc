// Evaluation as text, JSON and CSV.
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/evaluation/evaluation.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const RankingFigures& figures) {
  Json out = {{"name", figures.name}, {"at", Json::array()}};
  for (const FiguresAtK& at : figures.at) {
    Json row = {{"k", at.k}};
    for (const RankingMetric metric : kRankingMetrics)
      row[std::string(RankingMetricName(metric))] = Get(at.mean, metric);
    Json errors = Json::object();
    for (const RankingMetric metric : kRankingMetrics) {
      errors[std::string(RankingMetricName(metric))] = Get(at.standard_error, metric);
    }
    if (at.concentration) {
      row["coverage"] = at.concentration->coverage;
      row["gini"] = at.concentration->gini;
      row["top_10_percent_share"] = at.concentration->top_share;
      row["mean_popularity"] = at.concentration->mean_popularity;
    }
    row["standard_error"] = std::move(errors);
    out["at"].push_back(std::move(row));
  }
  if (!figures.sources.empty()) {
    out["sources"] = figures.sources;
    out["user_coverage"] = figures.user_coverage;
  }
  return out;
}

std::string SourcesText(const RankingFigures& figures, uint64_t scored) {
  std::vector<std::string> parts;
  for (const auto& [source, users] : figures.sources) {
    parts.push_back(absl::StrFormat("%s %s", WithThousands(users), source));
  }
  return absl::StrFormat("%s (%.1f %% of %s users have a vector of their own)", StrJoin(parts, ", "),
                         100 * figures.user_coverage, WithThousands(scored));
}

void CsvRow(std::string_view ranker, std::string_view metric, std::string_view k, double value, std::string_view error,
            std::string* out) {
  StrAppend(out, ranker, ",", metric, ",", k, ",", absl::StrFormat("%.9g", value), ",", error, "\n");
}

void CsvRows(std::string_view ranker, const std::vector<FiguresAtK>& figures, std::string* out) {
  for (const FiguresAtK& at : figures) {
    for (const RankingMetric metric : kRankingMetrics) {
      CsvRow(ranker, RankingMetricName(metric), StrCat(at.k), Get(at.mean, metric),
             absl::StrFormat("%.9g", Get(at.standard_error, metric)), out);
    }
  }
}

void ColdStartCsv(const ColdStart& cold, std::string* out) {
  for (const ColdStartPoint& point : cold.points) {
    const std::string name = StrCat("cold_start_", point.events);
    CsvRows(name, point.at, out);
    for (size_t i = 0; i < cold.reference.size(); ++i) {
      CsvRow(name, "ndcg_share_of_reference", StrCat(point.at[i].k), ShareOfReference(cold, point, i), "", out);
    }
  }
  CsvRows("cold_start_popularity", cold.popularity, out);
  CsvRows("cold_start_reference", cold.reference, out);
}

// {"recall@10": …, …} of every metric and K.
Json AtEveryK(const std::vector<FiguresAtK>& figures, bool errors) {
  Json out = Json::object();
  for (const FiguresAtK& at : figures) {
    for (const RankingMetric metric : kRankingMetrics) {
      out[StrCat(RankingMetricName(metric), "@", at.k)] = Get(errors ? at.standard_error : at.mean, metric);
    }
  }
  return out;
}

Json ColdStartJson(const ColdStart& cold) {
  Json out = Json::array();
  for (const ColdStartPoint& point : cold.points) {
    Json row = {{"events", point.events}, {"users", cold.users}};
    row.update(AtEveryK(point.at, false));
    row["standard_error"] = AtEveryK(point.at, true);
    row["sources"] = point.sources;
    if (!cold.popularity.empty()) row["popularity"] = AtEveryK(cold.popularity, false);
    if (!cold.reference.empty()) {
      row["reference"] = AtEveryK(cold.reference, false);
      row["reference_digest"] = cold.reference_ranker.digest;
      Json shares = Json::object();
      for (size_t i = 0; i < point.at.size(); ++i) {
        shares[StrCat("ndcg@", point.at[i].k)] = ShareOfReference(cold, point, i);
      }
      row["share_of_reference"] = std::move(shares);
    }
    out.push_back(std::move(row));
  }
  return out;
}

std::string ColdStartText(const ColdStart& cold) {
  std::string out = absl::StrFormat(
      "\ncold start: %s users whom the model was not trained on, folded in from their first events\n"
      "events             K   Recall  Precision     NDCG      MAP       HR      MRR%s\n",
      WithThousands(cold.users), cold.reference.empty() ? "" : "   NDCG of the trained");
  const auto line = [&](std::string_view name, const FiguresAtK& at, const std::string& share) {
    StrAppend(&out, absl::StrFormat("%-16s %3d   %.4f     %.4f   %.4f   %.4f   %.4f   %.4f%s\n", name, at.k, at.mean[0],
                                    at.mean[1], at.mean[2], at.mean[3], at.mean[4], at.mean[5], share));
  };
  for (const ColdStartPoint& point : cold.points) {
    for (size_t i = 0; i < point.at.size(); ++i) {
      line(StrCat("first ", point.events), point.at[i],
           cold.reference.empty() ? "" : absl::StrFormat("   %.1f %%", 100 * ShareOfReference(cold, point, i)));
    }
  }
  for (const FiguresAtK& at : cold.popularity) line("popularity", at, "");
  for (const FiguresAtK& at : cold.reference) line("trained on them", at, "   100 %");
  return out;
}

}  // namespace

double ShareOfReference(const ColdStart& cold_start, const ColdStartPoint& point, size_t i) {
  const double reference = Get(cold_start.reference[i].mean, RankingMetric::kNdcg);
  return reference > 0 ? Get(point.at[i].mean, RankingMetric::kNdcg) / reference : 0;
}

std::string EvaluationText(const Evaluation& e) {
  std::string out =
      absl::StrFormat("model         %s, version %s, space %s", e.ranker.model, e.ranker.version, e.ranker.space);
  if (!e.family.empty()) StrAppend(&out, absl::StrFormat(" (%s, %d dimensions)", e.family, e.dim));
  if (e.rankings.empty() && !e.cold_start) {  // only the vectors were measured
    StrAppend(&out, "\n", EmbeddingQualityText(e.embedding));
    for (const std::string& note : e.notes) StrAppend(&out, "note          ", note, "\n");
    return out;
  }
  StrAppend(&out,
            absl::StrFormat("\ntest          %s rows of %s users, %s sampled (seed %d), %s of them with something to "
                            "find: %s items\n",
                            WithThousands(e.test_rows), WithThousands(e.test_users), WithThousands(e.sampled_users),
                            e.seed, WithThousands(e.scored_users), WithThousands(e.relevant_items)));
  StrAppend(&out,
            absl::StrFormat("left out      %s items that the model does not know, %s that the user already had%s\n",
                            WithThousands(e.unknown_items), WithThousands(e.seen_items),
                            e.include_seen ? " (repeats count: --include-seen)" : ""));
  if (e.negatives > 0) {
    StrAppend(&out, absl::StrFormat("ranked        among the test items and %d others each\n", e.negatives));
  }
  if (!e.rankings.empty() && !e.rankings[0].sources.empty()) {
    StrAppend(&out, "answered by   ", SourcesText(e.rankings[0], e.scored_users), "\n");
  }
  const bool concentration = !e.rankings.empty() && e.rankings[0].at[0].concentration.has_value();
  StrAppend(&out, "\n               K   Recall  Precision     NDCG      MAP       HR      MRR",
            concentration ? "   Coverage    Gini  Top 10 %  Mean pop.\n" : "\n");
  for (const RankingFigures& figures : e.rankings) {
    for (const FiguresAtK& at : figures.at) {
      StrAppend(&out, absl::StrFormat("%-12s %3d   %.4f     %.4f   %.4f   %.4f   %.4f   %.4f", figures.name, at.k,
                                      at.mean[0], at.mean[1], at.mean[2], at.mean[3], at.mean[4], at.mean[5]));
      if (at.concentration) {
        StrAppend(&out, absl::StrFormat("   %7.2f%%  %.4f  %7.2f%%   %7.2f%%", 100 * at.concentration->coverage,
                                        at.concentration->gini, 100 * at.concentration->top_share,
                                        100 * at.concentration->mean_popularity));
      }
      StrAppend(&out, "\n");
    }
  }
  if (!e.values.empty()) {
    StrAppend(&out, absl::StrFormat("\nvalues (%s pairs)     RMSE      MAE  Accuracy\n", WithThousands(e.value_pairs)));
    for (const ValueFigures& figures : e.values) {
      StrAppend(&out, absl::StrFormat("%-16s %9.4f %8.4f  %7.2f%%\n", figures.name, figures.rmse, figures.mae,
                                      100 * figures.accuracy));
    }
  }
  if (e.cold_start) StrAppend(&out, ColdStartText(*e.cold_start));
  if (const std::string quality = EmbeddingQualityText(e.embedding); !quality.empty()) StrAppend(&out, "\n", quality);
  for (const std::string& note : e.notes) StrAppend(&out, "note          ", note, "\n");
  return out;
}

std::string EvaluationJson(const Evaluation& e) {
  Json out = {{"model", e.ranker.model},
              {"version", e.ranker.version},
              {"digest", e.ranker.digest},
              {"space", e.ranker.space},
              {"include_seen", e.include_seen},
              {"negatives", e.negatives},
              {"seed", e.seed},
              {"test_rows", e.test_rows},
              {"test_users", e.test_users},
              {"sampled_users", e.sampled_users},
              {"scored_users", e.scored_users},
              {"relevant_items", e.relevant_items},
              {"unknown_items", e.unknown_items},
              {"seen_items", e.seen_items},
              {"rankings", Json::array()},
              {"value_pairs", e.value_pairs},
              {"values", Json::array()},
              {"notes", e.notes}};
  for (const RankingFigures& figures : e.rankings) out["rankings"].push_back(ToJson(figures));
  for (const ValueFigures& figures : e.values) {
    out["values"].push_back(
        {{"name", figures.name}, {"rmse", figures.rmse}, {"mae", figures.mae}, {"accuracy", figures.accuracy}});
  }
  if (e.cold_start) out["cold_start"] = ColdStartJson(*e.cold_start);
  out.update(Json::parse(EmbeddingQualityJson(e.embedding)));
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string EvaluationCsv(const Evaluation& e) {
  std::string out = "ranker,metric,k,value,standard_error\n";
  for (const RankingFigures& figures : e.rankings) {
    for (const FiguresAtK& at : figures.at) {
      const std::string k = StrCat(at.k);
      for (const RankingMetric metric : kRankingMetrics) {
        CsvRow(figures.name, RankingMetricName(metric), k, Get(at.mean, metric),
               absl::StrFormat("%.9g", Get(at.standard_error, metric)), &out);
      }
      if (!at.concentration) continue;
      CsvRow(figures.name, "coverage", k, at.concentration->coverage, "", &out);
      CsvRow(figures.name, "gini", k, at.concentration->gini, "", &out);
      CsvRow(figures.name, "top_10_percent_share", k, at.concentration->top_share, "", &out);
      CsvRow(figures.name, "mean_popularity", k, at.concentration->mean_popularity, "", &out);
    }
    if (!figures.sources.empty()) CsvRow(figures.name, "user_coverage", "", figures.user_coverage, "", &out);
  }
  for (const ValueFigures& figures : e.values) {
    CsvRow(figures.name, "rmse", "", figures.rmse, "", &out);
    CsvRow(figures.name, "mae", "", figures.mae, "", &out);
    CsvRow(figures.name, "accuracy", "", figures.accuracy, "", &out);
  }
  if (e.cold_start) ColdStartCsv(*e.cold_start, &out);
  StrAppend(&out, EmbeddingQualityCsv(e.embedding));
  return out;
}

}  // namespace kindred
