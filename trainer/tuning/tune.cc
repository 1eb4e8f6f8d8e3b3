#include "trainer/tuning/tune.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/input_file.h"
#include "trainer/tuning/choice.h"
#include "trainer/tuning/recipe_parameters.h"
#include "trainer/tuning/tune_folder.h"
#include "trainer/tuning/tune_runner.h"
#include "trainer/tuning/tune_setup.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

absl::Status SetAll(const ParameterList& parameters, const std::vector<std::string>& names,
                    const std::vector<std::string>& values) {
  for (size_t i = 0; i < names.size(); ++i) RETURN_IF_ERROR(parameters.Set(names[i], values[i]));
  return absl::OkStatus();
}

// The axes under the parameters' own names, with values as the parameters write them; every value is tried here.
absl::StatusOr<std::vector<GridAxis>> Canonical(const std::vector<GridAxis>& axes, const RecipeParameters& parameters) {
  std::vector<GridAxis> out;
  for (const GridAxis& axis : axes) {
    const Parameter* parameter = parameters.list().Find(axis.name);
    if (parameter == nullptr) {
      std::vector<std::string> names;
      for (const Parameter& each : parameters.list().all()) names.push_back(each.name);
      return absl::InvalidArgumentError(
          StrCat("grid: unknown parameter ", Shown(axis.name), "; there are ", StrJoin(names, ", ")));
    }
    const std::string base = parameter->get();
    GridAxis& canonical = out.emplace_back();
    canonical.name = parameter->name;
    for (const std::string& value : axis.values) {
      if (const absl::Status status = parameter->set(value); !status.ok()) {
        return absl::InvalidArgumentError(StrCat("grid: ", status.message()));
      }
      std::string text = parameter->get();
      if (std::find(canonical.values.begin(), canonical.values.end(), text) == canonical.values.end()) {
        canonical.values.push_back(std::move(text));
      }
    }
    RETURN_IF_ERROR(parameter->set(base));
  }
  return out;
}

std::string Assignment(const TuneResults& results, const TriedRun& run) {
  std::vector<std::string> parts;
  for (size_t i = 0; i < results.parameters.size(); ++i) {
    parts.push_back(StrCat(results.parameters[i], "=", run.values[i]));
  }
  return StrJoin(parts, ", ");
}

// What the folder's results become with this grid: runs that are there already are kept, the others added without a
// status. Returns the numbers of the grid's runs.
std::vector<size_t> Merge(const std::vector<GridAxis>& axes, const std::vector<std::vector<std::string>>& points,
                          const ParameterList& parameters, TuneResults* results) {
  for (const GridAxis& axis : axes) {
    if (std::find(results->parameters.begin(), results->parameters.end(), axis.name) != results->parameters.end()) {
      continue;
    }
    results->parameters.push_back(axis.name);
    for (TriedRun& run : results->runs) run.values.push_back(parameters.Find(axis.name)->get());
  }
  std::vector<size_t> numbers;
  for (const std::vector<std::string>& point : points) {
    std::vector<std::string> values;
    for (const std::string& name : results->parameters) {
      const auto axis = std::find_if(axes.begin(), axes.end(), [&](const GridAxis& each) { return each.name == name; });
      values.push_back(axis == axes.end() ? parameters.Find(name)->get() : point[axis - axes.begin()]);
    }
    const auto same = std::find_if(results->runs.begin(), results->runs.end(),
                                   [&](const TriedRun& run) { return run.values == values; });
    numbers.push_back(same - results->runs.begin());
    if (same == results->runs.end()) results->runs.push_back({std::move(values), "", "", 0, std::nullopt});
  }
  return numbers;
}

std::string RunLine(const TuneResults& results, size_t number, size_t place, size_t of) {
  const TriedRun& run = results.runs[number];
  std::string line = absl::StrFormat("run %d of %d: %s: ", place, of, Assignment(results, run));
  if (run.status != kDone) return StrCat(line, run.status, ", ", run.why, " (", HumanSeconds(run.seconds), ")");
  absl::StrAppendFormat(&line, "%s %.4f (%s)", MetricLabel(results.metric), MetricOf(*run.valid, results.metric),
                        HumanSeconds(run.seconds));
  return results.best == number ? line + ", the best so far" : line;
}

absl::Status CheckOptions(const TuneOptions& options) {
  if (!(options.rule > 0 && options.rule <= 1)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("rule: found %g, expected a share of the best above 0 and at most 1", options.rule));
  }
  if (options.valid.empty()) {
    return absl::InvalidArgumentError("no validation events are given; kindred split makes such files");
  }
  RETURN_IF_ERROR(MetricK(options.metric).status());
  // Each of them is there, and in one role only.
  std::vector<std::string> used;
  for (const auto* paths : {&options.train.interactions, &options.valid, &options.test}) {
    for (const std::string& path : *paths) {
      RETURN_IF_ERROR(FormatOf(path).status());
      std::error_code ignored;
      for (const std::string& other : used) {
        if (!fs::equivalent(path, other, ignored)) continue;
        return absl::InvalidArgumentError(
            StrCat(path, ": is given as two of training, validation and test; kindred split divides events"));
      }
    }
    used.insert(used.end(), paths->begin(), paths->end());
  }
  return absl::OkStatus();
}

// With the metric's own K among those measured.
TuneOptions WithMetricK(TuneOptions options) {
  const uint32_t k = MetricK(options.metric).value_or(0);
  std::vector<uint32_t>& ks = options.evaluate.ks;
  if (k > 0 && std::find(ks.begin(), ks.end(), k) == ks.end()) ks.insert(std::upper_bound(ks.begin(), ks.end(), k), k);
  options.evaluate.seed = options.train.recipe.seed;
  options.evaluate.threads = options.train.recipe.threads;
  return options;
}

}  // namespace

absl::StatusOr<TuneOutcome> Tune(const TuneOptions& given, Progress* progress) {
  RETURN_IF_ERROR(CheckOptions(given));
  const TuneOptions options = WithMetricK(given);
  Recipe recipe = options.train.recipe;  // its families are those of the options, so what varies is put back below
  const RecipeParameters parameters(&recipe);
  std::vector<GridAxis> axes = options.grid;
  if (axes.empty()) {
    if (parameters.sizes().empty()) {
      return absl::InvalidArgumentError("this model has no size to vary; say what to vary: --grid NAME=VALUE,VALUE,…");
    }
    axes.push_back({parameters.sizes().front().parameter, {std::begin(kDefaultSizes), std::end(kDefaultSizes)}});
  }
  ASSIGN_OR_RETURN(axes, Canonical(axes, parameters));
  ASSIGN_OR_RETURN(const auto points, GridPoints(axes, options.max_runs, recipe.seed));
  ASSIGN_OR_RETURN(const std::string setup, TuneSetup(options));
  ASSIGN_OR_RETURN(const FolderLock lock, FolderLock::Take(options));
  ASSIGN_OR_RETURN(std::optional<TuneResults> kept, KeptResults(options, setup));

  TuneOutcome outcome;
  TuneResults& results = outcome.results;
  if (kept) results = *std::move(kept);
  results.setup_json = setup;
  results.metric = options.metric;
  results.rule = options.rule;
  // What was trained again was the choice of an earlier grid.
  results.valid.reset();
  results.test.reset();
  results.bundle.clear();
  const size_t n_kept = results.runs.size();
  const std::vector<size_t> numbers = Merge(axes, points, parameters.list(), &results);
  results.size_parameters.clear();
  for (const auto& [name, space] : parameters.sizes()) {
    if (std::find(results.parameters.begin(), results.parameters.end(), name) != results.parameters.end()) {
      results.size_parameters.push_back(name);
    }
  }
  const std::string& default_space = !recipe.default_space.empty() ? recipe.default_space
                                     : recipe.blend                ? recipe.blend->name
                                                                   : recipe.spaces.front().name;
  results.space = default_space;
  results.family = "hybrid";
  for (const SpaceRecipe& space : recipe.spaces) {
    if (space.name == default_space) results.family = space.family->name();
  }

  std::vector<size_t> missing;
  for (const size_t number : numbers) {
    const std::string& status = results.runs[number].status;
    if (status != kDone && status != kSkipped) missing.push_back(number);
    if (number < n_kept && (status == kDone || status == kSkipped)) ++outcome.reused;
  }
  if (outcome.reused > 0) {
    progress->Say(absl::StrFormat("%d of %d runs are in %s already", outcome.reused, numbers.size(), options.folder));
  }
  if (!missing.empty()) {
    const RecipeParameters base(&recipe);
    std::vector<std::string> base_values;
    for (const std::string& name : results.parameters) base_values.push_back(base.list().Find(name)->get());
    TuneRunner runner(options, &recipe, parameters);
    RETURN_IF_ERROR(runner.Read(progress));
    progress->Begin("tuning", missing.size(), "runs");
    absl::Status status;
    for (size_t i = 0; i < missing.size() && status.ok(); ++i) {
      progress->Update(i, Assignment(results, results.runs[missing[i]]));
      status = SetAll(parameters.list(), results.parameters, results.runs[missing[i]].values);
      if (status.ok()) status = runner.Run(&results.runs[missing[i]]);
      if (!status.ok()) break;
      Choose(&results);
      // Runs that are still to come are not written.
      TuneResults so_far = results;
      std::erase_if(so_far.runs, [](const TriedRun& run) { return run.status.empty(); });
      Choose(&so_far);
      status = KeepResults(options, so_far);
      progress->Say(RunLine(results, missing[i], i + 1, missing.size()));
    }
    RETURN_IF_ERROR(SetAll(parameters.list(), results.parameters, base_values));
    RETURN_IF_ERROR(status);
    progress->End(absl::StrFormat("%d runs", missing.size()));
  }
  Choose(&results);
  if (!results.chosen) {
    for (const TriedRun& run : results.runs) {
      if (run.status != kDone) {
        return absl::FailedPreconditionError(StrCat("no run came to a figure; the first, ", Assignment(results, run),
                                                    ", was ", run.status, ": ", run.why));
      }
    }
    return absl::FailedPreconditionError(StrCat("no run has the metric ", results.metric,
                                                ": this model predicts no values, or the validation events have none"));
  }
  results.valid = results.runs[*results.chosen].valid;
  RETURN_IF_ERROR(KeepResults(options, results));
  return outcome;
}

absl::StatusOr<TrainOptions> ChosenOptions(const TuneOptions& options, const TuneResults& results, bool on_valid) {
  TrainOptions chosen = options.train;
  const RecipeParameters parameters(&chosen.recipe);
  RETURN_IF_ERROR(SetAll(parameters.list(), results.parameters, results.runs[*results.chosen].values));
  if (on_valid) chosen.interactions.insert(chosen.interactions.end(), options.valid.begin(), options.valid.end());
  return chosen;
}

absl::Status FinishTuning(const TuneOptions& given, const TrainOptions& chosen, TuneResults* results,
                          Progress* progress) {
  const TuneOptions options = WithMetricK(given);
  results->bundle = chosen.out;
  if (!options.test.empty()) {
    ASSIGN_OR_RETURN(const TrainingInput input, ReadTrainingInput(chosen, progress));
    ASSIGN_OR_RETURN(const EventLog log, ReadHeldOut(chosen, options.test, progress));
    ASSIGN_OR_RETURN(auto model, Model::Load(chosen.out));
    ASSIGN_OR_RETURN(results->test, MeasureModel(std::move(model), input.events.log, log, options.evaluate, progress));
  }
  return KeepResults(options, *results);
}

}  // namespace kindred
