// BatchRecommend and StreamRecommend of recommend_methods.h.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/recommend_methods.h"
#include "server/request_events.h"

namespace kindred {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Room that each result of a batch may need when it is a status.
constexpr size_t kStatusBytes = 1024;
// Tag and length of a message within another, at most; a result has two, its own and its answer's.
constexpr size_t kFrameBytes = 6;
// Of the ids that the model does not have; an answer with more may be large.
constexpr size_t kFewMissingIds = 64;

// What is left for answers when each of n subjects gets a status.
size_t RoomFor(int n) { return limits::kMaxResponseBytes - static_cast<size_t>(n) * kStatusBytes; }

// What a batch's request must not have.
void CheckTemplate(const v1::RecommendRequest& request, FieldChecks* checks) {
  if (request.has_subject()) checks->Add("subject", "is set, expected the subjects beside the request");
  if (!request.page_token().empty()) checks->Add("page_token", "is set, and a batch has no pages");
}

absl::Status NoRoom() {
  return WithReason(absl::ResourceExhaustedError(absl::StrFormat(
                        "the answers before this one fill the %d bytes that a message may have; ask for fewer "
                        "subjects, fewer items or less about each",
                        limits::kMaxResponseBytes)),
                    "RESPONSE_TOO_LARGE");
}

}  // namespace

absl::Status RecommendMethods::TakeUp(const v1::RecommendRequest& request, CallProgress* progress,
                                      WorkerState* state) const {
  const uint64_t last = std::exchange(progress->plan_of, state->turn());
  if (last != 0 && last + 1 == state->turn()) return absl::OkStatus();
  if (last != 0) {
    FieldChecks checked_before;
    state->request.Read(request, &checked_before);
  }
  state->request.options().available = progress->available();
  return RequestStatus(Recommender(*progress->model).Plan(state->request.options(), &state->engine, &state->result),
                       request, "request.");
}

absl::StatusOr<rpc::CallStep> RecommendMethods::AnswerMany(const v1::RecommendRequest& request,
                                                           const Subjects& subjects, rpc::Call* call,
                                                           CallProgress* progress, WorkerState* state,
                                                           Results* results) const {
  const SteadyClock::time_point begin = SteadyClock::now();
  RETURN_IF_ERROR(TakeUp(request, progress, state));
  const SteadyClock::time_point planned = SteadyClock::now();
  while (progress->next < progress->end) {
    if (call != nullptr && call->ShouldStop()) return call->Standing();
    const bool there = progress->ReadAhead(store_, call, [&](int i, size_t place) {
      FieldChecks checks;
      state->subject.Check("subjects", subjects[i], &checks);
      if (checks.ok()) state->subject.Start(subjects[i], request.min_profile_version(), place, &progress->reads);
    });
    if (!there) return rpc::CallStep::kWait;
    // Explained answers are not scanned for together, and each is work enough for a step.
    const int most = request.explain() ? 1 : static_cast<int>(kBatchGroup);
    AnswerGroup(request, subjects, std::min(most, progress->ready_end() - progress->next), progress, state, results);
    if (call == nullptr || progress->next == progress->end || !call->ShouldRest()) continue;
    // A plan that took long is used as long, lest it be most of the work.
    if (SteadyClock::now() - planned >= planned - begin) return rpc::CallStep::kAgain;
  }
  return rpc::CallStep::kDone;
}

void RecommendMethods::AnswerGroup(const v1::RecommendRequest& request, const Subjects& subjects, int n,
                                   CallProgress* progress, WorkerState* state, Results* results) const {
  const Recommender recommender(*progress->model);
  SubjectView views[kBatchGroup];
  v1::RecommendResult* answers[kBatchGroup];
  const SubjectReader* readers[kBatchGroup];
  size_t count = 0;
  for (const int end = progress->next + n; progress->next < end; ++progress->next) {
    const v1::Subject& subject = subjects[progress->next];
    v1::RecommendResult* result = results->Add();
    SubjectReader& reader = state->subjects[count];
    FieldChecks checks;
    reader.Check(StrCat("subjects[", progress->next, "]"), subject, &checks);
    if (!checks.ok()) {
      *result->mutable_status() = ToStatusMessage(checks.status());
      const size_t size = result->ByteSizeLong() + kFrameBytes;
      const size_t excess = size - std::min(size, kStatusBytes);
      if (excess <= progress->room) {
        progress->room -= excess;
      } else {
        *result->mutable_status() = ToStatusMessage(NoRoom());
      }
      continue;
    }
    reader.Read(store_, progress->fetched(progress->next), subject, request.min_profile_version(), progress->now_ms);
    reader.CountDegradations(state->worker, DegradedMethod::kRecommend, counters_);
    views[count] = reader.view();
    readers[count] = &reader;
    answers[count++] = result;
  }
  recommender.AnswerMany(std::span(views, count), state->request.options(), state->result, &state->engine,
                         state->results);
  for (size_t i = 0; i < count; ++i) {
    // The arena keeps what is written there to the end of the call, so an answer that may be large, of which there may
    // be a thousand without room, gets there only when it fits.
    const bool large = request.explain() || state->results[i].missing_ids.size() > kFewMissingIds;
    v1::RecommendResponse aside;
    v1::RecommendResponse* response = large ? &aside : answers[i]->mutable_response();
    WriteAnswer(*progress->model, request, *readers[i], state->results[i], state, response);
    const size_t size = response->ByteSizeLong() + 2 * kFrameBytes;
    if (size > progress->room) {
      *answers[i]->mutable_status() = ToStatusMessage(NoRoom());
      continue;
    }
    progress->room -= size;
    if (large) *answers[i]->mutable_response() = aside;
  }
}

absl::StatusOr<rpc::CallStep> RecommendMethods::BatchRecommend(const v1::BatchRecommendRequest& request,
                                                               rpc::Call* call, CallProgress* progress,
                                                               WorkerState* state,
                                                               v1::BatchRecommendResponse* response) const {
  if (!progress->begun()) {
    FieldChecks checks;
    const int n_subjects = request.subjects_size();
    if (n_subjects < 1 || n_subjects > limits::kMaxBatchSubjects) {
      checks.Add("subjects",
                 absl::StrFormat("has %d subjects, expected 1 to %d", n_subjects, limits::kMaxBatchSubjects));
    }
    checks.SetPrefix("request.");
    CheckTemplate(request.request(), &checks);
    state->request.Read(request.request(), &checks);
    const int64_t items = int64_t{n_subjects} * state->request.options().k;
    if (checks.ok() && items > limits::kMaxBatchItems) {
      checks.Add("page_size", absl::StrFormat("times %d subjects is %d items, expected at most %d; StreamRecommend "
                                              "takes more",
                                              n_subjects, items, limits::kMaxBatchItems));
    }
    if (!checks.ok()) return checks.status();
    RETURN_IF_ERROR(Pin(request.request().model(), state, progress));
    progress->end = n_subjects;
    progress->room = RoomFor(n_subjects);
    progress->now_ms = NowMs();
    response->mutable_results()->Reserve(n_subjects);
  }
  return AnswerMany(request.request(), request.subjects(), call, progress, state, response->mutable_results());
}

absl::StatusOr<rpc::StreamStep> RecommendMethods::StreamRecommend(const v1::StreamRecommendRequest& request,
                                                                  rpc::Call* call, CallProgress* progress,
                                                                  WorkerState* state,
                                                                  v1::StreamRecommendResponse* response) const {
  const int n_subjects = request.subjects_size();
  if (!progress->begun()) {
    FieldChecks checks;
    if (n_subjects < 1 || n_subjects > limits::kMaxStreamSubjects) {
      checks.Add("subjects",
                 absl::StrFormat("has %d subjects, expected 1 to %d", n_subjects, limits::kMaxStreamSubjects));
    }
    checks.SetPrefix("request.");
    CheckTemplate(request.request(), &checks);
    state->request.Read(request.request(), &checks);
    if (!checks.ok()) return checks.status();
    RETURN_IF_ERROR(Pin(request.request().model(), state, progress));
    // As many as a message holds, whatever each asks for.
    const auto k = static_cast<int>(std::max<uint32_t>(1, state->request.options().k));
    progress->chunk = std::clamp(limits::kMaxBatchItems / k, 1, kStreamChunk);
  } else if (progress->next == n_subjects) {
    return rpc::StreamStep::kEnd;
  }
  if (progress->next == progress->end) {
    progress->end = std::min(n_subjects, progress->next + progress->chunk);
    progress->room = RoomFor(progress->end - progress->next);
    progress->now_ms = NowMs();
    response->set_first(progress->next);
  }
  ASSIGN_OR_RETURN(const rpc::CallStep step, AnswerMany(request.request(), request.subjects(), call, progress, state,
                                                        response->mutable_results()));
  switch (step) {
    case rpc::CallStep::kAgain:
      return rpc::StreamStep::kAgain;
    case rpc::CallStep::kWait:
      return rpc::StreamStep::kWait;
    case rpc::CallStep::kDone:
      break;
  }
  return rpc::StreamStep::kMessage;
}

}  // namespace kindred
