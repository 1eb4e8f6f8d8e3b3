// ColdStartSection of report.h.
#include <algorithm>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/plot.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

const FiguresAtK* AtK(const std::vector<FiguresAtK>& figures, uint32_t k) {
  const auto found = std::find_if(figures.begin(), figures.end(), [&](const FiguresAtK& at) { return at.k == k; });
  return found == figures.end() ? nullptr : &*found;
}

LinePlot CurvePlot(const std::string& label, const ColdStart& cold, uint32_t k) {
  LinePlot plot;
  plot.title = StrCat("NDCG@", k, " by events known of a new user, ", Shortened(label, 32));
  plot.x_label = "first events of the user";
  plot.y_label = StrCat("NDCG@", k);
  PlotSeries curve{"folded in", {}, 0};
  for (const ColdStartPoint& point : cold.points) {
    plot.x_ticks.push_back({static_cast<double>(point.events), WithThousands(point.events)});
    const FiguresAtK* at = AtK(point.at, k);
    if (at == nullptr) continue;
    curve.points.push_back({static_cast<double>(point.events), Get(at->mean, RankingMetric::kNdcg),
                            Get(at->standard_error, RankingMetric::kNdcg)});
  }
  // A level across, drawn as a series so that it has a colour of its own.
  const auto level = [&](const char* name, const std::vector<FiguresAtK>& figures, int style) {
    const FiguresAtK* at = AtK(figures, k);
    if (at == nullptr || plot.x_ticks.empty()) return;
    const double y = Get(at->mean, RankingMetric::kNdcg);
    PlotSeries series{name, {{plot.x_ticks.front().value, y}, {plot.x_ticks.back().value, y}}, style};
    series.dashed = true;
    series.markers = false;
    plot.series.push_back(std::move(series));
  };
  plot.series.push_back(std::move(curve));
  level("popularity", cold.popularity, 1);
  level("trained on these users", cold.reference, 2);
  plot.description =
      "Users whom the model was not trained on, folded in from their first events. The table has the figures.";
  return plot;
}

HtmlTable CurveTable(const std::string& label, const ColdStart& cold) {
  HtmlTable table;
  table.caption = StrCat(NameHtml(label), ": ", WithThousands(cold.users),
                         " users, the same and with the same items to find at each row");
  table.header = {"Known of the user", "K"};
  for (const RankingMetric metric : kRankingMetrics) table.header.push_back(MetricLabel(RankingMetricName(metric)));
  if (!cold.reference.empty()) table.header.emplace_back("NDCG of the trained");
  const auto add = [&](const std::string& name, const std::vector<FiguresAtK>& figures, auto share) {
    for (size_t i = 0; i < figures.size(); ++i) {
      std::vector<std::string> row = {name, WithThousands(figures[i].k)};
      for (const RankingMetric metric : kRankingMetrics) row.push_back(Number(Get(figures[i].mean, metric)));
      if (!cold.reference.empty()) row.push_back(share(i));
      table.rows.push_back(std::move(row));
    }
  };
  for (const ColdStartPoint& point : cold.points) {
    add(StrCat(point.events, point.events == 1 ? " event" : " events"), point.at, [&](size_t i) {
      if (i >= cold.reference.size()) return std::string();
      const double value = ShareOfReference(cold, point, i);
      return BarCell(Percent(value), value);
    });
  }
  add("nothing: popularity", cold.popularity, [](size_t) { return std::string(); });
  add("trained on the same events", cold.reference, [](size_t) { return BarCell(Percent(1), 1); });
  return table;
}

}  // namespace

std::string ColdStartSection(const ReportInput& input) {
  std::string out;
  for (const LabelledEvaluation& each : input.evaluations) {
    if (!each.evaluation.cold_start || each.evaluation.cold_start->points.empty()) continue;
    const ColdStart& cold = *each.evaluation.cold_start;
    StrAppend(&out, CircumstancesHtml(each), "<div class=\"plots\">\n");
    for (const FiguresAtK& at : cold.points.front().at)
      StrAppend(&out, LinePlotHtml(CurvePlot(each.label, cold, at.k)));
    StrAppend(&out, "</div>\n", TableHtml(CurveTable(each.label, cold)));
  }
  if (!out.empty()) return out;
  return MissingHtml(
      "How good the first lists of a new user are: hold users out of training, and evaluate from their first events.",
      "kindred split EVENTS --kind users --out-train TRAIN --out-test HELD_OUT ; kindred evaluate --bundle FILE "
      "--train "
      "TRAIN --test HELD_OUT --cold-start 1,3,5,10 --json > COLD.json");
}

}  // namespace kindred
