// Which run of a tuning is taken (requirement B7): the smallest model that is good enough. Pure functions, thread-safe.
#pragma once

#include <optional>

#include "trainer/tuning/tune_results.h"

namespace kindred {

// Sets `best`, the run whose metric is best, and `chosen`, of the runs within `rule` of the best (at least rule · best;
// of an error at most best / rule) the one with the smallest size: the sum of its size parameters, a 0 there (no limit)
// being the largest of all. Of equal sizes, and where no size was varied, the better metric; of equal metrics the
// earlier run. Both are empty when no run that is done has the metric.
void Choose(TuneResults* results);

}  // namespace kindred
