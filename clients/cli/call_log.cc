#include "clients/cli/call_log.h"

#include <fcntl.h>
#include <google/protobuf/util/time_util.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "clients/cli/logged_call.h"

namespace kindred {

CLI::Option* AddLogOption(CLI::App* command, std::string* path) {
  return command
      ->add_option("--log", *path, "Append the call and its answer to this file, for kindred replay; holds user ids")
      ->type_name("FILE");
}

void TimeEvents(v1::Subject* subject) {
  if (!subject->has_events()) return;
  const auto now = google::protobuf::util::TimeUtil::MillisecondsToTimestamp(absl::ToUnixMillis(absl::Now()));
  for (v1::Event& event : *subject->mutable_events()->mutable_events()) {
    if (!event.has_time()) *event.mutable_time() = now;
  }
}

std::string ProfileTokenOf(const std::string& model, const std::string& user_id, uint64_t version,
                           RecommendClient* client) {
  v1::GetProfileRequest request;
  request.set_model(model);
  request.set_user_id(user_id);
  const auto profile = client->GetProfile(request);
  if (profile.ok() && profile->profile_version() == version) return profile->profile_token();
  std::cerr << "kindred: the log lacks the profile that was used: "
            << (profile.ok() ? "it has changed already" : std::string(profile.status().message()))
            << "; the answer comes again only while the profile is what it was\n";
  return "";
}

int LogCall(const std::string& path, const google::protobuf::Message& request,
            const google::protobuf::Message& response, const std::string& profile_token) {
  const absl::string_view method = absl::StripSuffix(request.GetDescriptor()->name(), "Request");
  const std::string line =
      LoggedCallToJson(absl::Now(), std::string(method).c_str(), request, response, profile_token) + "\n";
  // In one write, for other commands may append to the same file.
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const bool written = file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (!written) std::cerr << "kindred: " << path << " cannot be written: " << std::strerror(errno) << "\n";
  if (file >= 0) close(file);
  return written ? 0 : 1;
}

}  // namespace kindred
