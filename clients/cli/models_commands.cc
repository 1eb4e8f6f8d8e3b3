#include "clients/cli/models_commands.h"

#include <iostream>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "clients/cli/model_json.h"
#include "clients/cli/model_text.h"
#include "clients/cli/models_watch.h"
#include "clients/cli/models_work.h"
#include "clients/cli/query_call.h"
#include "clients/cpp/model_client.h"

namespace kindred {
namespace {

// Giving a label may load the version first.
constexpr double kLoadSeconds = 600;

struct ListCommand {
  QueryCall call = AdminCall();

  int Run() const {
    return PrintAnswer(
        call, ModelClient(call.server, call.Options()).ListModels({}),
        [](const auto& response) { return ToJson(response); },
        [](const auto& response) { return ToText(response, absl::Now()); });
  }
};

struct ShowCommand {
  QueryCall call = AdminCall();
  std::string model;

  int Run() const {
    v1::GetModelRequest request;
    request.set_model(model);
    return PrintAnswer(
        call, ModelClient(call.server, call.Options()).GetModel(request),
        [](const auto& response) { return ToJson(response.model()); },
        [](const auto& response) { return ToText(response.model(), absl::Now()); });
  }
};

struct UnloadCommand {
  QueryCall call = AdminCall();
  std::string model;
  uint64_t version = 0;

  int Run() const {
    v1::UnloadVersionRequest request;
    request.set_model(model);
    request.set_version(version);
    return PrintAnswer(
        call, ModelClient(call.server, call.Options()).UnloadVersion(request),
        [&](const auto& response) { return ToJson(model, response.version()); },
        [&](const auto& response) { return ToText(model, response.version()); });
  }
};

struct LabelCommand {
  QueryCall call = AdminCall();
  std::string model, label;
  uint64_t version = 0;
  double percent = 0;
  bool remove = false, force = false;

  int Run() const {
    v1::SetLabelRequest request;
    request.set_model(model);
    request.set_label(label);
    request.set_version(remove ? 0 : version);
    request.set_percent(percent);
    request.set_force(force);
    return PrintAnswer(
        call, ModelClient(call.server, call.Options()).SetLabel(request),
        [](const auto& response) { return ToJson(response.model()); },
        [](const auto& response) { return ToText(response.model(), absl::Now()); });
  }
};

void AddList(CLI::App* models, int* exit_code) {
  const auto run = std::make_shared<ListCommand>();
  CLI::App* command = models->add_subcommand("list", "Every model, its versions and what they are doing");
  command->footer(
      "Examples:\n"
      "  kindred models list\n"
      "  kindred models list --json | jq '.models[].serving_version'");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
}

void AddShow(CLI::App* models, int* exit_code) {
  const auto run = std::make_shared<ShowCommand>();
  CLI::App* command = models->add_subcommand("show", "All that is known of one model's versions");
  command->footer(
      "Examples:\n"
      "  kindred models show groceries\n"
      "  kindred models show --json");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
  command->add_option("MODEL", run->model, "Model (may be left out when the server has one)");
}

void AddUnload(CLI::App* models, int* exit_code) {
  const auto run = std::make_shared<UnloadCommand>();
  run->call.timeout_seconds = 60;
  CLI::App* command = models->add_subcommand("unload", "Take a version that is ready out of memory");
  command->footer(
      "Not one that serves or has a label.\n"
      "\n"
      "Examples:\n"
      "  kindred models unload groceries 6");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
  AddVersionArguments(command, &run->model, &run->version);
}

void AddLabel(CLI::App* models, int* exit_code) {
  const auto run = std::make_shared<LabelCommand>();
  run->call.timeout_seconds = kLoadSeconds;
  CLI::App* command = models->add_subcommand("label", "Give a label to a version, or take it away");
  command->footer(
      "Requests name a version by its label: --model groceries@canary. The version labelled canary answers --percent "
      "of\n"
      "users, always the same; the one labelled shadow answers --percent of requests too, for comparison only\n"
      "(kindred models show). The version is loaded first where it is not.\n"
      "\n"
      "Examples:\n"
      "  kindred models label groceries canary 8 --percent 5\n"
      "  kindred models label groceries shadow 8 --percent 1\n"
      "  kindred models label groceries canary --remove");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
  command->add_option("MODEL", run->model, "Model")->required();
  command->add_option("LABEL", run->label, "canary, shadow, or a name of your own")->required();
  CLI::App* which = command->add_option_group("Which");
  CLI::Option* version =
      which->add_option("VERSION", run->version, "Version")->check(CLI::Range(uint64_t{1}, UINT64_MAX));
  which->add_flag("--remove", run->remove, "Take the label away");
  which->require_option(1);
  command->add_option("--percent", run->percent, "Of users for canary, of requests for shadow")
      ->check(CLI::Range(0.0, 100.0))
      ->needs(version);
  command->add_flag("--force", run->force, "However far the version drifts from what serves")->needs(version);
}

}  // namespace

void AddModelsCommands(CLI::App& app, int* exit_code) {
  CLI::App* models = app.add_subcommand("models", "Look at and change which models a running kindred-server serves");
  models->require_subcommand(1);
  AddList(models, exit_code);
  AddShow(models, exit_code);
  AddModelsWork(models, exit_code);
  AddUnload(models, exit_code);
  AddLabel(models, exit_code);
  AddModelsWatch(models, exit_code);
}

}  // namespace kindred
