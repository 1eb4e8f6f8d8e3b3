// ComparisonSection and ValuesSection of report.h: evaluations beside each other, and models beside baselines.
#include <algorithm>
#include <cmath>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/plot.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

constexpr size_t kMostBars = 6;  // as many as there are colours

// The K that all of the evaluations have: 10 if they do, else the smallest such; 0 when there is none.
uint32_t CommonK(const std::vector<LabelledEvaluation>& evaluations) {
  uint32_t out = 0;
  for (const FiguresAtK& candidate : evaluations.front().evaluation.rankings.front().at) {
    const bool common = std::all_of(evaluations.begin(), evaluations.end(), [&](const LabelledEvaluation& each) {
      const std::vector<FiguresAtK>& at = each.evaluation.rankings.front().at;
      return std::any_of(at.begin(), at.end(), [&](const FiguresAtK& figures) { return figures.k == candidate.k; });
    });
    if (common && (out == 0 || candidate.k == 10 || (out != 10 && candidate.k < out))) out = candidate.k;
  }
  return out;
}

const FiguresAtK& At(const RankingFigures& ranking, uint32_t k) {
  return *std::find_if(ranking.at.begin(), ranking.at.end(), [&](const FiguresAtK& at) { return at.k == k; });
}

}  // namespace

std::string ComparisonSection(const ReportInput& input) {
  const std::vector<LabelledEvaluation>& all = input.evaluations;
  if (all.size() < 2) {
    return MissingHtml(
        "Whether what held on validation holds on test: give both evaluations (or the folder of a tuning, which has "
        "them).",
        "kindred report --evaluation validation=VALID.json --evaluation test=TEST.json …");
  }
  const uint32_t k = CommonK(all);
  if (k == 0) return MissingHtml("The evaluations have no length of list (K) in common.", "kindred evaluate -k 10 …");

  BarPlot plot;
  plot.title = StrCat("The model at K = ", k);
  plot.description = "Each metric for each evaluation; whiskers are one standard error. The table has the figures.";
  HtmlTable table;
  table.caption = StrCat("At K = ", k, ", with standard errors");
  table.header = {"Metric"};
  const size_t shown = std::min(all.size(), kMostBars);
  for (size_t i = 0; i < all.size(); ++i) {
    if (i < shown) plot.series.push_back(Shortened(all[i].label, 32));
    table.header.push_back(NameHtml(all[i].label, 32));
  }
  if (all.size() == 2) table.header.push_back("Difference");
  for (const RankingMetric metric : kRankingMetrics) {
    BarGroup group{MetricLabel(RankingMetricName(metric)), {}, {}};
    std::vector<std::string> row = {group.label};
    std::vector<double> means, errors;
    for (const LabelledEvaluation& each : all) {
      const FiguresAtK& at = At(each.evaluation.rankings.front(), k);
      means.push_back(Get(at.mean, metric));
      errors.push_back(Get(at.standard_error, metric));
      row.push_back(
          StrCat(Number(means.back()), std::isnan(errors.back()) ? "" : StrCat(" ± ", Number(errors.back()))));
    }
    if (all.size() == 2) {
      const double difference = means[1] - means[0], share = difference / means[0];
      row.push_back(StrCat(difference > 0 ? "+" : "", Number(difference),
                           std::isfinite(share) ? StrCat(" (", share > 0 ? "+" : "", Percent(share), ")") : ""));
    }
    group.values.assign(means.begin(), means.begin() + static_cast<int64_t>(shown));
    group.errors.assign(errors.begin(), errors.begin() + static_cast<int64_t>(shown));
    plot.groups.push_back(std::move(group));
    table.rows.push_back(std::move(row));
  }
  // A wide table needs the whole width.
  const bool beside = all.size() == 2;
  std::string out = StrCat("<div class=\"plots\">\n", BarPlotHtml(plot), beside ? TableHtml(table) : "", "</div>\n",
                           beside ? "" : TableHtml(table));
  if (all.size() > shown) StrAppend(&out, "<p class=\"soft\">The plot shows the first ", shown, " evaluations.</p>\n");
  return out;
}

std::string ValuesSection(const ReportInput& input) {
  std::string out;
  for (const LabelledEvaluation& each : input.evaluations) {
    const Evaluation& evaluation = each.evaluation;
    if (evaluation.values.empty()) continue;
    HtmlTable table;
    table.caption =
        StrCat(NameHtml(each.label), ": ", WithThousands(evaluation.value_pairs), " pairs of user and item");
    table.header = {"Prediction", "RMSE", "MAE", "Accuracy"};
    BarPlot plot;
    plot.title = StrCat("Error of predicted values, ", Shortened(each.label, 32), " (less is better)");
    plot.description = "RMSE and MAE of the model and of the means, in units of the values. The table has the figures.";
    plot.series = {"RMSE", "MAE"};
    for (const ValueFigures& figures : evaluation.values) {
      table.rows.push_back(
          {NameHtml(figures.name), Number(figures.rmse), Number(figures.mae), Percent(figures.accuracy)});
      plot.groups.push_back({figures.name, {figures.rmse, figures.mae}, {}});
    }
    StrAppend(&out, "<div class=\"plots\">\n", BarPlotHtml(plot), TableHtml(table), "</div>\n");
  }
  if (!out.empty()) return out;
  return MissingHtml(
      "How near predicted values come, beside the global, user and item mean: evaluate a space that predicts values "
      "(families svd, nmf, mf) on a test with values.",
      "kindred evaluate --bundle FILE --train TRAIN --test TEST --json > EVALUATION.json");
}

}  // namespace kindred
