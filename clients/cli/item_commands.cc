#include "clients/cli/item_commands.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/call_log.h"
#include "clients/cli/query_call.h"
#include "clients/cli/recommend_arguments.h"
#include "clients/cli/text_parts.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

struct SimilarCommand {
  QueryCall call;
  ModelArguments model;
  std::string item, log;
  int32_t k = 10;

  int Run() const {
    v1::SimilarItemsRequest request;
    request.set_model(model.model);
    request.set_space(model.space);
    request.set_item_id(item);
    request.set_page_size(k);
    request.set_view(model.View());
    const auto answer = RecommendClient(call.server, call.Options()).SimilarItems(request);
    const int code = PrintAnswer(
        call, answer, [](const auto& response) { return ToJson(response); },
        [&](const auto& response) { return ToText(request, response); });
    return code != 0 || log.empty() ? code : LogCall(log, request, *answer, "");
  }
};

struct ScoreCommand {
  QueryCall call;
  ModelArguments model;
  std::vector<std::string> users, events, items;
  std::string token, item_file, blend, log;

  int Run() const {
    std::vector<std::string> ids = items;
    if (const absl::Status status = AppendIds(item_file, &ids); !status.ok()) return PrintError(call, status);
    v1::ScoreItemsRequest request;
    request.set_model(model.model);
    request.set_space(model.space);
    FillBlend(blend, request.mutable_blend());
    SubjectArguments subject;
    subject.events = events;
    subject.token = token;
    std::vector<std::string> whom;
    for (size_t q = 0; q < std::max<size_t>(users.size(), 1); ++q) {
      if (!users.empty()) subject.user = users[q];
      v1::ScoreQuery* query = request.add_queries();
      subject.Fill(query->mutable_subject());
      for (const std::string& id : ids) query->add_item_ids(id);
      whom.push_back(Whom(query->subject()));
      if (!log.empty()) TimeEvents(query->mutable_subject());
    }
    RecommendClient client(call.server, call.Options());
    const auto response = client.ScoreItems(request);
    const int code = PrintAnswer(
        call, response, [&](const auto& answer) { return ToJson(whom, answer); },
        [&](const auto& answer) { return ToText(request, answer); });
    if (code != 0) return code;
    for (const v1::ScoreResult& result : response->results()) {
      if (result.status().code() != 0) return 1;
    }
    if (log.empty()) return 0;
    const v1::Subject& only = request.queries(0).subject();
    return LogCall(log, request, *response, UsedProfile(request.model(), only, response->results(0), &client));
  }
};

struct VectorsCommand {
  QueryCall call;
  ModelArguments model;
  std::vector<std::string> items, users, tokens;
  bool resolve = false;

  int Run() const {
    v1::GetVectorsRequest request;
    request.set_model(model.model);
    request.set_space(model.space);
    for (const std::string& id : items) request.add_item_ids(id);
    for (const std::string& id : users) request.add_user_ids(id);
    for (const std::string& id : tokens) request.add_tokens(id);
    request.set_resolve_unknown_tokens(resolve);
    return PrintAnswer(
        call, RecommendClient(call.server, call.Options()).GetVectors(request),
        [](const auto& response) { return ToJson(response); }, [](const auto& response) { return ToText(response); });
  }
};

}  // namespace

void AddItemCommands(CLI::App* query, int* exit_code) {
  const auto similar = std::make_shared<SimilarCommand>();
  CLI::App* command = query->add_subcommand("similar", "The items nearest to an item");
  command->footer(
      "Examples:\n"
      "  kindred query similar --item 1082185\n"
      "  kindred query similar --item 1082185 -k 3 --json");
  command->callback([=] { *exit_code = similar->Run(); });
  AddCallOptions(command, &similar->call);
  AddLogOption(command, &similar->log);
  similar->model.AddTo(command);
  command->add_option("--item", similar->item, "Item id to start from")->required();
  command->add_option("-k", similar->k, "How many items")->capture_default_str();

  const auto score = std::make_shared<ScoreCommand>();
  command = query->add_subcommand("score", "The score of given items, recommended or not");
  command->footer(
      "Examples:\n"
      "  kindred query score --user 1234 --item 1082185 981760\n"
      "  kindred query score --user 1234 676 --item-file items.txt --json");
  command->callback([=] {
    if (!score->log.empty() && score->users.size() > 1) {
      throw CLI::ValidationError("--log", "takes calls with one --user");
    }
    *exit_code = score->Run();
  });
  AddCallOptions(command, &score->call);
  AddLogOption(command, &score->log);
  score->model.AddTo(command, false);
  CLI::Option* by_user = command->add_option("--user", score->users, "User ids, each scored for all items");
  AddEventOption(command, &score->events, false);
  command->get_option("--event")->excludes(by_user);
  AddTokenOption(command, &score->token)->excludes(by_user)->excludes("--event");
  CLI::App* items = command->add_option_group("Items");
  items->add_option("--item", score->items, "Item ids");
  AddIdFile(items, "--item-file", &score->item_file, "Item ids");
  items->require_option(1, 0);  // one or both
  AddBlendOption(command, &score->blend);

  const auto vectors = std::make_shared<VectorsCommand>();
  command = query->add_subcommand("vectors", "Vectors of items, trained users and tokens");
  command->footer(
      "Examples:\n"
      "  kindred query vectors --item 1082185 981760 --json\n"
      "  kindred query vectors --user 1234\n"
      "  kindred query vectors --space traits --token view_4711 --resolve-unknown");
  command->callback([=] { *exit_code = vectors->Run(); });
  AddCallOptions(command, &vectors->call);
  vectors->model.AddTo(command, false);
  CLI::App* ids = command->add_option_group("Ids");
  ids->add_option("--item", vectors->items, "Item ids");
  ids->add_option("--user", vectors->users, "Ids of users whom the model was trained with");
  ids->add_option("--token", vectors->tokens, "Tokens of a space that has them, such as view_4711");
  ids->require_option(1, 0);  // any of them
  command->add_flag("--resolve-unknown", vectors->resolve,
                    "A token that was not trained stands where its category does, else its action, else at zero");
}

}  // namespace kindred
