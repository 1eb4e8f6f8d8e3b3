#include "clients/cli/models_watch.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/json_parts.h"
#include "clients/cli/model_text.h"
#include "clients/cli/query_call.h"
#include "clients/cli/text_parts.h"
#include "clients/cli/version_changes.h"
#include "clients/cli/words.h"
#include "clients/cpp/model_client.h"

namespace kindred {
namespace {

// How long Ctrl-C may take to be noticed.
constexpr absl::Duration kGlance = absl::Milliseconds(50);

struct WatchCommand {
  QueryCall call = AdminCall();
  std::string model;
  uint64_t until_serving = 0;  // 0: until stopped
  double interval_seconds = 0.5, patience_seconds = 600;

  int Run() const {
    CatchInterrupts();
    ModelClient client(call.server, call.Options());
    const absl::Time end = until_serving == 0 ? absl::InfiniteFuture() : absl::Now() + absl::Seconds(patience_seconds);
    VersionChanges changes;
    v1::ListModelsResponse seen;
    bool reached = false;
    while (!Interrupted()) {
      const absl::Time next = absl::Now() + absl::Seconds(interval_seconds);
      const auto now = Look(&client);
      if (now.ok()) {
        reached = true;
        seen = *now;
        for (const VersionChange& change : changes.Take(seen.models())) Print(change);
        std::cout.flush();
        if (const auto code = Decided(seen); code.has_value()) return *code;
      } else if (!absl::IsUnavailable(now.status()) || (until_serving == 0 && !reached)) {
        return PrintError(call, now.status());
      } else if (std::exchange(reached, false)) {
        std::cerr << "kindred: " << call.server << " does not answer; still trying\n";
      }
      if (absl::Now() >= end) return now.ok() ? TooLate(seen) : PrintError(call, now.status());
      while (!Interrupted() && absl::Now() < std::min(next, end)) absl::SleepFor(kGlance);
    }
    return until_serving == 0 ? 0 : 1;
  }

  absl::StatusOr<v1::ListModelsResponse> Look(ModelClient* client) const {
    if (model.empty() && until_serving == 0) return client->ListModels({});
    v1::GetModelRequest request;
    request.set_model(model);
    auto found = client->GetModel(request);
    v1::ListModelsResponse list;
    if (found.ok()) {
      *list.add_models() = std::move(*found->mutable_model());
    } else if (!absl::IsNotFound(found.status()) || until_serving == 0) {
      return found.status();
    }
    return list;
  }

  const v1::ModelVersion* Awaited(const v1::ListModelsResponse& seen) const {
    if (seen.models().empty()) return nullptr;
    for (const v1::ModelVersion& version : seen.models(0).versions()) {
      if (version.version() == until_serving) return &version;
    }
    return nullptr;
  }

  // The exit code, once it is clear.
  std::optional<int> Decided(const v1::ListModelsResponse& seen) const {
    const v1::ModelVersion* version = until_serving == 0 ? nullptr : Awaited(seen);
    if (version == nullptr) return std::nullopt;
    if (version->serving() && !version->poisoned()) return 0;
    if (version->state() != v1::VERSION_STATE_FAILED) return std::nullopt;
    std::cerr << "kindred: version " << until_serving << " " << StateText(*version) << "\n";
    return 1;
  }

  int TooLate(const v1::ListModelsResponse& seen) const {
    const v1::ModelVersion* version = Awaited(seen);
    std::cerr << absl::StrFormat("kindred: version %d does not serve after %g s: ", until_serving, patience_seconds)
              << (version == nullptr ? "the server does not have it" : StateText(*version)) << "\n";
    return 1;
  }

  void Print(const VersionChange& change) const {
    const std::string time = absl::FormatTime(
        "%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(absl::ToUnixSeconds(absl::Now())), absl::UTCTimeZone());
    const v1::ModelVersion& version = change.version;
    if (call.json) {
      return PrintJson({{"time", time},
                        {"model", change.model},
                        {"version", version.version()},
                        {"state", change.removed ? "removed" : StateWord(version.state())},
                        {"serving", version.serving() && !change.removed},
                        {"poisoned", version.poisoned()},
                        {"labels", ListOf(version.labels())},
                        {"reason", version.reason()}});
    }
    std::string text = absl::StrCat(time, "  ", change.model, " ", version.version(), "  ");
    if (change.removed) {
      absl::StrAppend(&text, "removed");
    } else {
      absl::StrAppend(&text, StateText(version), version.serving() ? "  serving" : "",
                      change.labels.empty() ? "" : absl::StrCat("  [", change.labels, "]"));
    }
    std::cout << Line(text);
  }
};

}  // namespace

void AddModelsWatch(CLI::App* models, int* exit_code) {
  const auto run = std::make_shared<WatchCommand>();
  CLI::App* command = models->add_subcommand("watch", "A line for every change of a version, until stopped");
  command->footer(
      "With --until-serving it ends with exit code 0 as soon as that version serves, and with 1 and the reason when "
      "it\n"
      "failed, or after --timeout seconds. It waits for a version that is yet to be published, and for a server that "
      "is\n"
      "yet to start.\n"
      "\n"
      "Examples:\n"
      "  kindred models watch\n"
      "  kindred models watch groceries --until-serving 7 --timeout 120\n"
      "  kindred models watch --json --interval 5");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminServer(command, &run->call);
  command->add_flag("--json", run->call.json, "Print JSON, one object a line");
  command->add_option("MODEL", run->model, "Model (default: all; with --until-serving, the server's only one)");
  command->add_option("--interval", run->interval_seconds, "Seconds from one look to the next")
      ->check(CLI::Range(0.05, 3600.0))
      ->capture_default_str();
  CLI::Option* until = command->add_option("--until-serving", run->until_serving, "Version to wait for")
                           ->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  command->add_option("--timeout", run->patience_seconds, "Seconds to wait for it")
      ->needs(until)
      ->check(CLI::Range(0.0, 7 * 86'400.0))
      ->capture_default_str();
}

}  // namespace kindred
