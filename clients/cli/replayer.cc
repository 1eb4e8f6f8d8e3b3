#include "clients/cli/replayer.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

// All digits that tell two floats apart.
std::string ItemText(const RankedAnswer& answer, size_t place) {
  if (place >= answer.items.size()) return "";
  return absl::StrFormat("%s %.9g", answer.items[place].first, answer.items[place].second);
}

bool SameScore(float a, float b) { return a == b || (std::isnan(a) && std::isnan(b)); }

ReplayOutcome NotReproducible(std::string reason) { return {ReplayResult::kNotReproducible, std::move(reason)}; }

std::string Generation(const RankedAnswer& answer) { return absl::StrCat(answer.model, "@", answer.version); }

std::string LoadIt(const RankedAnswer& answer) {
  return absl::StrCat("if that generation is not ready here: kindred models load ", answer.model, " ", answer.version);
}

// The subject as it was: `call` has the profile that was used, or says that there was none.
void PinSubject(const LoggedCall& call, v1::Subject* subject) {
  if (subject->has_events()) {
    for (v1::Event& event : *subject->mutable_events()->mutable_events()) {
      if (event.has_time()) continue;
      *event.mutable_time() = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(call.time));
    }
  } else if (!call.profile_token.empty()) {
    subject->set_profile_token(call.profile_token);
    subject->set_ignore_stored_profile(true);
  } else if (subject->has_user_id() && call.answer.profile_version == 0) {
    subject->set_ignore_stored_profile(true);
  }
}

// Why not even the attempt makes sense; "" when it does.
std::string Hopeless(const LoggedCall& call) {
  if (call.profile_cut)
    return "the profile that was used is too long for a profile token, the line has only a part of it";
  if (const auto* request = std::get_if<v1::RecommendRequest>(&call.request)) {
    if (!request->page_token().empty()) return "a later page of a list; its token belongs to the list as it was";
  }
  if (const auto* request = std::get_if<v1::ScoreItemsRequest>(&call.request)) {
    if (request->queries_size() != 1) return absl::StrCat(request->queries_size(), " queries, expected 1");
  }
  if (call.answer.model.empty() || call.answer.version.empty()) return "the line's answer names no model and version";
  return "";
}

absl::StatusOr<RankedAnswer> Ask(const LoggedRequest& request, RecommendClient* client) {
  const auto taken = [](const auto& response) -> absl::StatusOr<RankedAnswer> {
    if (!response.ok()) return response.status();
    return AnswerOf(*response);
  };
  if (const auto* recommend = std::get_if<v1::RecommendRequest>(&request)) return taken(client->Recommend(*recommend));
  if (const auto* similar = std::get_if<v1::SimilarItemsRequest>(&request))
    return taken(client->SimilarItems(*similar));
  return taken(client->ScoreItems(std::get<v1::ScoreItemsRequest>(request)));
}

}  // namespace

const char* ReplayWord(ReplayResult result) {
  switch (result) {
    case ReplayResult::kSame:
      return "same";
    case ReplayResult::kDiffers:
      return "differs";
    case ReplayResult::kNotReproducible:
      return "not_reproducible";
  }
  return "";
}

std::optional<ReplayOutcome> FirstDifference(const RankedAnswer& expected, const RankedAnswer& found) {
  for (size_t place = 0; place < std::max(expected.items.size(), found.items.size()); ++place) {
    if (place < expected.items.size() && place < found.items.size() &&
        expected.items[place].first == found.items[place].first &&
        SameScore(expected.items[place].second, found.items[place].second)) {
      continue;
    }
    return ReplayOutcome{ReplayResult::kDiffers, "", place + 1, ItemText(expected, place), ItemText(found, place)};
  }
  return std::nullopt;
}

LoggedRequest PinnedRequest(const LoggedCall& call) {
  LoggedRequest pinned = call.request;
  std::visit([&](auto& request) { request.set_model(Generation(call.answer)); }, pinned);
  if (auto* recommend = std::get_if<v1::RecommendRequest>(&pinned); recommend != nullptr && recommend->has_subject()) {
    PinSubject(call, recommend->mutable_subject());
  }
  if (auto* score = std::get_if<v1::ScoreItemsRequest>(&pinned)) {
    for (v1::ScoreQuery& query : *score->mutable_queries()) {
      if (query.has_subject()) PinSubject(call, query.mutable_subject());
    }
  }
  return pinned;
}

absl::StatusOr<ReplayOutcome> Replay(const LoggedCall& call, RecommendClient* client) {
  if (std::string why = Hopeless(call); !why.empty()) return NotReproducible(std::move(why));
  const RankedAnswer& expected = call.answer;
  const auto found = Ask(PinnedRequest(call), client);
  if (absl::IsUnavailable(found.status()) || absl::IsDeadlineExceeded(found.status())) return found.status();
  if (!found.ok()) {
    const bool absent = absl::IsNotFound(found.status()) || absl::IsFailedPrecondition(found.status());
    return NotReproducible(
        absl::StrCat(found.status().message(), absent ? absl::StrCat("; ", LoadIt(expected)) : std::string()));
  }
  if (found->digest != expected.digest) {
    return NotReproducible(absl::StrCat(found->model, " version ", found->version, " here has digest ", found->digest,
                                        ", the line has ", expected.digest, "; ", LoadIt(expected)));
  }
  const auto difference = FirstDifference(expected, *found);
  if (!difference.has_value()) return ReplayOutcome();
  if (call.profile_token.empty() && found->profile_version != expected.profile_version) {
    return NotReproducible(absl::StrCat("the user's profile was at version ", expected.profile_version,
                                        ", which the line does not have, and is at ", found->profile_version, " now"));
  }
  ReplayOutcome outcome = *difference;
  outcome.reason = "items that were taken out or put back since explain a difference (kindred query availability list)";
  return outcome;
}

}  // namespace kindred
