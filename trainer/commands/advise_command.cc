#include <chrono>
#include <iostream>
#include <memory>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/parameter_flags.h"
#include "trainer/evaluation/advise.h"
#include "trainer/evaluation/bundle_drift.h"
#include "trainer/families/update.h"

namespace kindred {
namespace {

constexpr int kExitRetrain = 1;
constexpr int kExitTrouble = 2;

constexpr char kAdviseFooter[] =
    R"(Whether a bundle should be trained again, space by space, with the reasons: more than 5 % of new items or tokens (those
of --interactions that the bundle has no vector for), a training more than a week ago, a drift of more than 0.1 from the
bundle of --against, item2vec retrained before what follows it. When the newest event is more than a day old, kindred
update is advised. Columns and formats are those of the training, unless flags say otherwise. A server exports the same
advice as kindred_model_retrain_advised (docs/operations.md).

Exit codes: 0 done; with --exit-code 1 when retraining is advised; 2 wrong usage, or a file that could not be read.

Examples:
  kindred advise --bundle groceries.safetensors --interactions today.csv.gz
  kindred advise --bundle old.safetensors --against new.safetensors --exit-code --json)";

// Everything that the callbacks refer to.
struct AdviseCommand {
  std::string bundle, against, at;
  TrainOptions train;
  AdviceRules rules;
  ParameterList events, advise, limits;
  bool exit_code = false, json = false, quiet = false;
};

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// The drift of items or tokens of each space from the other bundle, the larger of the two.
absl::Status AddDrift(const Model& model, const std::string& against, AdviceSignals* signals) {
  ASSIGN_OR_RETURN(const auto other, Model::Load(against));
  DriftOptions options;
  options.sample_items = options.sample_users = 1;  // of the lists, which are not looked at
  ASSIGN_OR_RETURN(const BundleDrift drift, CompareBundles(model, *other, options));
  for (SpaceSignals& space : signals->spaces) {
    for (const SpaceDrift& compared : drift.spaces) {
      if (compared.name != space.space) continue;
      for (const TableDrift& table : compared.tables) {
        if (table.counts && table.rows.compared > 0) space.drift = std::max(space.drift.value_or(0), table.drift());
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<AdviceReport> Advise(const CLI::App& app, AdviseCommand* command) {
  AdviceReport report;
  report.now_ms = NowMs();
  if (!command->at.empty()) {
    const std::optional<int64_t> at = ParseEventTime(command->at);
    if (!at) return absl::InvalidArgumentError(StrCat("--at ", Shown(command->at), ", expected ", kTimeForms));
    report.now_ms = *at;
  }
  ASSIGN_OR_RETURN(const auto model, Model::Load(command->bundle));
  report.path = command->bundle;
  report.model = model->name();
  report.version = model->version();
  report.digest = model->digest();
  report.rules = command->rules;
  report.against = command->against;
  report.times = ReadTrainingTimes(model->info());
  std::optional<double> new_items, new_tokens;
  if (!command->train.interactions.empty()) {
    RETURN_IF_ERROR(RecallInput(model->info(), /*whole=*/false, &command->train));
    RETURN_IF_ERROR(SetGivenFlags(app, command->events));
    EventReadOptions read = command->train.read;
    read.allow_negative = true;
    Progress progress(command->quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
    ASSIGN_OR_RETURN(const EventInput input, ReadEvents(command->train.interactions, read, &progress));
    report.counted = CountNewIds(*model, input.log, RememberedLimits(model->info()));
    new_items = static_cast<double>(report.counted->items);
    new_tokens = static_cast<double>(report.counted->tokens);
  }
  report.signals = SignalsOf(*model, report.now_ms, new_items, new_tokens);
  if (!command->against.empty()) RETURN_IF_ERROR(AddDrift(*model, command->against, &report.signals));
  report.advice = AdviseRetraining(report.signals, report.rules);
  return report;
}

int Run(const CLI::App& app, AdviseCommand* command) {
  const absl::StatusOr<AdviceReport> report = Advise(app, command);
  if (!report.ok()) {
    Fail(report.status());
    return kExitTrouble;
  }
  std::cout << (command->json ? AdviceJson(*report) : AdviceText(*report));
  return command->exit_code && report->advice.retrain() ? kExitRetrain : kExitOk;
}

}  // namespace

void AddAdviseCommand(CLI::App& app, int* exit_code) {
  const auto command = std::make_shared<AdviseCommand>();
  CLI::App* advise = app.add_subcommand("advise", "Whether a bundle should be trained again, and why");
  command->advise.Add("bundle", &command->bundle, "The bundle that serves", "FILE");
  command->advise.Add("against", &command->against, "Another bundle of the same model, to measure drift from", "FILE");
  command->advise.Add("at", &command->at, "Advise as if it were this time (default: now)", "TIME");
  constexpr double kMost = 1e6;
  command->limits.Add("max_new_ratio", &command->rules.max_new_ratio, "Largest share of new ids in known ones", 0,
                      kMost);
  command->limits.Add("retrain_days", &command->rules.retrain_days, "Days that a training is good for", 0, kMost);
  command->limits.Add("update_days", &command->rules.update_days, "Days that the newest event may be old", 0, kMost);
  command->limits.Add("max_drift", &command->rules.max_drift, "Largest mean cosine distance from --against", 0, 2);
  DescribeEventInput(&command->train, &command->events);
  AddParameterFlags(advise, command->advise, "Advice", {"bundle"});
  AddParameterFlags(advise, command->limits, "Limits");
  AddParameterFlags(advise, command->events, "Interactions since the training (default: read as in the training)");
  advise->add_flag("--exit-code", command->exit_code, "Exit with 1 when retraining is advised");
  advise->add_flag("--json", command->json, "Print one JSON object");
  advise->add_flag("--quiet", command->quiet, "No progress on standard error");
  advise->footer(kAdviseFooter);
  advise->callback([advise, command, exit_code] { *exit_code = Run(*advise, command.get()); });
}

}  // namespace kindred
