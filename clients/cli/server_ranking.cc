#include "clients/cli/server_ranking.h"

#include "absl/strings/str_cat.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

RecommendClientOptions Options(double timeout_seconds) {
  RecommendClientOptions options;
  options.timeout = absl::Seconds(timeout_seconds);
  return options;
}

}  // namespace

ServerRanking::ServerRanking(const std::string& server, std::string model, std::string space, double timeout_seconds)
    : server_(server), model_(std::move(model)), space_(std::move(space)), client_(server, Options(timeout_seconds)) {}

absl::StatusOr<ServerAnswer> ServerRanking::Ask(const ServerQuestion& question) const {
  v1::RecommendRequest request;
  request.set_model(model_);
  request.set_space(space_);
  if (!question.user_id.empty()) {
    request.mutable_subject()->set_user_id(question.user_id.data(), question.user_id.size());
  } else {
    for (const ServerEvent& event : question.events) {
      v1::Event* out = request.mutable_subject()->mutable_events()->add_events();
      out->set_item_id(event.item_id.data(), event.item_id.size());
      out->set_action(event.action.data(), event.action.size());
      out->set_weight(event.weight);
      if (event.time_ms == 0) continue;
      // Protobuf's timestamps count nanoseconds upwards, before 1970 too.
      const int64_t below = event.time_ms % 1000 < 0 ? event.time_ms % 1000 + 1000 : event.time_ms % 1000;
      out->mutable_time()->set_seconds((event.time_ms - below) / 1000);
      out->mutable_time()->set_nanos(static_cast<int32_t>(below * 1'000'000));
    }
  }
  request.set_page_size(static_cast<int32_t>(question.k));
  request.set_include_seen(question.include_seen);
  request.set_explain(question.explain);
  for (const std::string_view id : question.exclude_item_ids) request.add_exclude_item_ids(id.data(), id.size());
  for (const std::string_view id : question.candidate_item_ids) request.add_candidate_item_ids(id.data(), id.size());

  const absl::StatusOr<v1::RecommendResponse> response = client_.Recommend(request);
  if (!response.ok()) {
    std::string text = ErrorText(response.status());
    while (!text.empty() && text.back() == '\n') text.pop_back();
    if (absl::IsUnavailable(response.status())) text += " (is kindred-server running there?)";
    return absl::Status(response.status().code(), absl::StrCat(server_, ": ", text));
  }
  ServerAnswer out;
  for (const v1::RecommendedItem& item : response->items()) {
    out.items.push_back(item.item_id());
    out.scores.push_back(item.score());
    out.priors.push_back(item.prior());
  }
  out.source = SourceWord(response->source());
  out.missing_ids.assign(response->missing_ids().begin(), response->missing_ids().end());
  out.model = response->model();
  out.version = response->version();
  out.digest = response->digest();
  out.space = response->space();
  return out;
}

}  // namespace kindred
