#include "clients/cli/query_commands.h"

#include <cstdint>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/event_argument.h"
#include "clients/cli/words.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// What a query command was given.
struct QueryArguments {
  std::string server = "127.0.0.1:50051";
  double timeout_seconds = 5;
  bool json = false;
  bool ids_only = false;
  std::optional<std::string> user;  // an empty id is the server's to refuse
  std::string model, space, item, update_id;
  int32_t k = 10;
  int limit = 15;
  bool include_seen = false, explain = false;
  std::vector<std::string> exclude, candidates, events;
};

RecommendClient MakeClient(const QueryArguments& arguments) {
  RecommendClientOptions options;
  options.timeout = absl::Seconds(arguments.timeout_seconds);
  return RecommendClient(arguments.server, options);
}

v1::ItemView View(const QueryArguments& arguments) {
  return arguments.ids_only ? v1::ITEM_VIEW_BASIC : v1::ITEM_VIEW_FULL;
}

// The events of the command line, which the parser has checked.
template <typename Events>
void FillEvents(const QueryArguments& arguments, Events* events) {
  for (const std::string& text : arguments.events) *events->Add() = *ParseEventArgument(text);
}

std::string RandomUpdateId() {
  std::random_device random;
  return absl::StrFormat("cli-%08x%08x", random(), random());
}

// Prints `answer` as JSON or text; returns the exit code.
template <typename Response, typename AsJson, typename AsText>
int Print(const QueryArguments& arguments, const absl::StatusOr<Response>& answer, const AsJson& as_json,
          const AsText& as_text) {
  if (!answer.ok()) {
    std::cerr << "kindred: " << arguments.server << ": " << ErrorText(answer.status());
    if (absl::IsUnavailable(answer.status())) {
      std::cerr << "  is kindred-server running there? It prints its address when it starts; give it with --server\n";
    }
    return 1;
  }
  if (arguments.json) {
    // Ids and names are UTF-8 by the API's rules; should one not be, the document stays valid JSON.
    std::cout << as_json(*answer).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
  } else {
    std::cout << as_text(*answer);
  }
  return 0;
}

int Recommend(const QueryArguments& arguments) {
  v1::RecommendRequest request;
  request.set_model(arguments.model);
  request.set_space(arguments.space);
  if (!arguments.events.empty()) {
    FillEvents(arguments, request.mutable_subject()->mutable_events()->mutable_events());
  } else if (arguments.user.has_value()) {
    request.mutable_subject()->set_user_id(*arguments.user);
  }
  request.set_page_size(arguments.k);
  request.set_include_seen(arguments.include_seen);
  request.set_explain(arguments.explain);
  request.set_view(View(arguments));
  for (const std::string& id : arguments.exclude) request.add_exclude_item_ids(id);
  for (const std::string& id : arguments.candidates) request.add_candidate_item_ids(id);
  return Print(
      arguments, MakeClient(arguments).Recommend(request), [](const auto& response) { return ToJson(response); },
      [&](const auto& response) { return ToText(request, response); });
}

int Similar(const QueryArguments& arguments) {
  v1::SimilarItemsRequest request;
  request.set_model(arguments.model);
  request.set_space(arguments.space);
  request.set_item_id(arguments.item);
  request.set_page_size(arguments.k);
  request.set_view(View(arguments));
  return Print(
      arguments, MakeClient(arguments).SimilarItems(request), [](const auto& response) { return ToJson(response); },
      [&](const auto& response) { return ToText(request, response); });
}

int Update(const QueryArguments& arguments) {
  v1::UpdateProfileRequest request;
  request.set_user_id(arguments.user.value_or(""));
  FillEvents(arguments, request.mutable_events());
  request.set_update_id(arguments.update_id.empty() ? RandomUpdateId() : arguments.update_id);
  return Print(
      arguments, MakeClient(arguments).UpdateProfile(request),
      [&](const auto& response) { return ToJson(request, response); },
      [&](const auto& response) { return ToText(request, response); });
}

int Profile(const QueryArguments& arguments) {
  v1::GetProfileRequest request;
  request.set_model(arguments.model);
  request.set_space(arguments.space);
  request.set_user_id(arguments.user.value_or(""));
  request.set_view(View(arguments));
  return Print(
      arguments, MakeClient(arguments).GetProfile(request), [](const auto& response) { return ToJson(response); },
      [&](const auto& response) { return ToText(response, arguments.limit); });
}

std::string CheckEvent(const std::string& text) {
  const auto event = ParseEventArgument(text);
  return event.ok() ? "" : std::string(event.status().message());
}

void AddConnection(CLI::App* command, QueryArguments* arguments) {
  command->add_option("--server", arguments->server, "Address of kindred-server")
      ->envname("KINDRED_SERVER")
      ->capture_default_str();
  command->add_option("--timeout", arguments->timeout_seconds, "Seconds to wait for the answer")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  command->add_flag("--json", arguments->json, "Print one JSON object");
}

void AddModel(CLI::App* command, QueryArguments* arguments) {
  command->add_option("--model", arguments->model, "Model to ask (may be left out when the server has one)");
  command->add_option("--space", arguments->space, "Space of the model (default: the model's own choice)");
  command->add_flag("--ids-only", arguments->ids_only, "Leave out names and categories");
}

void AddEvents(CLI::App* command, QueryArguments* arguments, bool required) {
  command->add_option("--event", arguments->events, "ITEM[:WEIGHT[:ACTION]], may be repeated; weight 1 by default")
      ->check(CLI::Validator(CheckEvent, "EVENT"))
      ->type_name("EVENT")
      ->required(required);
}

}  // namespace

void AddQueryCommands(CLI::App& app, int* exit_code) {
  CLI::App* query = app.add_subcommand("query", "Ask a running kindred-server");
  query->require_subcommand(1);
  const auto arguments = std::make_shared<QueryArguments>();
  const auto add = [&](const char* name, const char* description, int (*run)(const QueryArguments&),
                       const char* examples) {
    CLI::App* command = query->add_subcommand(name, description);
    command->footer(examples);
    command->callback([=] { *exit_code = run(*arguments); });
    AddConnection(command, arguments.get());
    return command;
  };

  CLI::App* recommend = add("recommend", "The best items for a user, or for a few events", Recommend,
                            "Examples:\n"
                            "  kindred query recommend --user 1234 -k 5\n"
                            "  kindred query recommend --user 1234 --explain --exclude 1082185 981760\n"
                            "  kindred query recommend --event 1082185 --event 981760:3:purchase --json");
  AddModel(recommend, arguments.get());
  CLI::Option* user = recommend->add_option("--user", arguments->user, "User id, known or not");
  AddEvents(recommend, arguments.get(), false);
  recommend->get_option("--event")->excludes(user);
  recommend->add_option("-k", arguments->k, "How many items")->capture_default_str();
  recommend->add_flag("--include-seen", arguments->include_seen, "Items the user already has may come back");
  recommend->add_option("--exclude", arguments->exclude, "Item ids that must not come back");
  recommend->add_option("--candidates", arguments->candidates, "Rank these item ids only");
  recommend->add_flag("--explain", arguments->explain, "Show the terms that add up to each score");

  CLI::App* similar = add("similar", "The items nearest to an item", Similar,
                          "Examples:\n"
                          "  kindred query similar --item 1082185\n"
                          "  kindred query similar --item 1082185 -k 3 --json");
  AddModel(similar, arguments.get());
  similar->add_option("--item", arguments->item, "Item id to start from")->required();
  similar->add_option("-k", arguments->k, "How many items")->capture_default_str();

  CLI::App* update = add("update", "Record what a user did", Update,
                         "Examples:\n"
                         "  kindred query update --user newcomer --event 1082185 --event 981760:3:purchase\n"
                         "  kindred query update --user newcomer --event 1082185 --update-id order-17");
  update->add_option("--user", arguments->user, "User id")->required();
  AddEvents(update, arguments.get(), true);
  update->add_option("--update-id", arguments->update_id,
                     "Idempotency key: the same one again changes nothing (default: a random one)");

  CLI::App* profile = add("profile", "A user's traits, stored events and training history", Profile,
                          "Examples:\n"
                          "  kindred query profile --user 1234\n"
                          "  kindred query profile --user 1234 --json");
  AddModel(profile, arguments.get());
  profile->add_option("--user", arguments->user, "User id")->required();
  profile->add_option("--limit", arguments->limit, "Rows of each table to show")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
}

}  // namespace kindred
