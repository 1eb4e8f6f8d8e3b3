#include "clients/cli/logged_call.h"

#include <google/protobuf/util/json_util.h>

#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

template <typename Response>
RankedAnswer Origin(const Response& response) {
  RankedAnswer answer;
  answer.model = response.model();
  answer.version = response.version();
  answer.digest = response.digest();
  return answer;
}

absl::Status Fault(std::string_view what) { return absl::InvalidArgumentError(std::string(what)); }

absl::Status ReadMessage(const Json& line, const char* key, bool lenient, google::protobuf::Message* message) {
  const auto found = line.find(key);
  if (found == line.end() || !found->is_object()) return Fault(absl::StrCat("has no \"", key, "\" that is an object"));
  google::protobuf::util::JsonParseOptions options;
  options.ignore_unknown_fields = lenient;
  const auto status = google::protobuf::util::JsonStringToMessage(found->dump(), message, options);
  return status.ok() ? absl::OkStatus()
                     : Fault(absl::StrCat("\"", key, "\" cannot be read: ", std::string(status.message())));
}

template <typename Request, typename Response>
absl::Status ReadCall(const Json& line, LoggedCall* call) {
  Request request;
  Response response;
  for (const auto& status :
       {ReadMessage(line, "request", false, &request), ReadMessage(line, "response", true, &response)}) {
    if (!status.ok()) return status;
  }
  call->answer = AnswerOf(response);
  call->request = std::move(request);
  return absl::OkStatus();
}

absl::Status ReadMethod(const std::string& method, const Json& line, LoggedCall* call) {
  if (method == "Recommend") return ReadCall<v1::RecommendRequest, v1::RecommendResponse>(line, call);
  if (method == "SimilarItems") return ReadCall<v1::SimilarItemsRequest, v1::SimilarItemsResponse>(line, call);
  if (method == "ScoreItems") return ReadCall<v1::ScoreItemsRequest, v1::ScoreItemsResponse>(line, call);
  return Fault(absl::StrCat("\"method\" is '", method, "', expected Recommend, SimilarItems or ScoreItems"));
}

std::string TextOf(const Json& line, const char* key) {
  const auto found = line.find(key);
  return found != line.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace

RankedAnswer AnswerOf(const v1::RecommendResponse& response) {
  RankedAnswer answer = Origin(response);
  answer.profile_version = response.profile_version();
  for (const v1::RecommendedItem& item : response.items()) answer.items.emplace_back(item.item_id(), item.score());
  return answer;
}

RankedAnswer AnswerOf(const v1::SimilarItemsResponse& response) {
  RankedAnswer answer = Origin(response);
  for (const v1::RecommendedItem& item : response.items()) answer.items.emplace_back(item.item_id(), item.score());
  return answer;
}

RankedAnswer AnswerOf(const v1::ScoreItemsResponse& response) {
  RankedAnswer answer = Origin(response);
  if (response.results().empty()) return answer;
  answer.profile_version = response.results(0).profile_version();
  for (const v1::ItemScore& item : response.results(0).scores())
    answer.items.emplace_back(item.item_id(), item.score());
  return answer;
}

const char* MethodOf(const LoggedRequest& request) {
  if (std::holds_alternative<v1::RecommendRequest>(request)) return "Recommend";
  return std::holds_alternative<v1::SimilarItemsRequest>(request) ? "SimilarItems" : "ScoreItems";
}

std::string MessageToJson(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for Any and the like whose type this build does not know: of such an answer the line is "{}".
  return google::protobuf::util::MessageToJsonString(message, &json, options).ok() ? json : "{}";
}

absl::Status MessageFromJson(std::string_view json, std::string_view what, google::protobuf::Message* message) {
  const auto status = google::protobuf::util::JsonStringToMessage({json.data(), json.size()}, message);
  if (status.ok()) return absl::OkStatus();
  return Fault(absl::StrCat(absl::string_view(what.data(), what.size()), ": expected a ",
                            std::string(message->GetDescriptor()->name()), " in JSON, but ",
                            std::string(status.message())));
}

std::string LoggedCallToJson(absl::Time time, const char* method, const google::protobuf::Message& request,
                             const google::protobuf::Message& response, std::string_view profile_token) {
  std::string line = absl::StrCat(R"({"time":")", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone()),
                                  R"(","method":")", method, R"(",)");
  if (!profile_token.empty()) {
    absl::StrAppend(&line, R"("profile_token":")",
                    absl::Base64Escape(absl::string_view(profile_token.data(), profile_token.size())), R"(",)");
  }
  absl::StrAppend(&line, R"("request":)", MessageToJson(request), R"(,"response":)", MessageToJson(response), "}");
  return line;
}

absl::StatusOr<LoggedCall> LoggedCallFromJson(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object())
    return Fault("is not a JSON object, expected a line of `kindred query --log` or a request log");
  LoggedCall call;
  std::string error;
  const std::string time = TextOf(json, "time");
  if (!absl::ParseTime(absl::RFC3339_full, time, &call.time, &error)) {
    return Fault(absl::StrCat("\"time\" is '", time, "', expected such as 2024-05-01T12:00:00.123Z"));
  }
  if (!absl::Base64Unescape(TextOf(json, "profile_token"), &call.profile_token)) {
    return Fault("\"profile_token\" is not base64");
  }
  const auto cut = json.find("profile_cut");
  call.profile_cut = cut != json.end() && cut->is_boolean() && cut->get<bool>();
  if (const absl::Status status = ReadMethod(TextOf(json, "method"), json, &call); !status.ok()) return status;
  return call;
}

}  // namespace kindred
