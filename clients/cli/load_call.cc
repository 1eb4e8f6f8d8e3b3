#include "clients/cli/load_call.h"

#include "absl/strings/str_cat.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

int64_t TimeOf(const v1::Event& event) { return event.time().seconds() * 1000 + event.time().nanos() / 1'000'000; }

template <typename Response>
void TellAnswer(const Response& response, LoadOutcome* outcome) {
  outcome->source = SourceWord(response.source());
  outcome->model = absl::StrCat(response.model(), " ", response.version());
  for (const int value : response.degradations()) {
    outcome->degradations.push_back(DegradationWord(static_cast<v1::Degradation>(value)));
  }
}

}  // namespace

std::shared_ptr<grpc::Channel> LoadChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  return grpc::CreateCustomChannel(server, grpc::InsecureChannelCredentials(), arguments);
}

void LoadCall::Start(const LoadOptions& options, const std::string& user, v1::RecommendationService::Stub* stub,
                     grpc::CompletionQueue* queue, void* tag) {
  switch (plan.method) {
    case LoadMethod::kRecommend: {
      v1::RecommendRequest request;
      request.set_model(options.model);
      request.mutable_subject()->set_user_id(user);
      request.set_page_size(options.page_size);
      request.set_explain(options.explain);
      recommend_ = stub->AsyncRecommend(&context, request, queue);
      return recommend_->Finish(&recommended_, &status, tag);
    }
    case LoadMethod::kGetProfile: {
      v1::GetProfileRequest request;
      request.set_model(options.model);
      request.set_user_id(user);
      get_ = stub->AsyncGetProfile(&context, request, queue);
      return get_->Finish(&profile_, &status, tag);
    }
    case LoadMethod::kUpdateProfile: {
      v1::UpdateProfileRequest request;
      request.set_user_id(user);
      request.set_update_id(plan.update_id);
      v1::Event* event = request.add_events();
      event->set_item_id(std::string(plan.item));
      event->mutable_time()->set_seconds(plan.time_ms / 1000);
      event->mutable_time()->set_nanos(static_cast<int32_t>(plan.time_ms % 1000) * 1'000'000);
      update_ = stub->AsyncUpdateProfile(&context, request, queue);
      return update_->Finish(&updated_, &status, tag);
    }
  }
}

void LoadCall::Tell(LoadOutcome* outcome) const {
  plan.method == LoadMethod::kRecommend ? TellAnswer(recommended_, outcome) : TellAnswer(profile_, outcome);
}

bool LoadCall::Foreign(const LoadWorkload& workload, int64_t start_ms, bool known_users) const {
  if (plan.method == LoadMethod::kRecommend) {
    // Of users that are known an explained load has those that it made, whom only it has given events.
    if (!known_users) return false;
    for (const v1::RecommendedItem& item : recommended_.items()) {
      for (const v1::HistoryItem& history : item.history()) {
        if (!workload.OwnsItem(plan.user, history.item_id())) return true;
      }
    }
    return false;
  }
  if (profile_.user_id() != workload.user(plan.user)) return true;
  for (const v1::ProfileEvent& event : profile_.events()) {
    const int64_t time_ms = TimeOf(event.event());
    const bool ours = time_ms >= start_ms;
    if ((ours || known_users) && !workload.OwnsTime(plan.user, time_ms)) return true;
    if (ours && !workload.OwnsItem(plan.user, event.event().item_id())) return true;
  }
  return false;
}

}  // namespace kindred
