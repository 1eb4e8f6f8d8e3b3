#include "clients/cli/models_work.h"

#include <unistd.h>

#include <iostream>
#include <memory>
#include <string>

#include "clients/cli/interrupt.h"
#include "clients/cli/model_json.h"
#include "clients/cli/model_text.h"
#include "clients/cli/query_call.h"
#include "clients/cli/version_progress.h"
#include "clients/cli/version_work.h"
#include "clients/cpp/model_client.h"

namespace kindred {
namespace {

constexpr double kLoadSeconds = 600;

// A look at how far it is must not hold up anything.
ClientOptions WatcherOptions() {
  ClientOptions options;
  options.timeout = absl::Seconds(1);
  options.max_attempts = 1;
  return options;
}

template <typename Response>
absl::StatusOr<v1::ModelVersion> VersionOf(absl::StatusOr<Response> response) {
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_version());
}

struct WorkCommand {
  QueryCall call = AdminCall();
  std::string model;
  uint64_t version = 0;
  bool pin = false, force = false, quiet = false;

  WorkCommand() { call.timeout_seconds = kLoadSeconds; }

  int Run(std::function<absl::StatusOr<v1::ModelVersion>(ModelClient*)> ask) const {
    CatchInterrupts();
    ModelClient caller(call.server, call.Options()), watcher(call.server, WatcherOptions());
    VersionProgress progress(&std::cerr, isatty(STDERR_FILENO) == 1, quiet);
    const VersionWork work{model, version, std::move(ask), Interrupted};
    const auto outcome = Await(work, &caller, &watcher, &progress);
    if (absl::IsCancelled(outcome.status()) && Interrupted()) {
      std::cerr << "kindred: stopped waiting; the server goes on with it, see: kindred models show " << model << "\n";
      return 1;
    }
    const int code = PrintAnswer(
        call, outcome, [&](const auto& found) { return ToJson(model, found); },
        [&](const auto& found) { return ToText(model, found); });
    if (absl::IsDeadlineExceeded(outcome.status())) {
      std::cerr << "  the server goes on with it, see: kindred models show " << model << "\n";
    }
    return code;
  }

  int Load() const {
    return Run([this](ModelClient* client) {
      v1::LoadVersionRequest request;
      request.set_model(model);
      request.set_version(version);
      request.set_force(force);
      return VersionOf(client->LoadVersion(request));
    });
  }
  int Validate() const {
    return Run([this](ModelClient* client) {
      v1::ValidateVersionRequest request;
      request.set_model(model);
      request.set_version(version);
      return VersionOf(client->ValidateVersion(request));
    });
  }
  // Of version 0: the latest, and each later one.
  int Activate() const {
    return Run([this](ModelClient* client) {
      v1::ActivateVersionRequest request;
      request.set_model(model);
      request.set_version(version);
      request.set_pin(pin);
      request.set_force(force);
      return VersionOf(client->ActivateVersion(request));
    });
  }
  int Rollback() const {
    return Run([this](ModelClient* client) {
      v1::RollbackModelRequest request;
      request.set_model(model);
      return VersionOf(client->RollbackModel(request));
    });
  }
};

// A command of which all but its own flags is done.
CLI::App* AddWork(CLI::App* models, const char* name, const char* description, const char* footer, WorkCommand* run) {
  CLI::App* command = models->add_subcommand(name, description);
  command->footer(footer);
  AddAdminServer(command, &run->call);
  AddTimeout(command, &run->call, 7 * 86'400.0);
  command->add_flag("--json", run->call.json, "Print JSON, one object a line");
  command->add_flag("--quiet", run->quiet, "Do not say how far it is");
  return command;
}

void AddForce(CLI::App* command, WorkCommand* run) {
  command->add_flag("--force", run->force, "However far it drifts from what serves");
}

}  // namespace

void AddVersionArguments(CLI::App* command, std::string* model, uint64_t* version) {
  command->add_option("MODEL", *model, "Model")->required();
  command->add_option("VERSION", *version, "Version")->required()->check(CLI::Range(uint64_t{1}, UINT64_MAX));
}

void AddModelsWork(CLI::App* models, int* exit_code) {
  auto run = std::make_shared<WorkCommand>();
  CLI::App* command = AddWork(models, "load", "Make a version ready to serve; what serves goes on",
                              "Waits until it is ready. Ctrl-C ends the waiting, not the load.\n"
                              "\n"
                              "Examples:\n"
                              "  kindred models load groceries 7\n"
                              "  kindred models load groceries 7 --force --quiet",
                              run.get());
  command->callback([=] { *exit_code = run->Load(); });
  AddVersionArguments(command, &run->model, &run->version);
  AddForce(command, run.get());

  run = std::make_shared<WorkCommand>();
  command = AddWork(models, "validate", "Take a version through every check, and keep nothing of it",
                    "Exit code 1 and the reason when the server would refuse it.\n"
                    "\n"
                    "Examples:\n"
                    "  kindred models validate groceries 7",
                    run.get());
  command->callback([=] { *exit_code = run->Validate(); });
  AddVersionArguments(command, &run->model, &run->version);

  run = std::make_shared<WorkCommand>();
  command = AddWork(models, "activate", "Make a version serve, loading it where needed",
                    "A version that is refused changes nothing. Versions published later take over, unless --pin.\n"
                    "\n"
                    "Examples:\n"
                    "  kindred models activate groceries 7\n"
                    "  kindred models activate groceries 5 --pin",
                    run.get());
  command->callback([=] { *exit_code = run->Activate(); });
  AddVersionArguments(command, &run->model, &run->version);
  AddForce(command, run.get());
  command->add_flag("--pin", run->pin, "No later version takes over, until `kindred models follow`");

  run = std::make_shared<WorkCommand>();
  command = AddWork(models, "rollback", "Make the version serve that served before",
                    "Examples:\n"
                    "  kindred models rollback groceries",
                    run.get());
  command->callback([=] { *exit_code = run->Rollback(); });
  command->add_option("MODEL", run->model, "Model")->required();

  run = std::make_shared<WorkCommand>();
  command = AddWork(models, "follow", "Make the latest version serve, and each later one as it comes",
                    "Undoes --pin, and what an activation or a rollback keeps back.\n"
                    "\n"
                    "Examples:\n"
                    "  kindred models follow groceries",
                    run.get());
  command->callback([=] { *exit_code = run->Activate(); });
  command->add_option("MODEL", run->model, "Model")->required();
}

}  // namespace kindred
