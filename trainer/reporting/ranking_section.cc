// RankingSection and ConcentrationSection of report.h.
#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/plot.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

constexpr std::string_view kHow =
    "kindred evaluate --bundle FILE --train TRAIN --test TEST -k 1,5,10,20,50 --json > TEST.json";

std::string SeriesName(const ReportInput& input, const LabelledEvaluation& each, const RankingFigures& ranking) {
  return input.evaluations.size() == 1 ? ranking.name : StrCat(Shortened(each.label, 24), ": ", ranking.name);
}

LinePlot MetricPlot(const ReportInput& input, RankingMetric metric) {
  LinePlot plot;
  const std::string name = MetricLabel(RankingMetricName(metric));
  plot.title = StrCat(name, " per K");
  plot.x_label = "K, length of the list";
  plot.y_label = name;
  std::set<uint32_t> ks;
  int style = 0;
  for (const LabelledEvaluation& each : input.evaluations) {
    for (size_t i = 0; i < each.evaluation.rankings.size(); ++i) {
      const RankingFigures& ranking = each.evaluation.rankings[i];
      PlotSeries series{SeriesName(input, each, ranking), {}, style};
      series.dashed = i > 0;
      if (input.evaluations.size() == 1) series.style = static_cast<int>(i);
      for (const FiguresAtK& at : ranking.at) {
        ks.insert(at.k);
        series.points.push_back({static_cast<double>(at.k), Get(at.mean, metric), Get(at.standard_error, metric)});
      }
      std::stable_sort(series.points.begin(), series.points.end(),
                       [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
      plot.series.push_back(std::move(series));
    }
    ++style;
  }
  std::vector<double> values;
  for (const uint32_t k : ks) {
    values.push_back(k);
    plot.x_ticks.push_back({static_cast<double>(k), WithThousands(k)});
  }
  plot.log_x = SuitsLog(values);
  if (plot.log_x) plot.x_label += " (logarithmic)";
  plot.description = StrCat(name, " at each length of the list with its standard error. The tables have the figures.");
  return plot;
}

// One K makes no curve.
BarPlot SinglePlot(const ReportInput& input) {
  BarPlot plot;
  plot.title = StrCat("At K = ", input.evaluations.front().evaluation.rankings.front().at.front().k);
  plot.description = "Each metric with its standard error. The tables have the figures.";
  for (const RankingMetric metric : kRankingMetrics)
    plot.groups.push_back({MetricLabel(RankingMetricName(metric)), {}, {}});
  for (const LabelledEvaluation& each : input.evaluations) {
    for (const RankingFigures& ranking : each.evaluation.rankings) {
      plot.series.push_back(SeriesName(input, each, ranking));
      for (size_t i = 0; i < kRankingMetrics.size(); ++i) {
        plot.groups[i].values.push_back(ranking.at.empty() ? std::nan("")
                                                           : Get(ranking.at.front().mean, kRankingMetrics[i]));
        plot.groups[i].errors.push_back(
            ranking.at.empty() ? 0 : Get(ranking.at.front().standard_error, kRankingMetrics[i]));
      }
    }
  }
  return plot;
}

std::string FiguresTable(const LabelledEvaluation& each) {
  HtmlTable table;
  table.caption = StrCat(NameHtml(each.label), ": means over users, with standard errors");
  table.header = {"Ranked by", "K"};
  for (const RankingMetric metric : kRankingMetrics) table.header.push_back(MetricLabel(RankingMetricName(metric)));
  for (const RankingFigures& ranking : each.evaluation.rankings) {
    for (const FiguresAtK& at : ranking.at) {
      std::vector<std::string> row = {NameHtml(ranking.name), WithThousands(at.k)};
      for (const RankingMetric metric : kRankingMetrics) {
        const double error = Get(at.standard_error, metric);
        row.push_back(StrCat(Number(Get(at.mean, metric)), std::isnan(error) ? "" : StrCat(" ± ", Number(error))));
      }
      table.rows.push_back(std::move(row));
    }
  }
  return TableHtml(table);
}

}  // namespace

std::string CircumstancesHtml(const LabelledEvaluation& each) {
  const Evaluation& e = each.evaluation;
  std::string out = StrCat(
      "<h3>", NameHtml(each.label), "</h3>\n<p>Model ", NameHtml(e.ranker.model), ", version ",
      NameHtml(e.ranker.version), ", space ", NameHtml(e.ranker.space), ". ", WithThousands(e.test_rows),
      " test rows of ", WithThousands(e.test_users), " users; ", WithThousands(e.sampled_users), " sampled (seed ",
      e.seed, "), ", WithThousands(e.scored_users), " with something to find: ", WithThousands(e.relevant_items),
      " items. Left out: ", WithThousands(e.unknown_items), " items that the model does not know, ",
      WithThousands(e.seen_items), " that the user already had.",
      e.negatives > 0 ? StrCat(" Ranked among ", e.negatives, " sampled others.") : "",
      e.include_seen ? " Repeats count." : "");
  if (!e.rankings.front().sources.empty()) {
    std::vector<std::string> parts;
    for (const auto& [source, users] : e.rankings.front().sources) {
      parts.push_back(StrCat(WithThousands(users), " ", Escaped(source)));
    }
    StrAppend(&out, " Users answered by: ", StrJoin(parts, ", "), ".");
  }
  StrAppend(&out, "</p>\n");
  for (const std::string& note : e.notes) StrAppend(&out, "<p class=\"note\">", Escaped(note), "</p>\n");
  return out;
}

std::string RankingSection(const ReportInput& input) {
  if (input.evaluations.empty()) {
    return MissingHtml("How good the lists are, beside popularity: evaluate the bundle and give what comes out.",
                       StrCat(kHow, " ; kindred report --evaluation test=TEST.json …"));
  }
  const bool curves =
      std::any_of(input.evaluations.begin(), input.evaluations.end(),
                  [](const LabelledEvaluation& each) { return each.evaluation.rankings.front().at.size() > 1; });
  std::string out = curves ? LegendHtml(MetricPlot(input, RankingMetric::kNdcg)) : "";
  StrAppend(&out, "<div class=\"plots\">\n");
  if (curves) {
    for (const RankingMetric metric : {RankingMetric::kNdcg, RankingMetric::kRecall, RankingMetric::kPrecision,
                                       RankingMetric::kMap, RankingMetric::kHitRate, RankingMetric::kMrr}) {
      LinePlot plot = MetricPlot(input, metric);
      plot.legend = false;
      StrAppend(&out, LinePlotHtml(plot));
    }
  } else {
    StrAppend(&out, BarPlotHtml(SinglePlot(input)));
  }
  StrAppend(&out, "</div>\n");
  for (const LabelledEvaluation& each : input.evaluations) {
    StrAppend(&out, CircumstancesHtml(each), FiguresTable(each));
  }
  return out;
}

std::string ConcentrationSection(const ReportInput& input) {
  std::string out;
  for (const LabelledEvaluation& each : input.evaluations) {
    HtmlTable table;
    table.caption = NameHtml(each.label);
    table.header = {"Ranked by", "K", "Catalogue shown", "Gini", "To the top 10 %", "Mean popularity"};
    for (const RankingFigures& ranking : each.evaluation.rankings) {
      for (const FiguresAtK& at : ranking.at) {
        if (!at.concentration) continue;
        const Concentration& c = *at.concentration;
        table.rows.push_back({NameHtml(ranking.name), WithThousands(at.k), BarCell(Percent(c.coverage), c.coverage),
                              BarCell(Number(c.gini), c.gini), BarCell(Percent(c.top_share), c.top_share),
                              BarCell(Percent(c.mean_popularity), c.mean_popularity)});
      }
    }
    if (!table.rows.empty()) StrAppend(&out, TableHtml(table));
  }
  if (out.empty()) {
    return MissingHtml(
        "How much of the catalogue is shown and how much of it is what is popular anyway: an evaluation "
        "of a bundle says it, and one of a server with --train.",
        kHow);
  }
  return StrCat(
      "<p>Over the first K of all lists together. <b>Catalogue shown</b>: items recommended at least once. "
      "<b>Gini</b>: 0 "
      "= each item alike, near 1 = a few take all. <b>To the top 10 %</b>: recommendations that went to the most "
      "popular "
      "tenth of the catalogue. <b>Mean popularity</b>: users of the training who have a recommended item.</p>\n",
      out);
}

}  // namespace kindred
