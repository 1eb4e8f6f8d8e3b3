#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <set>
#include <sstream>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/atomic_file.h"
#include "core/packing/bundle_parts.h"
#include "trainer/commands/commands.h"
#include "trainer/commands/event_flags.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

struct Flags {
  std::string bundle, tune, out = "report.html", title;
  std::vector<std::string> evaluations, train, valid, test;
  EventFlags events;
  bool quiet = false;
};

constexpr char kFooter[] =
    "Any of the inputs may be missing; the page says what it would show and how to get it. It refers to nothing "
    "outside\n"
    "of itself, so it can be mailed, archived and printed. The same input gives the same bytes where "
    "SOURCE_DATE_EPOCH\n"
    "is set.\n\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage or no such file.\n\n"
    "Examples:\n"
    "  kindred evaluate --bundle bundle.safetensors --train train.csv --test test.csv --json > test.json\n"
    "  kindred report --bundle bundle.safetensors --evaluation test=test.json --train train.csv --test test.csv\n"
    "  kindred report --tune als.tune --out tuning.html --title 'ALS on groceries'";

absl::StatusOr<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(StrCat(path, ": no such file, or it cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  if (file.bad()) return absl::InvalidArgumentError(StrCat(path, ": cannot be read"));
  return std::move(text).str();
}

// LABEL=FILE, or a file alone, whose name is the label.
std::pair<std::string, std::string> LabelAndPath(const std::string& text) {
  const size_t at = text.find('=');
  if (at != std::string::npos && at > 0 && !std::filesystem::exists(text))
    return {text.substr(0, at), text.substr(at + 1)};
  return {std::filesystem::path(text).stem().string(), text};
}

absl::Status ReadEvaluations(const std::vector<std::string>& given, ReportInput* input) {
  std::set<std::string> labels;
  for (const std::string& text : given) {
    const auto [label, path] = LabelAndPath(text);
    if (!labels.insert(label).second) {
      return absl::InvalidArgumentError(
          StrCat("two evaluations are called ", Shown(label), ", expected different labels: --evaluation LABEL=FILE"));
    }
    ASSIGN_OR_RETURN(const std::string json, ReadText(path));
    absl::StatusOr<Evaluation> evaluation = EvaluationFromJson(json);
    if (!evaluation.ok()) return absl::InvalidArgumentError(StrCat(path, ": ", evaluation.status().message()));
    input->evaluations.push_back({label, *std::move(evaluation)});
  }
  return absl::OkStatus();
}

absl::Status ReadSplit(const std::vector<std::string>& paths, const Flags& flags, Progress* progress,
                       std::optional<EventLog>* log) {
  if (paths.empty()) return absl::OkStatus();
  EventReadOptions options = flags.events.options;
  options.allow_negative = true;
  ASSIGN_OR_RETURN(EventInput input, ReadEvents(paths, options, progress));
  *log = std::move(input.log);
  return absl::OkStatus();
}

absl::StatusOr<ReportInput> ReadInput(const Flags& flags, Progress* progress) {
  ReportInput input;
  if (!flags.bundle.empty()) {
    ASSIGN_OR_RETURN(input.model, Model::Load(flags.bundle));
  }
  RETURN_IF_ERROR(ReadEvaluations(flags.evaluations, &input));
  if (!flags.tune.empty()) {
    const std::string path = (std::filesystem::path(flags.tune) / "tune.json").string();
    ASSIGN_OR_RETURN(const std::string json, ReadText(path));
    absl::StatusOr<TuneResults> tune = ParseTuneResults(json);
    if (!tune.ok()) return absl::InvalidArgumentError(StrCat(path, ": ", tune.status().message()));
    input.tune = *std::move(tune);
  }
  RETURN_IF_ERROR(ReadSplit(flags.train, flags, progress, &input.train));
  RETURN_IF_ERROR(ReadSplit(flags.valid, flags, progress, &input.valid));
  RETURN_IF_ERROR(ReadSplit(flags.test, flags, progress, &input.test));
  input.made_at = CreationTime();
  input.title = flags.title;
  if (input.title.empty()) {
    input.title = input.model != nullptr ? StrCat("Report on ", input.model->name())
                  : input.tune           ? StrCat("Report on the tuning of ", input.tune->family)
                                         : "Report";
  }
  return input;
}

// The inputs that are files.
std::vector<std::string> InputPaths(const Flags& flags) {
  std::vector<std::string> out = {flags.bundle, flags.tune.empty() ? "" : flags.tune + "/tune.json"};
  for (const std::string& text : flags.evaluations) out.push_back(LabelAndPath(text).second);
  for (const auto* paths : {&flags.train, &flags.valid, &flags.test})
    out.insert(out.end(), paths->begin(), paths->end());
  return out;
}

int Run(const CLI::App& command, const Flags& flags) {
  if (flags.bundle.empty() && flags.tune.empty() && flags.evaluations.empty() && flags.train.empty() &&
      flags.valid.empty() && flags.test.empty()) {
    return FailUsage(command, "expected something to report on: --bundle, --evaluation, --tune, --train or --test");
  }
  std::error_code ignored;
  for (const std::string& path : InputPaths(flags)) {
    if (!path.empty() && std::filesystem::equivalent(path, flags.out, ignored)) {
      return FailUsage(command, StrCat("--out ", flags.out, " is an input; give another name"));
    }
  }
  Progress progress(flags.quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  absl::StatusOr<ReportInput> input = ReadInput(flags, &progress);
  if (!input.ok()) return Fail(input.status());
  const std::string html = ReportHtml(*std::move(input));
  const std::span<const std::byte> bytes = std::as_bytes(std::span(html));
  if (const absl::Status status = WriteFileAtomically(flags.out, std::span(&bytes, 1)); !status.ok()) {
    return Fail(status);
  }
  std::cout << "wrote " << flags.out << " (" << WithThousands(html.size()) << " bytes)\n";
  return kExitOk;
}

}  // namespace

void AddReportCommand(CLI::App& app, int* exit_code) {
  CLI::App* command = app.add_subcommand("report", "Make one self-contained HTML page of what is known of a model");
  const auto flags = std::make_shared<Flags>();
  const auto file = [&](const char* name, auto& value, const char* help, const char* type = "FILE") {
    command->add_option(name, value, help)->type_name(type);
  };
  file("--bundle", flags->bundle, "Bundle: spaces, factors, traits");
  file("--evaluation", flags->evaluations,
       "What kindred evaluate --json printed; may be repeated, with a label before the name", "[LABEL=]FILE");
  file("--tune", flags->tune, "Folder of kindred tune: metric against hyper-parameters, validation and test", "FOLDER");
  file("--train", flags->train, "Training events, for the model check and the reconstruction");
  file("--valid", flags->valid, "Validation events, for the model check");
  file("--test", flags->test, "Test events, for the model check");
  command->add_option("--out", flags->out, "Where the page goes")->type_name("FILE")->capture_default_str();
  command->add_option("--title", flags->title, "Heading of the page")->type_name("TEXT");
  command->add_flag("--quiet", flags->quiet, "No progress on standard error");
  AddEventFlags(command, &flags->events);
  command->footer(kFooter);
  command->callback([command, flags, exit_code] { *exit_code = Run(*command, *flags); });
}

}  // namespace kindred
