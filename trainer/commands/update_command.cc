#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/parameter_flags.h"
#include "trainer/families/update.h"

namespace kindred {
namespace {

constexpr char kUpdateFooter[] =
    R"(Events newer than the newest that the bundle was made of go into a new bundle without training: a user's vector becomes
0.7 of the old and 0.3 of the fold-in of the new events, a new user's is the fold-in; events of items that the bundle
does not have are skipped and counted. With fewer than --min-events of them nothing is written. --force-refit trains
again, with the families and parameters that the bundle remembers, on all the events given.
Columns and formats are those of the training, unless flags say otherwise. The old bundle is never edited.

Exit codes: 0 done, or nothing to do (the output says which), 1 failed, 2 wrong usage or no such file.

Example:
  kindred update --bundle groceries.safetensors --interactions today.csv.gz --out groceries-2.safetensors)";

// Everything that the callbacks refer to.
struct UpdateCommand {
  UpdateOptions options;
  ParameterList events, items, update;
  bool quiet = false;
};

void PrintOutcome(const UpdateOutcome& outcome, const UpdateOptions& options) {
  std::cout << absl::StrFormat("rows          %s read, %s used\n", WithThousands(outcome.ingest.rows_read),
                               WithThousands(outcome.ingest.rows_used));
  for (const auto& [reason, rows] : outcome.ingest.skipped) {
    std::cout << absl::StrFormat("  skipped     %s: %s\n", WithThousands(rows), reason);
  }
  if (!outcome.refitted) {
    const UpdateCounts& counts = outcome.counts;
    std::cout << absl::StrFormat("new events    %s", WithThousands(counts.events));
    if (counts.unknown_item_events > 0) {
      std::cout << absl::StrFormat(", %s of %s items that the bundle does not have: skipped",
                                   WithThousands(counts.unknown_item_events), WithThousands(counts.unknown_items));
    }
    std::cout << "\n";
  }
  if (!outcome.nothing_done.empty()) {
    std::cout << "nothing to do: " << outcome.nothing_done << "\n";
    return;
  }
  if (!outcome.refitted) {
    std::cout << absl::StrFormat("users         %s updated, %s new\n", WithThousands(outcome.counts.users_updated),
                                 WithThousands(outcome.counts.users_added));
  }
  const BundleInfo& info = outcome.pack->info;
  std::cout << absl::StrFormat("bundle        %s (%s bytes), %s\n", options.train.out, WithThousands(info.file_size),
                               outcome.refitted ? "trained again" : "updated");
  std::cout << absl::StrFormat("model         %s, version %s\n", info.model, info.version);
  for (const std::string& note : outcome.notes) std::cout << "note          " << note << "\n";
}

int Run(const CLI::App& app, UpdateCommand* command) {
  UpdateOptions& options = command->options;
  constexpr size_t kMaxName = 256;
  if (options.version.size() > kMaxName) return FailUsage(app, "--version: expected 1 to 256 bytes");
  // First what the bundle remembers, then what the flags say. A bundle that cannot be read is told of by Update.
  if (const auto info = InspectBundle(options.bundle); info.ok()) {
    absl::Status status = RecallInput(*info, options.force_refit, &options.train);
    for (const ParameterList* list : {&command->events, &command->items}) {
      if (status.ok()) status = SetGivenFlags(app, *list);
    }
    if (!status.ok()) return Fail(status);
  }
  Progress progress(command->quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  const absl::StatusOr<UpdateOutcome> outcome = Update(options, &progress);
  if (!outcome.ok()) return Fail(outcome.status());
  PrintOutcome(*outcome, options);
  return kExitOk;
}

}  // namespace

void AddUpdateCommand(CLI::App& app, int* exit_code) {
  const auto command = std::make_shared<UpdateCommand>();
  UpdateOptions& options = command->options;
  CLI::App* update = app.add_subcommand("update", "New events into a bundle, without training or by training again");
  constexpr int kMaxThreads = 1024;
  command->update.Add("bundle", &options.bundle, "The bundle to start from", "FILE");
  command->update.Add("out", &options.train.out, "New bundle to write; another file than --bundle", "FILE");
  command->update.Add("version", &options.version,
                      "Version of the new bundle (default: the old one with the number of updates, 7 → 7.1 → 7.2)");
  command->update.Add("min_events", &options.min_events, "Do nothing when fewer events are new");
  command->update.Add("force_refit", &options.force_refit,
                      "Train again on all the events given, as the bundle remembers it was trained");
  command->update.Add("threads", &options.train.recipe.threads, "Threads", 1, kMaxThreads);
  DescribeEventInput(&options.train, &command->events);
  DescribeItemInput(&options.train, &command->items);
  AddParameterFlags(update, command->update, "Update", {"bundle", "out"});
  AddParameterFlags(update, command->events, "Interactions (default: as in the training)", {"interactions"});
  AddParameterFlags(update, command->items, "Items, of --force-refit (default: as in the training)");
  update->add_flag("--quiet", command->quiet, "No progress on standard error");
  update->footer(kUpdateFooter);
  update->callback([update, command, exit_code] { *exit_code = Run(*update, command.get()); });
}

}  // namespace kindred
