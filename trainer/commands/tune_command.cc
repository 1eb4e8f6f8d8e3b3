#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/atomic_file.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/family_flags.h"
#include "trainer/commands/hybrid_flags.h"
#include "trainer/commands/train_config.h"
#include "trainer/data/input_file.h"
#include "trainer/tuning/tune.h"

namespace kindred {
namespace {

constexpr char kFooter[] =
    R"(A model is trained for every combination of the --grid values and measured on --valid. Taken is the smallest whose
metric is within --rule of the best; it is trained again on the training and the validation events and measured once on
--test. The folder keeps:
  tune.json      every run, the choice, its figures on validation and test; kindred report --tune FOLDER draws them
  tune.csv       the same as a table
  chosen.yaml    the choice: kindred train --config FOLDER/chosen.yaml trains it again
  bundle.safetensors   the model, unless --out names another place
A tuning that was interrupted goes on where it was when it is started again, and a grid may grow: runs that the folder has
are not repeated. A size that the data does not carry is skipped, and a combination that cannot be trained fails; both are
said with the reason, and the others go on. docs/training.md is the manual.

Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.

Examples:
  kindred split events.csv --valid-quantile 0.8 --out-train train.csv --out-valid valid.csv --out-test test.csv
  kindred tune als --interactions train.csv --valid valid.csv --test test.csv --folder als.tune \
    --grid factors=16,32,64 --grid regularization=3,10,30
  kindred tune --config pipeline.yaml --valid valid.csv --folder blend.tune --grid blend.als=0,0.5,1,2)";

struct TuneFlags {
  TuneOptions tune;
  std::vector<std::string> grid;
  bool train_only = false, no_retrain = false, json = false, quiet = false;
};

void AddTuneFlags(CLI::App* app, TuneFlags* flags) {
  TuneOptions& tune = flags->tune;
  const std::string group = "Tuning";
  const auto add = [&](const char* name, auto& value, const char* type, const char* help) {
    return app->add_option(name, value, help)->type_name(type)->group(group);
  };
  add("--valid", tune.valid, "FILE", "Validation events: what the runs are compared on");
  add("--test", tune.test, "FILE", "Test events: what the chosen model is measured on, once");
  add("--folder", tune.folder, "FOLDER", "Where the tuning is kept; made when it is not there");
  // What stands behind one grid is not its own.
  add("--grid", flags->grid, "NAME=V,V,…",
      "A parameter and its values, '|' between them where they have commas; may be given several times, for every "
      "combination (default: factors, or what the family's size is called, over 10,20,30,50,75,100)")
      ->allow_extra_args(false);
  add("--max-runs", tune.max_runs, "N", "Only so many combinations, drawn by --seed; 0 = all")->capture_default_str();
  add("--metric", tune.metric, "NAME", "recall@K, precision@K, ndcg@K, map@K, hit_rate@K, mrr@K, rmse, mae or accuracy")
      ->capture_default_str();
  add("--rule", tune.rule, "SHARE", "Share of the best metric that is good enough for a smaller model; 1: the best")
      ->capture_default_str();
  app->add_flag("--train-only", flags->train_only, "Train the chosen model on the training events alone")->group(group);
  app->add_flag("--no-retrain", flags->no_retrain, "Only choose: no model, no test")->group(group);
  app->add_flag("--restart", tune.restart, "Forget what the folder holds")->group(group);

  const std::string measuring = "Measuring";
  app->add_option("-k,--k", tune.evaluate.ks, "Lengths of the list, separated by commas; that of --metric is added")
      ->delimiter(',')
      ->check(CLI::Range(uint32_t{1}, kMaxRankedItems))
      ->capture_default_str()
      ->group(measuring);
  app->add_option("--sample-users", tune.evaluate.sample_users, "Users to ask for, at random; 0 = all")
      ->capture_default_str()
      ->group(measuring);
  app->add_flag("--include-seen", tune.evaluate.include_seen,
                "Repeats count: items that a user already has may be recommended, and are to be found")
      ->group(measuring);
  app->add_option("--evaluation-negatives", tune.evaluate.negatives,
                  "Rank each user's items among this many others; 0 = among the whole catalogue")
      ->check(CLI::Range(0, static_cast<int>(kMaxRankIds) - 1))
      ->capture_default_str()
      ->group(measuring);
  app->add_flag("--json", flags->json, "Print the tune.json");
  app->add_flag("--quiet", flags->quiet, "No progress on standard error");
}

std::string Values(const TuneResults& results, const TriedRun& run) {
  std::vector<std::string> parts;
  parts.reserve(run.values.size());
  for (size_t i = 0; i < run.values.size(); ++i) parts.push_back(StrCat(results.parameters[i], "=", run.values[i]));
  return StrJoin(parts, ", ");
}

double PopularityOf(Evaluation evaluation, std::string_view metric) {
  if (evaluation.rankings.size() < 2) return std::nan("");
  evaluation.rankings.erase(evaluation.rankings.begin());
  return MetricK(metric).value_or(0) == 0 ? std::nan("") : MetricOf(evaluation, metric);
}

std::string FigureBesidePopularity(const Evaluation& evaluation, std::string_view metric) {
  std::string out = absl::StrFormat("%s %.4f", MetricLabel(metric), MetricOf(evaluation, metric));
  const double popularity = PopularityOf(evaluation, metric);
  if (!std::isnan(popularity)) absl::StrAppendFormat(&out, " (popularity %.4f)", popularity);
  return out;
}

void PrintRuns(const TuneResults& results) {
  constexpr size_t kShown = 20;
  std::vector<const TriedRun*> order;
  order.reserve(results.runs.size());
  for (const TriedRun& run : results.runs) order.push_back(&run);
  const auto goodness = [&](const TriedRun* run) {
    const double metric = run->valid ? MetricOf(*run->valid, results.metric) : std::nan("");
    return std::isnan(metric) ? -HUGE_VAL : LowerIsBetter(results.metric) ? -metric : metric;
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const TriedRun* a, const TriedRun* b) { return goodness(a) > goodness(b); });
  std::cout << absl::StrFormat("\n%-10s %10s  parameters\n", MetricLabel(results.metric), "time");
  for (size_t i = 0; i < std::min(order.size(), kShown); ++i) {
    const TriedRun& run = *order[i];
    std::cout << absl::StrFormat("%-10s %10s  %s",
                                 run.valid ? absl::StrFormat("%.4f", MetricOf(*run.valid, results.metric)) : run.status,
                                 HumanSeconds(run.seconds), Values(results, run));
    if (results.chosen && &run == &results.runs[*results.chosen]) std::cout << "  <- chosen";
    if (!run.why.empty()) std::cout << "  (" << run.why << ")";
    std::cout << "\n";
  }
  if (order.size() > kShown) {
    std::cout << absl::StrFormat("… and %s more, in tune.csv\n", WithThousands(order.size() - kShown));
  }
}

void Print(const TuneOutcome& outcome, const TuneFlags& flags) {
  const TuneResults& results = outcome.results;
  const auto count = [&](std::string_view status) {
    return std::count_if(results.runs.begin(), results.runs.end(),
                         [&](const TriedRun& run) { return run.status == status; });
  };
  std::cout << absl::StrFormat(
      "tuning        %s, space %s: %d runs done, %d skipped, %d failed; %d were there already\n", results.family,
      results.space, count("done"), count("skipped"), count("failed"), outcome.reused);
  const TriedRun& best = results.runs[*results.best];
  const TriedRun& chosen = results.runs[*results.chosen];
  std::cout << absl::StrFormat("best          %s: %s\n", Values(results, best),
                               FigureBesidePopularity(*best.valid, results.metric));
  std::cout << absl::StrFormat("chosen        %s: %s", Values(results, chosen),
                               FigureBesidePopularity(*chosen.valid, results.metric));
  if (results.chosen != results.best) {
    std::cout << absl::StrFormat(", the smallest within %g %% of the best", 100 * results.rule);
  }
  std::cout << "\n";
  if (results.bundle.empty()) {
    std::cout << "model         not trained (--no-retrain)\n";
  } else {
    std::cout << absl::StrFormat("model         %s, trained on the training%s events\n", results.bundle,
                                 flags.train_only ? "" : " and validation");
  }
  if (results.test) {
    std::cout << "test          " << FigureBesidePopularity(*results.test, results.metric) << "\n";
  } else if (!results.bundle.empty()) {
    std::cout << "test          not measured; give --test\n";
  }
  std::cout << absl::StrFormat("folder        %s: tune.json, tune.csv, chosen.yaml\n", flags.tune.folder);
  PrintRuns(results);
}

absl::Status KeepChoice(const TuneFlags& flags, const TuneResults& results, const TrainOptions& chosen) {
  const TriedRun& run = results.runs[*results.chosen];
  const std::string yaml = TrainConfigYaml(
      chosen, absl::StrFormat("Chosen by kindred tune: %s %.4f on validation. kindred train --config trains it again.",
                              MetricLabel(results.metric), MetricOf(*run.valid, results.metric)));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(yaml));
  return WriteFileAtomically((std::filesystem::path(flags.tune.folder) / "chosen.yaml").string(), std::span(&bytes, 1));
}

absl::Status TuneAndTrain(const TuneFlags& flags, TuneOutcome* outcome, Progress* progress) {
  const TuneOptions& options = flags.tune;
  ASSIGN_OR_RETURN(*outcome, Tune(options, progress));
  TuneResults& results = outcome->results;
  ASSIGN_OR_RETURN(const TrainOptions chosen, ChosenOptions(options, results, !flags.train_only));
  RETURN_IF_ERROR(KeepChoice(flags, results, chosen));
  if (flags.no_retrain) return absl::OkStatus();
  const TriedRun& run = results.runs[*results.chosen];
  progress->Say(StrCat("training the chosen model: ", Values(results, run)));
  RETURN_IF_ERROR(Train(chosen, progress).status());
  return FinishTuning(options, chosen, &results, progress);
}

int Run(const CLI::App& command, TrainOptions train, TuneFlags* flags) {
  TuneOptions& options = flags->tune;
  if (options.folder.empty()) return FailUsage(command, "--folder is required: where the tuning is kept");
  if (options.valid.empty()) {
    return FailUsage(command, "--valid is required: what the runs are compared on; kindred split makes such a file");
  }
  if (flags->no_retrain && !options.test.empty()) {
    return FailUsage(command, "--test needs a model trained with the choice, which --no-retrain leaves out");
  }
  if (const std::string problem = TrainUsageProblem(train); !problem.empty()) return FailUsage(command, problem);
  options.grid.clear();
  for (const std::string& text : flags->grid) {
    absl::StatusOr<GridAxis> axis = ParseGridAxis(text);
    if (!axis.ok()) return FailUsage(command, StrCat("--", axis.status().message()));
    options.grid.push_back(*std::move(axis));
  }
  options.train = std::move(train);
  absl::Status status;
  if (options.train.out.empty()) {
    options.train.out = (std::filesystem::path(options.folder) / "bundle.safetensors").string();
  } else if (status = CheckOutputPath(options.train.out); !status.ok()) {
    return Fail(status);
  }
  for (const auto* inputs : {&options.train.interactions, &options.valid, &options.test}) {
    if (status = CheckIsNoInput(options.train.out, *inputs); !status.ok()) return Fail(status);
  }
  Progress progress(flags->quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  TuneOutcome outcome;
  if (status = TuneAndTrain(*flags, &outcome, &progress); !status.ok()) return Fail(status);
  if (flags->json) {
    std::cout << TuneResultsJson(outcome.results);
  } else {
    Print(outcome, *flags);
  }
  return kExitOk;
}

void AddFamily(CLI::App* tune, std::string_view name, int* exit_code) {
  const auto family = std::make_shared<FamilyFlags>(name);
  const auto flags = std::make_shared<TuneFlags>();
  CLI::App* app = tune->add_subcommand(family->command(), family->summary());
  AddTuneFlags(app, flags.get());
  AddFamilyFlags(app, *family, /*out_required=*/false);
  app->footer(kFooter);
  app->callback([app, family, flags, exit_code] { *exit_code = Run(*app, family->options, flags.get()); });
}

void AddHybrid(CLI::App* tune, int* exit_code) {
  const auto hybrid = std::make_shared<HybridFlags>();
  const auto flags = std::make_shared<TuneFlags>();
  CLI::App* app = tune->add_subcommand(kHybridCommand, kHybridSummary);
  AddTuneFlags(app, flags.get());
  AddHybridFlags(app, hybrid.get(), /*out_required=*/false);
  app->footer(kFooter);
  app->callback([app, hybrid, flags, exit_code] {
    const std::string problem = SetHybridRecipe(hybrid.get());
    *exit_code = problem.empty() ? Run(*app, hybrid->options, flags.get()) : FailUsage(*app, problem);
  });
}

}  // namespace

void AddTuneCommand(CLI::App& app, int* exit_code) {
  CLI::App* tune = app.add_subcommand("tune", "Choose a model's hyper-parameters on validation events");
  const auto flags = std::make_shared<TuneFlags>();
  const auto config = std::make_shared<std::string>();
  tune->add_option("--config", *config,
                   "YAML file of a whole pipeline (docs/training.md), in place of a family; its parameters are called "
                   "SPACE.NAME, its blend's weights blend.SPACE")
      ->type_name("FILE");
  AddTuneFlags(tune, flags.get());
  tune->require_subcommand(0, 1);
  for (const std::string_view family : FamilyNames()) AddFamily(tune, family, exit_code);
  AddHybrid(tune, exit_code);
  tune->footer(kFooter);
  tune->callback([tune, flags, config, exit_code] {
    if (!tune->get_subcommands().empty()) {
      if (!config->empty()) *exit_code = FailUsage(*tune, "--config stands for a family; name one of the two");
      return;
    }
    if (config->empty()) {
      *exit_code = FailUsage(*tune, StrCat("expected a family (", StrJoin(FamilyNames(), ", "), ", ", kHybridCommand,
                                           ") or --config FILE"));
      return;
    }
    absl::StatusOr<TrainOptions> options = ReadTrainConfig(*config);
    *exit_code = options.ok() ? Run(*tune, *std::move(options), flags.get()) : Fail(options.status());
  });
}

}  // namespace kindred
