#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/family_flags.h"
#include "trainer/commands/hybrid_flags.h"
#include "trainer/commands/train_config.h"
#include "trainer/families/train.h"

namespace kindred {
namespace {

constexpr char kTrainFooter[] =
    R"(Input is CSV, JSON lines or Parquet, plain or gzip; docs/data.md is its manual, docs/training.md that of the families.
The output is a complete bundle: factors, ids, seen items, names, categories, and all that serving needs; it is read
back and checked before it takes its name, and nothing is left behind when anything fails.

Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.

Example:
  kindred train %s --interactions purchases.csv.gz --user-column household_id --item-column product_id \
    --items products.csv.gz --item-name-column name --category-columns department,brand \
    --model groceries --out groceries.safetensors)";

void PrintIngest(const TrainOutcome& outcome, const TrainOptions& options) {
  const IngestReport& ingest = outcome.ingest;
  std::cout << absl::StrFormat("rows          %s read, %s used; value: %s, %s\n", WithThousands(ingest.rows_read),
                               WithThousands(ingest.rows_used),
                               ingest.value_column.empty() ? "1 for each row" : "column " + ingest.value_column,
                               AggregationName(options.recipe.aggregation));
  for (const auto& [reason, rows] : ingest.skipped) {
    std::cout << absl::StrFormat("  skipped     %s: %s\n", WithThousands(rows), reason);
  }
  if (!ingest.first_bad_row.empty()) std::cout << "  first one   " << ingest.first_bad_row << "\n";
  if (ingest.clipped > 0) std::cout << "  clipped     " << WithThousands(ingest.clipped) << " values\n";
  if (ingest.users_dropped + ingest.items_dropped > 0) {
    std::cout << absl::StrFormat("  left out    %s users and %s items with too few interactions\n",
                                 WithThousands(ingest.users_dropped), WithThousands(ingest.items_dropped));
  }
}

void PrintOutcome(const TrainOutcome& outcome, const TrainOptions& options) {
  const auto& info = outcome.pack.info;
  std::cout << absl::StrFormat("bundle        %s (%s bytes)\n", options.out, WithThousands(info.file_size));
  std::cout << absl::StrFormat("model         %s, version %s\n", info.model, info.version);
  PrintIngest(outcome, options);
  std::cout << absl::StrFormat("users         %s", WithThousands(info.n_users));
  if (outcome.ingest.users_below_five > 0) {
    std::cout << ", " << WithThousands(outcome.ingest.users_below_five) << " with fewer than 5 items";
  }
  std::cout << absl::StrFormat("\nitems         %s in %s categories\ninteractions  %s\n", WithThousands(info.n_items),
                               WithThousands(info.n_categories), WithThousands(info.n_interactions));
  for (const auto& [name, spec] : info.spaces) {
    std::cout << absl::StrFormat("space         %s: %s, %d dimensions", name, spec.family, spec.dim);
    const auto figures = outcome.train.spaces.find(name);
    if (figures != outcome.train.spaces.end()) std::cout << FigureText(figures->second);
    std::cout << "\n";
  }
  for (const std::string& note : outcome.train.notes) std::cout << "note          " << note << "\n";
}

int Run(const CLI::App& command, const TrainOptions& options, bool quiet) {
  if (const std::string problem = TrainUsageProblem(options); !problem.empty()) return FailUsage(command, problem);
  Progress progress(quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  const absl::StatusOr<TrainOutcome> outcome = Train(options, &progress);
  if (!outcome.ok()) return Fail(outcome.status());
  PrintOutcome(*outcome, options);
  return kExitOk;
}

void AddFamily(CLI::App* train, std::string_view name, int* exit_code) {
  const auto flags = std::make_shared<FamilyFlags>(name);
  const auto quiet = std::make_shared<bool>(false);
  CLI::App* app = train->add_subcommand(flags->command(), flags->summary());
  AddFamilyFlags(app, *flags, /*out_required=*/true);
  app->add_flag("--quiet", *quiet, "No progress on standard error");
  app->footer(absl::StrFormat(kTrainFooter, flags->command()));
  app->callback([app, flags, quiet, exit_code] { *exit_code = Run(*app, flags->options, *quiet); });
}

void AddHybrid(CLI::App* train, int* exit_code) {
  const auto flags = std::make_shared<HybridFlags>();
  const auto quiet = std::make_shared<bool>(false);
  CLI::App* app = train->add_subcommand(kHybridCommand, kHybridSummary);
  AddHybridFlags(app, flags.get(), /*out_required=*/true);
  app->add_flag("--quiet", *quiet, "No progress on standard error");
  app->footer(absl::StrFormat(kTrainFooter, kHybridCommand));
  app->callback([app, flags, quiet, exit_code] {
    const std::string problem = SetHybridRecipe(flags.get());
    *exit_code = problem.empty() ? Run(*app, flags->options, *quiet) : FailUsage(*app, problem);
  });
}

}  // namespace

void AddTrainCommand(CLI::App& app, int* exit_code) {
  CLI::App* train = app.add_subcommand("train", "Train a model on interactions and write it as a bundle");
  const auto config = std::make_shared<std::string>();
  const auto quiet = std::make_shared<bool>(false);
  train->add_option("--config", *config, "YAML file of a whole pipeline (docs/training.md), in place of a family")
      ->type_name("FILE");
  train->add_flag("--quiet", *quiet, "No progress on standard error");
  train->require_subcommand(0, 1);
  for (std::string_view family : FamilyNames()) AddFamily(train, family, exit_code);
  AddHybrid(train, exit_code);
  train->callback([train, config, quiet, exit_code] {
    if (!train->get_subcommands().empty()) {
      if (!config->empty()) *exit_code = FailUsage(*train, "--config stands for a family; name one of the two");
      return;
    }
    if (config->empty()) {
      *exit_code = FailUsage(*train, StrCat("expected a family (", StrJoin(FamilyNames(), ", "), ", ", kHybridCommand,
                                            ") or --config FILE"));
      return;
    }
    absl::StatusOr<TrainOptions> options = ReadTrainConfig(*config);
    *exit_code = options.ok() ? Run(*train, *options, *quiet) : Fail(options.status());
  });
}

}  // namespace kindred
