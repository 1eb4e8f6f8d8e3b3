#include "trainer/tuning/choice.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/text.h"

namespace kindred {
namespace {

// +1 or −1 times the metric, so that more is better; NaN for a run that has none.
double Goodness(const TriedRun& run, std::string_view metric) {
  if (run.status != "done" || !run.valid) return std::nan("");
  return LowerIsBetter(metric) ? -MetricOf(*run.valid, metric) : MetricOf(*run.valid, metric);
}

double SizeOf(const TriedRun& run, const TuneResults& results) {
  double size = 0;
  for (size_t i = 0; i < results.parameters.size(); ++i) {
    if (std::find(results.size_parameters.begin(), results.size_parameters.end(), results.parameters[i]) ==
        results.size_parameters.end()) {
      continue;
    }
    const double value = ParseNumber(run.values[i]).value_or(0);
    size += value > 0 ? value : std::numeric_limits<double>::infinity();
  }
  return size;
}

}  // namespace

void Choose(TuneResults* results) {
  results->best.reset();
  results->chosen.reset();
  double best = 0;
  for (size_t i = 0; i < results->runs.size(); ++i) {
    const double goodness = Goodness(results->runs[i], results->metric);
    if (std::isnan(goodness) || (results->best && !(goodness > best))) continue;
    results->best = i;
    best = goodness;
  }
  if (!results->best) return;
  const double enough = LowerIsBetter(results->metric) ? best / results->rule : best * results->rule;
  for (size_t i = 0; i < results->runs.size(); ++i) {
    const double goodness = Goodness(results->runs[i], results->metric);
    if (std::isnan(goodness) || goodness < enough) continue;
    if (results->chosen) {
      const TriedRun& so_far = results->runs[*results->chosen];
      const double size = SizeOf(results->runs[i], *results), other = SizeOf(so_far, *results);
      if (size > other || (size == other && goodness <= Goodness(so_far, results->metric))) continue;
    }
    results->chosen = i;
  }
}

}  // namespace kindred
