#include "clients/cli/availability_commands.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/query_call.h"
#include "clients/cpp/item_client.h"

namespace kindred {
namespace {

// Ids of one SetAvailability, in each direction, by the API.
constexpr size_t kMaxIds = 10'000;

struct SetCommand {
  QueryCall call = AdminCall();
  std::vector<std::string> out, back;
  std::string out_file, back_file;

  int Run() const {
    std::vector<std::string> take_out = out, put_back = back;
    for (const auto& status : {AppendIds(out_file, &take_out), AppendIds(back_file, &put_back)}) {
      if (!status.ok()) return PrintError(call, status);
    }
    return PrintAnswer(
        call, Set(take_out, put_back), [](const auto& response) { return ToJson(response); },
        [](const auto& response) { return ToText(response); });
  }

  // Long lists in several calls, whose changes are added up.
  absl::StatusOr<v1::SetAvailabilityResponse> Set(const std::vector<std::string>& take_out,
                                                  const std::vector<std::string>& put_back) const {
    ItemClient client(call.server, call.Options());
    v1::SetAvailabilityResponse whole;
    const size_t longest = std::max<size_t>({take_out.size(), put_back.size(), 1});
    for (size_t begin = 0; begin < longest; begin += kMaxIds) {
      v1::SetAvailabilityRequest request;
      for (size_t i = begin; i < std::min(take_out.size(), begin + kMaxIds); ++i) {
        request.add_unavailable_item_ids(take_out[i]);
      }
      for (size_t i = begin; i < std::min(put_back.size(), begin + kMaxIds); ++i) {
        request.add_available_item_ids(put_back[i]);
      }
      auto response = client.SetAvailability(request);
      if (!response.ok()) return response.status();
      response->set_changed(response->changed() + whole.changed());
      whole = *std::move(response);
    }
    return whole;
  }
};

struct ListCommand {
  QueryCall call = AdminCall();
  std::string page_token;
  int32_t k = 1'000;
  bool all = false;

  int Run() const {
    return PrintAnswer(
        call, List(), [](const auto& response) { return ToJson(response); },
        [](const auto& response) { return ToText(response); });
  }

  absl::StatusOr<v1::ListUnavailableItemsResponse> List() const {
    ItemClient client(call.server, call.Options());
    v1::ListUnavailableItemsRequest request;
    request.set_page_size(k);
    request.set_page_token(page_token);
    auto whole = client.ListUnavailableItems(request);
    while (all && whole.ok() && !whole->next_page_token().empty()) {
      request.set_page_token(whole->next_page_token());
      auto more = client.ListUnavailableItems(request);
      if (!more.ok()) return more.status();
      for (std::string& id : *more->mutable_item_ids()) whole->add_item_ids(std::move(id));
      whole->set_next_page_token(more->next_page_token());
      whole->set_unavailable_items(more->unavailable_items());
      whole->set_availability_version(more->availability_version());
    }
    return whole;
  }
};

}  // namespace

void AddAvailabilityCommands(CLI::App* query, int* exit_code) {
  CLI::App* availability = query->add_subcommand("availability", "Which items are taken out of every answer");
  availability->require_subcommand(1);

  const auto set = std::make_shared<SetCommand>();
  CLI::App* command = availability->add_subcommand("set", "Take items out of every answer, or put them back, at once");
  command->footer(
      "More than 10,000 ids are several calls, in effect one after another.\n"
      "\n"
      "Examples:\n"
      "  kindred query availability set --out 1082185 981760\n"
      "  kindred query availability set --back 1082185 --out-file sold_out.txt");
  command->callback([=] { *exit_code = set->Run(); });
  AddAdminCallOptions(command, &set->call);
  CLI::App* items = command->add_option_group("Items");
  items->add_option("--out", set->out, "Item ids to take out");
  items->add_option("--back", set->back, "Item ids to put back");
  AddIdFile(items, "--out-file", &set->out_file, "Item ids to take out");
  AddIdFile(items, "--back-file", &set->back_file, "Item ids to put back");
  items->require_option(1, 0);  // any of them

  const auto list = std::make_shared<ListCommand>();
  command = availability->add_subcommand("list", "The items that are out");
  command->footer(
      "Examples:\n"
      "  kindred query availability list\n"
      "  kindred query availability list --all --json");
  command->callback([=] { *exit_code = list->Run(); });
  AddAdminCallOptions(command, &list->call);
  command->add_option("-k", list->k, "How many items a page")->capture_default_str();
  command->add_option("--page-token", list->page_token, "Go on where the page with this next_page_token stopped");
  command->add_flag("--all", list->all, "Ask for every page");
}

}  // namespace kindred
