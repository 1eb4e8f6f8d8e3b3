// `kindred query … --log FILE`: calls and answers for `kindred replay`, appended to a file (logged_call.h).
#pragma once

#include <google/protobuf/message.h>

#include <CLI/CLI.hpp>
#include <string>

#include "clients/cpp/recommend_client.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// --log
CLI::Option* AddLogOption(CLI::App* command, std::string* path);

// Gives the events of `subject` that say no time the present one, as the server does: a call that is to be had again
// to the bit says what it was answered by.
void TimeEvents(v1::Subject* subject);

// The profile of `user_id` at `version` as a token; "" where there is none, or another one by now.
std::string ProfileTokenOf(const std::string& model, const std::string& user_id, uint64_t version,
                           RecommendClient* client);

// The stored profile that an answer used, as a token: asks for it, since answers do not carry it.
template <typename Answer>
std::string UsedProfile(const std::string& model, const v1::Subject& subject, const Answer& answer,
                        RecommendClient* client) {
  if (!subject.has_user_id() || answer.profile_version() == 0) return "";
  return ProfileTokenOf(model, subject.user_id(), answer.profile_version(), client);
}

// Appends a line. Returns the exit code: 1 when the file does not take it, which it says on standard error.
int LogCall(const std::string& path, const google::protobuf::Message& request,
            const google::protobuf::Message& response, const std::string& profile_token);

}  // namespace kindred
