// A call with its answer as one line of JSON: what `kindred query --log` and the server's request log write, and
// `kindred replay` reads. docs/operations.md describes the format.
//
//   {"time":"2024-05-01T12:00:00.123Z","method":"Recommend","profile_token":"S1BUAQ…","request":{…},"response":{…}}
//
// Requests and responses are the API's messages in JSON, fields named as in the .proto files. "profile_token" is the
// stored profile that was used; "profile_cut" is true where it holds only the last of that profile's events. Pure
// functions.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

using LoggedRequest = std::variant<v1::RecommendRequest, v1::SimilarItemsRequest, v1::ScoreItemsRequest>;

// What of an answer has to come again.
struct RankedAnswer {
  std::string model, version, digest;
  uint64_t profile_version = 0;
  std::vector<std::pair<std::string, float>> items;  // ids and scores, in the answer's order
};

struct LoggedCall {
  absl::Time time;
  LoggedRequest request;
  RankedAnswer answer;
  std::string profile_token;
  bool profile_cut = false;
};

RankedAnswer AnswerOf(const v1::RecommendResponse& response);
RankedAnswer AnswerOf(const v1::SimilarItemsResponse& response);
// Of a request with one query.
RankedAnswer AnswerOf(const v1::ScoreItemsResponse& response);

// "Recommend", "SimilarItems" or "ScoreItems".
const char* MethodOf(const LoggedRequest& request);

// A line without its end. `profile_token`: "" for none.
std::string LoggedCallToJson(absl::Time time, const char* method, const google::protobuf::Message& request,
                             const google::protobuf::Message& response, std::string_view profile_token);

// INVALID_ARGUMENT saying what was found and what was expected. A field of the request that this build does not know is
// an error: the answer may depend on it.
absl::StatusOr<LoggedCall> LoggedCallFromJson(std::string_view line);

// A message in JSON, fields named as in the .proto file, and back; `what` begins the error.
std::string MessageToJson(const google::protobuf::Message& message);
absl::Status MessageFromJson(std::string_view json, std::string_view what, google::protobuf::Message* message);

}  // namespace kindred
