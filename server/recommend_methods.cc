#include "server/recommend_methods.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "server/answer_writer.h"
#include "server/cached_answer.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/model_lookup.h"
#include "server/page_token.h"
#include "server/request_events.h"

namespace kindred {
namespace {

uint64_t GenerationOf(const Model& model) { return Xxh3(std::as_bytes(std::span(model.digest()))); }

absl::Status FieldError(std::string_view field, std::string_view description) {
  FieldChecks checks;
  checks.Add(field, description);
  return checks.status();
}

// The sound generation of `routes` with the hash `generation`; nullptr when there is none.
const ModelHandle* FindGeneration(const ModelRoutes* routes, uint64_t generation) {
  if (routes == nullptr) return nullptr;
  const auto is_it = [generation](const ModelHandle& model) {
    return GenerationOf(*model) == generation && !model->poisoned();
  };
  if (is_it(routes->serving)) return &routes->serving;
  const auto other = std::find_if(routes->others.begin(), routes->others.end(), is_it);
  return other == routes->others.end() ? nullptr : &*other;
}

// Where the page that the token stands for begins.
absl::Status GoTo(const PageToken& token, const Model& model, uint64_t list_hash, uint64_t profile_version,
                  RecommendOptions* options) {
  if (token.request != list_hash) {
    return FieldError("page_token", "belongs to another request, expected everything but page_size as it was");
  }
  if (token.generation != GenerationOf(model)) {
    return WithReason(absl::FailedPreconditionError(absl::StrFormat(
                          "page_token: its pages are of another generation of model '%s', which serves version %s now; "
                          "begin again without the token",
                          model.name(), model.version())),
                      "GENERATION_GONE");
  }
  if (token.profile_version != profile_version) {
    return WithReason(absl::FailedPreconditionError(absl::StrFormat(
                          "page_token: its pages are of version %d of the profile, which is at version %d now; begin "
                          "again without the token",
                          token.profile_version, profile_version)),
                      "PROFILE_CHANGED");
  }
  options->offset = token.offset;
  if (token.by_score) options->after = token.last;
  options->k = std::min(options->k, limits::kMaxListDepth - std::min(token.offset, limits::kMaxListDepth));
  return absl::OkStatus();
}

PageToken NextPage(const RecommendOptions& options, const Model& model, uint64_t list_hash, uint64_t profile_version,
                   const RecommendResult& result) {
  PageToken token;
  token.generation = GenerationOf(model);
  token.request = list_hash;
  token.profile_version = profile_version;
  token.offset = options.offset + static_cast<uint32_t>(result.items.size());
  token.by_score = !options.diversity.has_value();
  token.last = result.items.back();
  return token;
}

}  // namespace

absl::Status RecommendMethods::FindModel(std::string_view reference, WorkerState* state, const Model** model,
                                         std::string_view user, const uint64_t* list_generation) const {
  const ModelHandle* found = nullptr;
  if (list_generation != nullptr) found = FindGeneration(state->models.FindRoutes(reference), *list_generation);
  if (found == nullptr) found = &state->models.Find(reference, user);
  if (*found == nullptr) return NoSuchModel(*models_, reference);
  *model = state->generation = found->get();
  const AvailabilityView& view = state->availability.Of(*found);
  state->available = view.allowed();
  state->available_checksum = view.checksum();
  return absl::OkStatus();
}

absl::Status RecommendMethods::Pin(std::string_view reference, WorkerState* state, CallProgress* progress) const {
  const ModelHandle& found = state->models.Find(reference);
  if (found == nullptr) return NoSuchModel(*models_, reference);
  progress->model = found;
  progress->availability = state->availability.Find(found);
  return absl::OkStatus();
}

absl::Status RecommendMethods::RequestStatus(absl::Status status, const v1::RecommendRequest& request,
                                             std::string_view prefix) {
  if (absl::IsNotFound(status)) return WithReason(std::move(status), "SPACE_NOT_FOUND");
  if (absl::IsInvalidArgument(status) && request.has_filter()) {
    return FieldError(StrCat(prefix, "filter"), std::string(status.message()));
  }
  return status;
}

absl::StatusOr<rpc::CallStep> RecommendMethods::Recommend(const v1::RecommendRequest& request, rpc::Call* call,
                                                          CallProgress* progress, WorkerState* state,
                                                          v1::RecommendResponse* response) const {
  FieldChecks checks;
  state->request.Read(request, &checks);
  state->subject.Check("subject", request.subject(), &checks);
  absl::StatusOr<PageToken> token = PageToken();
  if (!request.page_token().empty()) {
    if (request.page_token().size() > limits::kMaxPageTokenBytes) {
      checks.Add("page_token", absl::StrFormat("is %d bytes long, expected at most %d", request.page_token().size(),
                                               limits::kMaxPageTokenBytes));
    } else if (token = DecodePageToken(request.page_token()); !token.ok()) {
      checks.Add("page_token", std::string(token.status().message()));
    }
  }
  if (!checks.ok()) return checks.status();
  const Model* model = nullptr;
  RETURN_IF_ERROR(FindModel(request.model(), state, &model, state->subject.user_id(request.subject()),
                            request.page_token().empty() ? nullptr : &token->generation));

  const SubjectReader& subject = state->subject;
  const FetchedProfile* fetched = nullptr;
  if (store_->remote()) {
    progress->end = 1;
    const bool there = progress->ReadAhead(store_, call, [&](int, size_t place) {
      subject.Start(request.subject(), request.min_profile_version(), place, &progress->reads);
    });
    if (!there) return rpc::CallStep::kWait;
    fetched = progress->fetched(0);
  }
  state->subject.Read(store_, fetched, request.subject(), request.min_profile_version(), NowMs());
  subject.CountDegradations(state->worker, DegradedMethod::kRecommend, counters_);
  RecommendOptions& options = state->request.options();
  options.available = state->available;
  const uint64_t list_hash = state->request.ListHash(request);
  if (!request.page_token().empty()) {
    RETURN_IF_ERROR(GoTo(*token, *model, list_hash, subject.profile().version, &options));
  }
  const bool cacheable = Cacheable(request, subject);
  AnswerIdentity identity;
  if (cacheable) {
    // Anew in every step: a generation may have been swapped while the call waited.
    identity = IdentityOf(*model, state->available_checksum, subject.profile(), request, list_hash);
    if (progress->cached == nullptr) {
      progress->cached = std::make_unique<CachedAnswer>();
      if (!progress->cached->Ask(answers_, call, request.subject().user_id(), identity)) return rpc::CallStep::kWait;
    }
    const std::string* answer = progress->cached->found(identity);
    if (answer != nullptr && TakeCached(*model, subject, *answer, state, response)) return rpc::CallStep::kDone;
  }
  RETURN_IF_ERROR(RequestStatus(Recommender(*model).Recommend(subject.view(), options, &state->engine, &state->result),
                                request, ""));
  WriteAnswer(*model, request, subject, state->result, state, response);
  if (state->result.more && options.offset + state->result.items.size() < limits::kMaxListDepth) {
    response->set_next_page_token(
        EncodePageToken(NextPage(options, *model, list_hash, subject.profile().version, state->result)));
  }
  // What a damaged generation answers is not for others either.
  if (cacheable && response->degradations().empty() && !model->poisoned()) {
    answers_->Put(request.subject().user_id(), identity, response->SerializeAsString());
  }
  return rpc::CallStep::kDone;
}

bool RecommendMethods::Cacheable(const v1::RecommendRequest& request, const SubjectReader& subject) const {
  return answers_ != nullptr && request.subject().has_user_id() && !request.subject().ignore_stored_profile() &&
         request.page_token().empty() && !subject.store_unavailable() && !subject.stale();
}

bool RecommendMethods::TakeCached(const Model& model, const SubjectReader& subject, const std::string& answer,
                                  WorkerState* state, v1::RecommendResponse* response) const {
  if (!response->ParseFromString(answer)) {
    response->Clear();
    return false;
  }
  for (size_t i = 0; i < kAnswerSources; ++i) {
    const auto source = static_cast<AnswerSource>(i);
    if (ToProto(source) == response->source()) CountAnswer(model, subject, source, state);
  }
  return true;
}

void RecommendMethods::CountAnswer(const Model& model, const SubjectReader& subject, AnswerSource source,
                                   WorkerState* state) const {
  counters_->CountAnswer(state->worker, source);
  for (const auto& events : {subject.view().live_history, subject.view().inline_events}) {
    model.new_vocabulary().Add(model, events, &state->token_key);
  }
}

void RecommendMethods::WriteAnswer(const Model& model, const v1::RecommendRequest& request,
                                   const SubjectReader& subject, const RecommendResult& result, WorkerState* state,
                                   v1::RecommendResponse* response) const {
  subject.WriteDegradations(response->mutable_degradations());
  if (result.spaces_missing) response->add_degradations(v1::DEGRADATION_SPACE_UNAVAILABLE);
  response->set_profile_version(subject.profile().version);
  CountAnswer(model, subject, result.source, state);
  WriteModel(model, *result.space, response);
  if (!result.blended_spaces.empty()) response->set_space(StrJoin(result.blended_spaces, "+"));
  response->set_source(ToProto(result.source));
  response->set_exact(true);
  for (std::string_view id : result.missing_ids) response->add_missing_ids(id.data(), id.size());
  for (std::string_view name : result.missing_categories) response->add_missing_categories(name.data(), name.size());
  WriteItems(model, result, request.view() == v1::ITEM_VIEW_FULL, &state->labels, response->mutable_items());
}

absl::Status RecommendMethods::SimilarItems(const v1::SimilarItemsRequest& request, WorkerState* state,
                                            v1::SimilarItemsResponse* response) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Id("item_id", request.item_id());
  const uint32_t k = checks.PageSize("page_size", request.page_size(), limits::kMaxPageSize);
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  checks.View("view", request.view());
  if (!checks.ok()) return checks.status();
  const Model* model = nullptr;
  RETURN_IF_ERROR(FindModel(request.model(), state, &model));

  RETURN_IF_ERROR(EngineStatus(Recommender(*model).SimilarItems(request.item_id(), request.space(), k, &state->engine,
                                                                &state->result, state->available),
                               *model, request.space()));
  WriteModel(*model, *state->result.space, response);
  response->set_exact(true);
  WriteItems(*model, state->result, request.view() == v1::ITEM_VIEW_FULL, &state->labels, response->mutable_items());
  return absl::OkStatus();
}

}  // namespace kindred
