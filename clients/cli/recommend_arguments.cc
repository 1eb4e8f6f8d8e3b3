#include "clients/cli/recommend_arguments.h"

#include <utility>

#include "clients/cli/event_argument.h"
#include "clients/cli/filter_syntax.h"
#include "clients/cli/query_call.h"
#include "clients/cli/request_arguments.h"

namespace kindred {
namespace {

// A check of an option's text by the parser that will read it.
template <typename Parse>
CLI::Validator Checked(const Parse& parse, const char* type) {
  return CLI::Validator(
      [parse](const std::string& text) {
        const auto value = parse(text);
        return value.ok() ? std::string() : std::string(value.status().message());
      },
      type);
}

}  // namespace

void AddEventOption(CLI::App* command, std::vector<std::string>* events, bool required) {
  command->add_option("--event", *events, "ITEM[:WEIGHT[:ACTION]], may be repeated; weight 1 by default")
      ->check(Checked(ParseEventArgument, "EVENT"))
      ->type_name("EVENT")
      ->required(required);
}

void FillEvents(const std::vector<std::string>& events, google::protobuf::RepeatedPtrField<v1::Event>* out) {
  for (const std::string& text : events) *out->Add() = *ParseEventArgument(text);
}

CLI::Option* AddTokenOption(CLI::App* command, std::string* token) {
  return command
      ->add_option("--profile-token", *token,
                   "What `update --json` or `profile --json` gave: a profile to use even where the server has none")
      ->check(Checked(ParseTokenArgument, "BASE64"))
      ->type_name("BASE64");
}

void SubjectArguments::AddTo(CLI::App* command) {
  CLI::Option* by_user = command->add_option("--user", user, "User id, known or not");
  AddEventOption(command, &events, false);
  CLI::Option* by_event = command->get_option("--event");
  by_event->excludes(by_user);
  AddTokenOption(command, &token)->excludes(by_user)->excludes(by_event);
}

void SubjectArguments::Fill(v1::Subject* subject) const {
  if (!events.empty()) {
    FillEvents(events, subject->mutable_events()->mutable_events());
  } else if (!token.empty()) {
    subject->set_profile_token(*ParseTokenArgument(token));
  } else if (user.has_value()) {
    subject->set_user_id(*user);
  }
}

void ModelArguments::AddTo(CLI::App* command, bool with_view) {
  command->add_option("--model", model, "Model to ask (may be left out when the server has one)");
  command->add_option("--space", space, "Space of the model (default: the model's own choice)");
  if (with_view) command->add_flag("--ids-only", ids_only, "Leave out names and categories");
}

CLI::Option* AddBlendOption(CLI::App* command, std::string* blend) {
  return command->add_option("--blend", *blend, "Rank by several spaces: SPACE=WEIGHT,SPACE=WEIGHT,…")
      ->check(Checked(ParseBlendArgument, "BLEND"))
      ->type_name("BLEND")
      ->excludes("--space");
}

void FillBlend(const std::string& text, google::protobuf::RepeatedPtrField<v1::SpaceWeight>* blend) {
  if (text.empty()) return;
  auto spaces = ParseBlendArgument(text);
  for (v1::SpaceWeight& space : *spaces) *blend->Add() = std::move(space);
}

void RecommendArguments::AddTo(CLI::App* command) {
  model.AddTo(command);
  command->add_option("-k", k, "How many items")->capture_default_str();
  command->add_flag("--include-seen", include_seen, "Items the user already has may come back");
  command->add_option("--exclude", exclude, "Item ids that must not come back");
  AddIdFile(command, "--exclude-file", &exclude_file, "Item ids that must not come back");
  command->add_option("--candidates,--candidate", candidates, "Rank these item ids only");
  AddIdFile(command, "--candidate-file", &candidate_file, "Rank these item ids only");
  CLI::Option* by_syntax =
      command->add_option("--filter", filter, "Only items that meet this, such as 'category:A and price 1..5'")
          ->check(Checked(ParseFilterSyntax, "FILTER"))
          ->type_name("FILTER");
  command->add_option("--filter-json", filter_json, "The same as a kindred.v1.Filter in JSON")
      ->check(Checked(ParseFilterJson, "JSON"))
      ->type_name("JSON")
      ->excludes(by_syntax);
  command->add_option("--min-score", min_score, "Only items with at least this score");
  CLI::Option* cap = command->add_option("--max-per-category", max_per_category, "At most so many items of a category");
  command
      ->add_option("--category-prefix", category_prefix,
                   "Which categories that counts, such as department: (default: all)")
      ->needs(cap);
  command->add_option("--diversity", diversity,
                      "Trade score for variety: 1 is by score, 0.7 a good start, 0 variety alone");
  command->add_option("--boost", boosts, "Add to scores: ITEM,ITEM,…=AMOUNT or category:NAME=AMOUNT, may be repeated")
      ->check(Checked(ParseBoostArgument, "BOOST"))
      ->type_name("BOOST");
  AddBlendOption(command, &blend);
  command->add_option("--min-profile-version", min_profile_version,
                      "Say so when the stored profile is older than this version");
  command->add_flag("--explain", explain,
                    "Show what adds up to each score, and which of the user's items it comes from");
}

absl::Status RecommendArguments::Fill(v1::RecommendRequest* request) const {
  request->set_model(model.model);
  request->set_space(model.space);
  request->set_view(model.View());
  request->set_page_size(k);
  request->set_include_seen(include_seen);
  request->set_explain(explain);
  std::vector<std::string> excluded = exclude, wanted = candidates;
  for (const auto& status : {AppendIds(exclude_file, &excluded), AppendIds(candidate_file, &wanted)}) {
    if (!status.ok()) return status;
  }
  if (!candidate_file.empty() && wanted.empty()) {
    return absl::InvalidArgumentError(candidate_file + ": no id in it, and without candidates all items may come back");
  }
  for (std::string& id : excluded) request->add_exclude_item_ids(std::move(id));
  for (std::string& id : wanted) request->add_candidate_item_ids(std::move(id));
  if (!filter.empty()) *request->mutable_filter() = *ParseFilterSyntax(filter);
  if (!filter_json.empty()) *request->mutable_filter() = *ParseFilterJson(filter_json);
  if (min_score.has_value()) request->set_min_score(*min_score);
  if (max_per_category.has_value()) {
    request->mutable_max_per_category()->set_max_items(*max_per_category);
    request->mutable_max_per_category()->set_prefix(category_prefix);
  }
  if (diversity.has_value()) request->mutable_diversity()->set_lambda(*diversity);
  for (const std::string& text : boosts) *request->add_boosts() = *ParseBoostArgument(text);
  FillBlend(blend, request->mutable_blend());
  request->set_min_profile_version(min_profile_version);
  return absl::OkStatus();
}

}  // namespace kindred
