#include <array>
#include <filesystem>
#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/progress.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/event_flags.h"
#include "trainer/data/input_file.h"
#include "trainer/data/negatives.h"
#include "trainer/data/split.h"
#include "trainer/data/write_events.h"

namespace kindred {
namespace {

constexpr std::string_view kFooter =
    R"(Kinds:
  random         rows by chance: --test-fraction, --valid-fraction
  user_last      the last --test-rows (and before them --valid-rows) rows of each user
  leave_one_out  the last item of each user, with all the user's rows of it; --valid-item takes the item before it too
  time           rows from --test-from on (and --valid-from), or the newest --test-fraction of all rows
  user_quantile  rows strictly after the --quantile of their user's own times (and --valid-quantile)
  users          whole users by chance: --test-fraction, --valid-fraction
Users with fewer than --min-items distinct items are all training (user_last, leave_one_out, user_quantile, users).

The outputs hold user_id, item_id and, where the input has them, rating, timestamp, action and session; they are gzip
where their names end with .gz, and are written all or none.

Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.

Examples:
  kindred split purchases.parquet --user-column household_id --item-column product_id --value-column quantity \
    --time-column transaction_timestamp --kind user_quantile --quantile 0.8 --out-train train.csv.gz --out-test test.csv.gz
  kindred split events.jsonl --kind leave_one_out --out-train train.csv --out-test test.csv \
    --out-candidates candidates.csv --negatives 99
  kindred split events.csv --kind users --out-train train.csv --out-history history.csv --out-test test.csv)";

struct Flags {
  EventFlags events;
  std::vector<std::string> inputs;
  std::string kind = "user_quantile", test_from, valid_from;
  SplitOptions split;
  NegativeOptions negatives;
  std::string out_train, out_valid, out_test, out_history, out_candidates;
  uint32_t history_rows = 10;
  bool quiet = false;
};

absl::StatusOr<std::optional<int64_t>> Moment(std::string_view flag, const std::string& text,
                                              const TimeFormat& format) {
  if (text.empty()) return std::optional<int64_t>();
  const std::optional<int64_t> time = ParseEventTime(text, format);
  if (!time) return absl::InvalidArgumentError(absl::StrFormat("%s %s, expected %s", flag, Shown(text), kTimeForms));
  return time;
}

struct Outcome {
  EventInput input;
  Split split;
  std::vector<uint32_t> history;  // out of split.test
  Candidates candidates;
};

absl::StatusOr<Outcome> RunSplit(const Flags& flags, const SplitOptions& options) {
  for (const std::string& path :
       {flags.out_train, flags.out_valid, flags.out_test, flags.out_history, flags.out_candidates}) {
    RETURN_IF_ERROR(CheckIsNoInput(path, flags.inputs));
  }
  Progress progress(flags.quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  Outcome out;
  ASSIGN_OR_RETURN(out.input, ReadEvents(flags.inputs, flags.events.options, &progress));
  const EventLog& log = out.input.log;
  ASSIGN_OR_RETURN(out.split, SplitRows(log, options));
  if (!flags.out_history.empty()) out.history = TakeFirstRows(log, flags.history_rows, &out.split.test);

  progress.Begin("writing", 0, "");
  std::vector<std::unique_ptr<CsvWriter>> files;
  for (const auto& [path, rows] : {std::pair(&flags.out_train, &out.split.train),
                                   {&flags.out_valid, &out.split.valid},
                                   {&flags.out_history, &out.history},
                                   {&flags.out_test, &out.split.test}}) {
    if (path->empty()) continue;
    ASSIGN_OR_RETURN(std::unique_ptr<CsvWriter> file, CsvWriter::Create(*path));
    WriteEventRows(log, *rows, file.get());
    files.push_back(std::move(file));
  }
  for (const auto& file : files) RETURN_IF_ERROR(file->Close());
  if (!flags.out_candidates.empty()) {
    out.candidates = SampleNegatives(log, out.split, flags.negatives);
    RETURN_IF_ERROR(WriteCandidates(log, out.candidates, flags.out_candidates));
  }
  for (const auto& file : files) RETURN_IF_ERROR(file->Publish());
  progress.End("done");
  return out;
}

void Print(const Flags& flags, const Outcome& outcome) {
  const EventLog& log = outcome.input.log;
  std::cout << DescribeIngest(outcome.input.report);
  const auto line = [&](std::string_view name, const std::vector<uint32_t>& rows, const std::string& path) {
    if (path.empty() && rows.empty()) return;
    const EventLog part = DropUnusedIds(SelectRows(log, rows));
    std::cout << absl::StrFormat("%-8s %s rows, %s users, %s items%s\n", name, WithThousands(rows.size()),
                                 WithThousands(part.user_ids.size()), WithThousands(part.item_ids.size()),
                                 path.empty() ? ", not written" : StrCat(": ", path));
  };
  line("train", outcome.split.train, flags.out_train);
  line("valid", outcome.split.valid, flags.out_valid);
  if (!flags.out_history.empty()) line("history", outcome.history, flags.out_history);
  line("test", outcome.split.test, flags.out_test);
  if (flags.out_candidates.empty()) return;
  uint64_t negatives = 0, users_with_fewer = 0;
  for (const auto& items : outcome.candidates.negatives) {
    negatives += items.size();
    users_with_fewer += items.size() < flags.negatives.per_user;
  }
  std::cout << absl::StrFormat("negative %s for %s users: %s\n", WithThousands(negatives),
                               WithThousands(outcome.candidates.users.size()), flags.out_candidates);
  if (users_with_fewer > 0) {
    std::cout << absl::StrFormat("         %s users have fewer than %d: they touched nearly all items\n",
                                 WithThousands(users_with_fewer), flags.negatives.per_user);
  }
}

int Run(const CLI::App& command, const Flags& flags) {
  SplitOptions options = flags.split;
  const absl::StatusOr<SplitKind> kind = SplitKindFromName(flags.kind);
  if (!kind.ok()) return FailUsage(command, StrCat("--kind: ", kind.status().message()));
  options.kind = *kind;
  const TimeFormat& format = flags.events.options.time_format;
  const auto test_from = Moment("--test-from", flags.test_from, format);
  const auto valid_from = Moment("--valid-from", flags.valid_from, format);
  for (const auto* moment : {&test_from, &valid_from}) {
    if (!moment->ok()) return FailUsage(command, kindred::StrCat(moment->status().message()));
  }
  options.test_from_ms = *test_from;
  options.valid_from_ms = *valid_from;
  std::array<std::string, 5> outputs = {flags.out_train, flags.out_valid, flags.out_test, flags.out_history,
                                        flags.out_candidates};
  if (!flags.out_history.empty() && options.kind != SplitKind::kUsers) {
    return FailUsage(command,
                     "--out-history goes with --kind users: elsewhere a test user's history is in --out-train");
  }
  if (flags.out_train.empty() && flags.out_test.empty() && flags.out_valid.empty()) {
    return FailUsage(command, "at least one of --out-train, --out-valid and --out-test is required");
  }
  for (std::string& path : outputs) {
    if (!path.empty()) path = std::filesystem::path(path).lexically_normal().string();
  }
  std::sort(outputs.begin(), outputs.end());
  for (size_t i = 1; i < outputs.size(); ++i) {
    if (!outputs[i].empty() && outputs[i] == outputs[i - 1]) {
      return FailUsage(command, StrCat(outputs[i], " is given for two outputs"));
    }
  }
  const absl::StatusOr<Outcome> outcome = RunSplit(flags, options);
  if (!outcome.ok()) return Fail(outcome.status());
  Print(flags, *outcome);
  return kExitOk;
}

void AddKindFlags(CLI::App* command, Flags* flags) {
  SplitOptions& split = flags->split;
  const auto add = [&](const char* name, auto& value, const char* type, const char* help) {
    return command->add_option(name, value, help)->capture_default_str()->type_name(type)->group("Split");
  };
  add("--kind", flags->kind, "KIND", "random, user_last, leave_one_out, time, user_quantile or users (below)");
  add("--test-fraction", split.test_fraction, "SHARE", "Share of test");
  add("--valid-fraction", split.valid_fraction, "SHARE", "Share of validation");
  add("--test-rows", split.test_rows, "N", "Test rows of each user");
  add("--valid-rows", split.valid_rows, "N", "Validation rows of each user");
  command->add_flag("--valid-item", split.valid_item, "Take a validation item of each user as well")->group("Split");
  add("--test-from", flags->test_from, "TIME", "Rows from here on are test");
  add("--valid-from", flags->valid_from, "TIME", "Rows from here to --test-from are validation");
  add("--quantile", split.quantile, "Q", "Rows after this quantile of their user's times are test");
  add("--valid-quantile", split.valid_quantile, "Q",
      "Rows after this quantile of what is left are validation (0: none)");
  add("--min-items", split.min_user_items, "N", "Distinct items of a user who is divided");
  add("--history-rows", flags->history_rows, "N", "Rows of each test user that go to --out-history")
      ->check(CLI::Range(uint32_t{1}, UINT32_MAX));
  add("--seed", split.seed, "N", "Seed of what is drawn by chance");
}

}  // namespace

void AddSplitCommand(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("split", "Divide events into training, validation and test files");
  const auto flags = std::make_shared<Flags>();
  flags->events.options.allow_negative = true;  // what they mean is up to who takes the parts
  command->add_option("INPUT", flags->inputs, "Files of events: CSV, JSON lines, Parquet")->required();
  AddKindFlags(command, flags.get());
  const auto out = [&](const char* name, std::string& path, const char* help) {
    command->add_option(name, path, help)->type_name("FILE")->group("Output");
  };
  out("--out-train", flags->out_train, "Where the training rows go");
  out("--out-valid", flags->out_valid, "Where the validation rows go");
  out("--out-test", flags->out_test, "Where the test rows go");
  out("--out-history", flags->out_history,
      "Where the first --history-rows rows of each test user go instead of to --out-test (--kind users)");
  out("--out-candidates", flags->out_candidates,
      "Where each test user's held-out items go among sampled negatives: user_id,item_id,relevant");
  command
      ->add_option("--negatives", flags->negatives.per_user, "Sampled items of each user, none of which they touched")
      ->capture_default_str()
      ->type_name("N")
      ->group("Output");
  command
      ->add_flag("--negatives-by-popularity", flags->negatives.by_popularity,
                 "Sample items in proportion to their training rows instead of all alike")
      ->group("Output");
  command->add_flag("--quiet", flags->quiet, "No progress")->group("Output");
  AddEventFlags(command, &flags->events);
  command->footer(std::string(kFooter));
  command->callback([command, flags, exit_code] {
    flags->negatives.seed = flags->split.seed;
    *exit_code = Run(*command, *flags);
  });
}

}  // namespace kindred
