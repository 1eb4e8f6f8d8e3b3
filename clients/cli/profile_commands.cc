#include "clients/cli/profile_commands.h"

#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "clients/cli/answer_json.h"
#include "clients/cli/profile_json.h"
#include "clients/cli/profile_text.h"
#include "clients/cli/query_call.h"
#include "clients/cli/recommend_arguments.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// Users of one BatchGetProfile, by the API.
constexpr size_t kMaxBatchProfiles = 1'000;

const std::map<std::string, v1::UpdateMode>& Modes() {
  static const auto* modes =
      new std::map<std::string, v1::UpdateMode>{{"history", v1::UPDATE_MODE_HISTORY}, {"blend", v1::UPDATE_MODE_BLEND}};
  return *modes;
}

std::string RandomUpdateId() {
  std::random_device random;
  return absl::StrFormat("cli-%08x%08x", random(), random());
}

struct UpdateCommand {
  QueryCall call;
  std::string user, update_id;
  std::vector<std::string> events;
  v1::UpdateMode mode = v1::UPDATE_MODE_UNSPECIFIED;

  int Run() const {
    v1::UpdateProfileRequest request;
    request.set_user_id(user);
    FillEvents(events, request.mutable_events());
    request.set_update_id(update_id.empty() ? RandomUpdateId() : update_id);
    request.set_mode(mode);
    return PrintAnswer(
        call, RecommendClient(call.server, call.Options()).UpdateProfile(request),
        [&](const auto& response) { return ToJson(request, response); },
        [&](const auto& response) { return ToText(request, response); });
  }
};

struct ProfileCommand {
  QueryCall call;
  ModelArguments model;
  std::string user;
  uint64_t min_profile_version = 0;
  int limit = 15;

  int Run() const {
    v1::GetProfileRequest request;
    request.set_model(model.model);
    request.set_space(model.space);
    request.set_user_id(user);
    request.set_view(model.View());
    request.set_min_profile_version(min_profile_version);
    return PrintAnswer(
        call, RecommendClient(call.server, call.Options()).GetProfile(request),
        [](const auto& response) { return ToJson(response); },
        [&](const auto& response) { return ToText(response, limit); });
  }
};

struct ProfilesCommand {
  QueryCall call;
  ModelArguments model;
  std::vector<std::string> users;
  std::string user_file;

  int Run() const {
    std::vector<std::string> ids = users;
    if (const absl::Status status = AppendIds(user_file, &ids); !status.ok()) return PrintError(call, status);
    RecommendClient client(call.server, call.Options());
    size_t failed = 0;
    for (size_t begin = 0; begin < std::max<size_t>(ids.size(), 1); begin += kMaxBatchProfiles) {
      v1::BatchGetProfileRequest request;
      request.set_model(model.model);
      request.set_space(model.space);
      request.set_view(model.View());
      for (size_t i = begin; i < std::min(ids.size(), begin + kMaxBatchProfiles); ++i) request.add_user_ids(ids[i]);
      const auto response = client.BatchGetProfile(request);
      if (!response.ok()) return PrintError(call, response.status());
      if (!call.json) std::cout << ToText(request, *response);
      for (int r = 0; r < response->results_size(); ++r) {
        const v1::ProfileResult& result = response->results(r);
        if (!result.has_profile()) ++failed;
        if (!call.json) continue;
        nlohmann::ordered_json json = {{"user_id", r < request.user_ids_size() ? request.user_ids(r) : std::string()}};
        json[result.has_profile() ? "profile" : "error"] =
            result.has_profile() ? ToJson(result.profile()) : ToJson(result.status());
        PrintJson(json);
      }
    }
    if (failed == 0) return 0;
    std::cerr << "kindred: " << failed << " of " << ids.size() << " users have no answer\n";
    return 1;
  }
};

struct DeleteCommand {
  QueryCall call;
  std::string user;

  int Run() const {
    v1::DeleteProfileRequest request;
    request.set_user_id(user);
    return PrintAnswer(
        call, RecommendClient(call.server, call.Options()).DeleteProfile(request),
        [&](const auto& response) { return ToJson(request, response); },
        [&](const auto& response) { return ToText(request, response); });
  }
};

void AddUpdate(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<UpdateCommand>();
  CLI::App* command = query->add_subcommand("update", "Record what a user did");
  command->footer(
      "Examples:\n"
      "  kindred query update --user newcomer --event 1082185 --event 981760:3:purchase\n"
      "  kindred query update --user newcomer --event 1082185 --update-id order-17\n"
      "  kindred query update --user newcomer --event 1082185 --mode blend");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  command->add_option("--user", run->user, "User id")->required();
  AddEventOption(command, &run->events, true);
  command->add_option("--update-id", run->update_id,
                      "Idempotency key: the same one again changes nothing (default: a random one)");
  command
      ->add_option("--mode", run->mode,
                   "history: the vector is made anew of all events; blend: it becomes 0.7 of what it was and 0.3 of "
                   "these events (default: history)")
      ->transform(CLI::CheckedTransformer(Modes()))
      ->type_name("MODE");
}

void AddProfile(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<ProfileCommand>();
  CLI::App* command = query->add_subcommand("profile", "A user's traits, stored events and training history");
  command->footer(
      "Examples:\n"
      "  kindred query profile --user 1234\n"
      "  kindred query profile --user 1234 --json");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  run->model.AddTo(command);
  command->add_option("--user", run->user, "User id")->required();
  command->add_option("--min-profile-version", run->min_profile_version,
                      "Say so when the stored profile is older than this version");
  command->add_option("--limit", run->limit, "Rows of each table to show")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

void AddProfiles(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<ProfilesCommand>();
  run->call.timeout_seconds = 60;
  CLI::App* command = query->add_subcommand("profiles", "The profiles of many users, a row each");
  command->footer(
      "A user without an answer makes the exit code 1; the others have theirs.\n"
      "\n"
      "Examples:\n"
      "  kindred query profiles 1234 676 newcomer\n"
      "  kindred query profiles --user-file users.txt --json");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  run->model.AddTo(command);
  CLI::App* users = command->add_option_group("Users");
  users->add_option("USER", run->users, "User ids");
  AddIdFile(users, "--user-file", &run->user_file, "User ids");
  users->require_option(1, 0);  // one or both
}

void AddDelete(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<DeleteCommand>();
  CLI::App* command = query->add_subcommand("delete", "Delete what is stored of a user");
  command->footer(
      "What a model was trained with stays in that model.\n"
      "\n"
      "Examples:\n"
      "  kindred query delete --user newcomer");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  command->add_option("--user", run->user, "User id")->required();
}

}  // namespace

void AddProfileCommands(CLI::App* query, int* exit_code) {
  AddUpdate(query, exit_code);
  AddProfile(query, exit_code);
  AddProfiles(query, exit_code);
  AddDelete(query, exit_code);
}

}  // namespace kindred
