// TuningSection of report.h: the metric against each hyper-parameter, and every run.
#include <algorithm>
#include <cmath>
#include <map>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/progress.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/plot.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

constexpr size_t kOpenRuns = 40, kListedRuns = 2'000;

double MetricOf(const TriedRun& run, const TuneResults& tune) {
  return run.valid && run.status == "done" ? MetricOf(*run.valid, tune.metric) : std::nan("");
}

// The values of one parameter on an axis: numbers where they lie, anything else side by side.
struct ParameterAxis {
  std::vector<Tick> ticks;
  std::map<std::string, double> place;
  bool log = false;
};

ParameterAxis AxisOf(const TuneResults& tune, size_t parameter) {
  ParameterAxis out;
  std::vector<std::string> distinct;
  std::vector<double> numbers;
  bool numeric = true;
  for (const TriedRun& run : tune.runs) {
    const std::string& value = run.values[parameter];
    if (!std::isfinite(MetricOf(run, tune))) continue;
    if (!out.place.emplace(value, 0).second) continue;
    distinct.push_back(value);
    const std::optional<double> number = ParseNumber(value);
    numeric = numeric && number.has_value();
    numbers.push_back(number.value_or(0));
  }
  out.log = numeric && SuitsLog(numbers);
  out.ticks.reserve(distinct.size());
  for (size_t i = 0; i < distinct.size(); ++i) {
    const double at = numeric ? numbers[i] : static_cast<double>(i);
    out.place[distinct[i]] = at;
    out.ticks.push_back({at, Shortened(distinct[i], 14)});
  }
  std::stable_sort(out.ticks.begin(), out.ticks.end(), [](const Tick& a, const Tick& b) { return a.value < b.value; });
  return out;
}

LinePlot PlotOf(const TuneResults& tune, size_t parameter) {
  const ParameterAxis axis = AxisOf(tune, parameter);
  const bool lower = LowerIsBetter(tune.metric);
  const std::string metric = MetricLabel(tune.metric), &name = tune.parameters[parameter];
  LinePlot plot;
  plot.title = StrCat(metric, " on validation against ", name);
  plot.x_label = axis.log ? StrCat(name, " (logarithmic)") : name;
  plot.y_label = lower ? StrCat(metric, " (less is better)") : metric;
  plot.x_ticks = axis.ticks;
  plot.log_x = axis.log;
  plot.y_from_zero = false;

  PlotSeries runs{"each run", {}, 5, false}, best{StrCat("best at this ", name), {}, 0};
  std::map<double, double> best_at;
  for (const TriedRun& run : tune.runs) {
    const double y = MetricOf(run, tune);
    if (!std::isfinite(y)) continue;
    const double x = axis.place.at(run.values[parameter]);
    runs.points.push_back({x, y});
    const auto [at, fresh] = best_at.emplace(x, y);
    if (!fresh) at->second = lower ? std::min(at->second, y) : std::max(at->second, y);
  }
  best.points.reserve(best_at.size());
  for (const auto& [x, y] : best_at) best.points.push_back({x, y});
  const size_t n_runs = runs.points.size();
  plot.series = {std::move(runs), std::move(best)};
  if (tune.chosen && axis.place.contains(tune.runs[*tune.chosen].values[parameter])) {
    const TriedRun& run = tune.runs[*tune.chosen];
    PlotSeries chosen{"chosen", {{axis.place.at(run.values[parameter]), MetricOf(run, tune)}}, 1, false};
    chosen.ring = true;
    plot.series.push_back(std::move(chosen));
  }
  if (tune.best && tune.rule > 0) {
    const double y = MetricOf(tune.runs[*tune.best], tune);
    plot.levels.push_back(
        {absl::StrFormat("good enough: %g %% of the best", 100 * tune.rule), lower ? y / tune.rule : y * tune.rule});
  }
  plot.description = absl::StrFormat("%d runs at %d values of %s. The table of runs has the figures.", n_runs,
                                     axis.ticks.size(), name);
  return plot;
}

std::string RunsTable(const TuneResults& tune) {
  HtmlTable table;
  table.caption = absl::StrFormat("All runs, best first (%s)", WithThousands(tune.runs.size()));
  table.header = {"Run"};
  for (const std::string& name : tune.parameters) table.header.push_back(NameHtml(name));
  table.header.insert(table.header.end(), {"Outcome", Escaped(MetricLabel(tune.metric)), "of the best", "Time"});
  table.text_columns = table.header.size() - 3;
  std::vector<size_t> order(tune.runs.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  const bool lower = LowerIsBetter(tune.metric);
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const double x = MetricOf(tune.runs[a], tune), y = MetricOf(tune.runs[b], tune);
    if (std::isnan(x) || std::isnan(y)) return !std::isnan(x) && std::isnan(y);
    return lower ? x < y : x > y;
  });
  const double best = tune.best ? MetricOf(tune.runs[*tune.best], tune) : std::nan("");
  for (size_t i = 0; i < std::min(order.size(), kListedRuns); ++i) {
    const TriedRun& run = tune.runs[order[i]];
    std::vector<std::string> row = {StrCat(order[i] + 1)};
    for (const std::string& value : run.values) row.push_back(NameHtml(value, 32));
    std::string outcome = run.why.empty() ? NameHtml(run.status) : StrCat(NameHtml(run.status), ": ", Escaped(run.why));
    if (tune.chosen == order[i]) outcome = "<b>chosen</b>";
    if (tune.best == order[i]) outcome += tune.chosen == order[i] ? ", best" : ", <b>best</b>";
    const double metric = MetricOf(run, tune), share = lower ? best / metric : metric / best;
    row.insert(row.end(),
               {std::move(outcome), Number(metric), BarCell(Percent(share), share), HumanSeconds(run.seconds)});
    table.rows.push_back(std::move(row));
  }
  return TableHtml(table);
}

}  // namespace

std::string TuningSection(const ReportInput& input) {
  if (!input.tune) {
    return MissingHtml("Which hyper-parameters do best: tune the family, and give the folder that tuning writes.",
                       "kindred tune als … ; kindred report --tune FOLDER …");
  }
  const TuneResults& tune = *input.tune;
  const auto done =
      std::count_if(tune.runs.begin(), tune.runs.end(), [](const TriedRun& run) { return run.status == "done"; });
  std::string out = StrCat("<p>Family ", NameHtml(tune.family), ", space ", NameHtml(tune.space), ": ",
                           WithThousands(static_cast<uint64_t>(done)), " of ", WithThousands(tune.runs.size()),
                           " runs done, compared by ", Escaped(MetricLabel(tune.metric)), " on validation.");
  if (tune.chosen) {
    const TriedRun& run = tune.runs[*tune.chosen];
    std::vector<std::string> values;
    for (size_t i = 0; i < tune.parameters.size(); ++i) {
      values.push_back(StrCat(NameHtml(tune.parameters[i]), " = ", NameHtml(run.values[i])));
    }
    StrAppend(&out, " Chosen: <b>", StrJoin(values, ", "), "</b>, with ", Number(MetricOf(run, tune)));
    if (tune.best && *tune.best != *tune.chosen) {
      StrAppend(&out, absl::StrFormat(", the smallest within %g %% of the best (", 100 * tune.rule),
                Number(MetricOf(tune.runs[*tune.best], tune)), ")");
    }
    StrAppend(&out, ".");
  }
  StrAppend(&out, "</p>\n<div class=\"plots\">\n");
  for (size_t i = 0; i < tune.parameters.size(); ++i) {
    if (AxisOf(tune, i).ticks.size() > 1) StrAppend(&out, LinePlotHtml(PlotOf(tune, i)));
  }
  StrAppend(&out, "</div>\n");
  const std::string table = RunsTable(tune);
  if (tune.runs.size() <= kOpenRuns) return out + table;
  StrAppend(&out, "<details><summary>",
            tune.runs.size() <= kListedRuns ? "All" : StrCat("The best ", kListedRuns, " of"), " ",
            WithThousands(tune.runs.size()), " runs</summary>", table, "</details>\n");
  return out;
}

}  // namespace kindred
