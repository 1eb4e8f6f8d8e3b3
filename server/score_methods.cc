// ScoreItems and GetVectors of recommend_methods.h.
#include <algorithm>
#include <cmath>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "core/engine/token_embedding.h"
#include "server/answer_writer.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/model_lookup.h"
#include "server/recommend_methods.h"
#include "server/request_events.h"

namespace kindred {
namespace {

// Whether the scores of a space, the prior taken out, are predicted values, and on which scale.
bool PredictsValues(const SpaceSpec& spec) {
  const bool predicts =
      spec.fold_in == FoldIn::kRidge || spec.fold_in == FoldIn::kNnls || spec.fold_in == FoldIn::kObserved;
  return predicts && spec.metric == Metric::kDot && spec.transform != ValueTransform::kBinary;
}

float PredictedValue(const SpaceSpec& spec, float score) {
  return spec.transform == ValueTransform::kLog1p ? std::expm1(score) : score;
}

void WriteVector(const Space& space, uint32_t row, bool of_item, v1::Vector* out) {
  if (of_item && IsSparse(space.spec.fold_in)) {
    const auto columns = space.sparse.rows.Row(row);
    const auto weights = space.sparse.rows.RowWeights(row);
    out->mutable_columns()->Add(columns.begin(), columns.end());
    out->mutable_values()->Add(weights.begin(), weights.end());
    return;
  }
  const size_t dim = space.spec.dim;
  const auto values = (of_item ? space.items : space.users).subspan(size_t{row} * dim, dim);
  out->mutable_values()->Add(values.begin(), values.end());
}

}  // namespace

absl::StatusOr<rpc::CallStep> RecommendMethods::ScoreItems(const v1::ScoreItemsRequest& request, rpc::Call* call,
                                                           CallProgress* progress, WorkerState* state,
                                                           v1::ScoreItemsResponse* response) const {
  FieldChecks checks;
  ReadBlend(request.blend(), &checks, &state->blend);
  const bool first = !progress->begun();
  if (first) {
    checks.Name("model", request.model(), limits::kMaxNameBytes);
    checks.Name("space", request.space(), limits::kMaxNameBytes);
    if (!request.space().empty() && request.blend_size() > 0) checks.Add("blend", "and space exclude each other");
    if (request.queries_size() < 1 || request.queries_size() > limits::kMaxScoreQueries) {
      checks.Add("queries",
                 absl::StrFormat("has %d queries, expected 1 to %d", request.queries_size(), limits::kMaxScoreQueries));
    }
    int64_t items = 0;
    for (const v1::ScoreQuery& query : request.queries()) items += query.item_ids_size();
    if (items > limits::kMaxScoredItems) {
      checks.Add("queries",
                 absl::StrFormat("ask for %d items together, expected at most %d", items, limits::kMaxScoredItems));
    }
    if (!checks.ok()) return checks.status();
    RETURN_IF_ERROR(Pin(request.model(), state, progress));
    progress->end = request.queries_size();
    progress->now_ms = NowMs();
  }
  RecommendOptions options;
  options.space = request.space();
  options.blend = state->blend;
  options.include_seen = true;
  options.k = 0;
  // Before the queries: what is wrong with all of them. Microseconds, so steps need not keep it.
  const Model& model = *progress->model;
  RETURN_IF_ERROR(EngineStatus(Recommender(model).Plan(options, &state->engine, &state->result), model,
                               request.blend().empty() ? request.space() : "\x01"));
  const bool spaces_missing = state->result.spaces_missing;
  const SpaceSpec& spec = state->result.space->spec;
  // For the priors; nobody asks what the history counts.
  options.explain = request.blend().empty() && PredictsValues(spec);
  options.contributions = false;
  if (first) {
    WriteModel(model, *state->result.space, response);
    if (!state->result.blended_spaces.empty()) response->set_space(StrJoin(state->result.blended_spaces, "+"));
    response->mutable_results()->Reserve(progress->end);
  }
  while (progress->next < progress->end) {
    if (call != nullptr && call->ShouldStop()) return call->Standing();
    const bool there = progress->ReadAhead(store_, call, [&](int i, size_t place) {
      FieldChecks own;
      state->subject.Check("subject", request.queries(i).subject(), &own);
      if (own.ok()) state->subject.Start(request.queries(i).subject(), 0, place, &progress->reads);
    });
    if (!there) return rpc::CallStep::kWait;
    RETURN_IF_ERROR(ScoreQuery(request.queries(progress->next), *progress, spec, spaces_missing, &options, state,
                               response->add_results()));
    ++progress->next;
    if (call != nullptr && progress->next < progress->end && call->ShouldRest()) return rpc::CallStep::kAgain;
  }
  return rpc::CallStep::kDone;
}

absl::Status RecommendMethods::ScoreQuery(const v1::ScoreQuery& query, const CallProgress& progress,
                                          const SpaceSpec& spec, bool spaces_missing, RecommendOptions* options,
                                          WorkerState* state, v1::ScoreResult* result) const {
  FieldChecks checks;
  const std::string path = StrCat("queries[", progress.next, "].");
  state->subject.Check(StrCat(path, "subject"), query.subject(), &checks);
  if (query.item_ids().empty()) checks.Add(StrCat(path, "item_ids"), "is empty, expected 1 or more ids");
  checks.Ids(StrCat(path, "item_ids"), query.item_ids());
  if (!checks.ok()) {
    *result->mutable_status() = ToStatusMessage(checks.status());
    return absl::OkStatus();
  }
  state->subject.Read(store_, progress.fetched(progress.next), query.subject(), 0, progress.now_ms);
  state->subject.CountDegradations(state->worker, DegradedMethod::kRecommend, counters_);
  state->candidates.assign(query.item_ids().begin(), query.item_ids().end());
  options->candidate_item_ids = state->candidates;
  options->k = static_cast<uint32_t>(query.item_ids_size());
  RETURN_IF_ERROR(
      Recommender(*progress.model).Recommend(state->subject.view(), *options, &state->engine, &state->result));
  state->subject.WriteDegradations(result->mutable_degradations());
  if (spaces_missing) result->add_degradations(v1::DEGRADATION_SPACE_UNAVAILABLE);
  result->set_source(ToProto(state->result.source));
  result->set_profile_version(state->subject.profile().version);
  WriteScores(*progress.model, query, spec, options->explain, state, result);
  return absl::OkStatus();
}

// The scores in the order in which the query names the items.
void RecommendMethods::WriteScores(const Model& model, const v1::ScoreQuery& query, const SpaceSpec& spec, bool values,
                                   WorkerState* state, v1::ScoreResult* result) const {
  std::vector<std::pair<uint32_t, uint32_t>>& places = state->score_places;  // item, place in the list
  places.clear();
  for (size_t place = 0; place < state->result.items.size(); ++place) {
    places.emplace_back(state->result.items[place].item, static_cast<uint32_t>(place));
  }
  std::sort(places.begin(), places.end());
  const bool predicted = values && state->result.source != AnswerSource::kPopularity;
  for (const std::string& id : query.item_ids()) {
    const auto item = model.items().Find(id);
    const auto found =
        item.has_value() ? std::lower_bound(places.begin(), places.end(), std::pair(*item, 0u)) : places.end();
    if (found == places.end() || found->first != *item) {
      result->add_missing_ids(id);
      continue;
    }
    v1::ItemScore* score = result->add_scores();
    score->set_item_id(id);
    score->set_score(state->result.items[found->second].score);
    if (predicted) {
      score->set_value(PredictedValue(spec, score->score() - state->result.prior_terms[found->second]));
    }
  }
}

absl::Status RecommendMethods::GetVectors(const v1::GetVectorsRequest& request, WorkerState* state,
                                          v1::GetVectorsResponse* response) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  checks.Name("space", request.space(), limits::kMaxNameBytes);
  const int64_t asked = int64_t{request.item_ids_size()} + request.user_ids_size() + request.tokens_size();
  if (asked < 1 || asked > limits::kMaxVectors) {
    checks.Add("item_ids",
               absl::StrFormat("user_ids and tokens together are %d, expected 1 to %d", asked, limits::kMaxVectors));
  }
  checks.Ids("item_ids", request.item_ids());
  checks.Ids("user_ids", request.user_ids());
  for (int i = 0; i < request.tokens_size(); ++i) {
    const size_t size = request.tokens(i).size();
    if (size < 1 || size > limits::kMaxIdBytes + limits::kMaxActionBytes + 1) {
      checks.Add(StrCat("tokens[", i, "]"), absl::StrFormat("is %d bytes long, expected 1 to %d", size,
                                                            limits::kMaxIdBytes + limits::kMaxActionBytes + 1));
    }
  }
  if (!checks.ok()) return checks.status();
  const Model* model = nullptr;
  RETURN_IF_ERROR(FindModel(request.model(), state, &model));
  const Space* space = model->FindSpace(request.space());
  if (space == nullptr) return NoSuchSpace(*model, request.space());

  for (const std::string& id : request.item_ids()) {
    const auto item = model->items().Find(id);
    if (!item.has_value()) {
      response->add_missing_ids(id);
      continue;
    }
    v1::Vector* vector = response->add_items();
    vector->set_id(id);
    WriteVector(*space, *item, /*of_item=*/true, vector);
  }
  for (const std::string& id : request.user_ids()) {
    const auto user = model->users().empty() ? std::nullopt : model->users().Find(id);
    if (!user.has_value() || space->users.empty()) {
      response->add_missing_ids(id);
      continue;
    }
    v1::Vector* vector = response->add_users();
    vector->set_id(id);
    WriteVector(*space, *user, /*of_item=*/false, vector);
  }
  for (const std::string& token : request.tokens()) {
    if (!WriteToken(*model, *space, token, request.resolve_unknown_tokens(), response))
      response->add_missing_ids(token);
  }
  WriteModel(*model, *space, response);
  return absl::OkStatus();
}

// A token's vector, or that of what stands in for it (requirement A8); false where there is none.
bool RecommendMethods::WriteToken(const Model& model, const Space& space, const std::string& token, bool resolve,
                                  v1::GetVectorsResponse* response) const {
  const TokenEmbedding& embedding = space.embedding;
  if (!space.has_tokens) return false;
  const auto write = [&](std::span<const float> values, v1::TokenFallback fallback) {
    v1::Vector* vector = response->add_tokens();
    vector->set_id(token);
    vector->mutable_values()->Add(values.begin(), values.end());
    vector->set_fallback(fallback);
  };
  if (const auto known = model.token_ids().Find(token); known.has_value()) {
    write(embedding.tokens.subspan(size_t{*known} * embedding.dim, embedding.dim), v1::TOKEN_FALLBACK_UNSPECIFIED);
    return true;
  }
  if (!resolve) return false;
  const TokenParts parts = model.actions().empty()
                               ? TokenParts{TokenWeight::kNone, model.items().Find(token).value_or(TokenWeight::kNone)}
                               : SplitToken(token, model.actions(), model.items());
  std::vector<double> sum(embedding.dim);
  v1::TokenFallback fallback = v1::TOKEN_FALLBACK_ZERO;
  if (AddCategoryVector(embedding, parts.item, 1.0, sum)) {
    fallback = v1::TOKEN_FALLBACK_CATEGORY;
  } else {
    TokenWeight by_action;
    by_action.action = parts.action;
    if (AddTokenVector(embedding, by_action, 1.0, sum)) fallback = v1::TOKEN_FALLBACK_ACTION;
  }
  write(std::vector<float>(sum.begin(), sum.end()), fallback);
  return true;
}

}  // namespace kindred
