#include "server/profiles/redis_scan.h"

#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/profile_codec.h"
#include "server/profiles/stored_profile.h"

namespace kindred {
namespace {

constexpr std::chrono::seconds kTimeout(2);
// Keys of one step; a client refuses arrays of more than a thousand.
constexpr char kKeysAtOnce[] = "200";
constexpr std::chrono::milliseconds kPatience(10);

// None: `go_on` returned false.
std::optional<redis::Reply> Ask(redis::Client* client, const std::function<bool()>& go_on, std::string key,
                                std::vector<std::string> arguments) {
  if (!go_on()) return std::nullopt;
  const auto answer = std::make_shared<std::promise<redis::Reply>>();
  redis::Command command;
  command.key = std::move(key);
  command.arguments = std::move(arguments);
  command.repeatable = true;
  client->Execute(std::move(command), std::chrono::steady_clock::now() + kTimeout,
                  [answer](redis::Reply reply) { answer->set_value(std::move(reply)); });
  std::future<redis::Reply> future = answer->get_future();
  while (future.wait_for(kPatience) != std::future_status::ready) {
    if (!go_on()) return std::nullopt;
  }
  return future.get();
}

// As a glob pattern that matches itself.
std::string Escaped(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("*?[]\\").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

absl::Status Failed(const redis::Reply& reply) {
  return absl::UnavailableError(absl::StrFormat("Redis cannot be scanned for profiles: %s", reply.text));
}

}  // namespace

absl::Status ScanProfiles(redis::Client* client, const std::string& key_prefix, const std::function<bool()>& go_on,
                          const std::function<bool(Profile&)>& visit, uint32_t most_steps) {
  const std::string pattern = Escaped(key_prefix) + "*";
  ProfileCodecScratch scratch;
  Profile profile;
  std::string cursor = "0";
  for (uint32_t steps = 0; steps < most_steps; ++steps) {
    const std::optional<redis::Reply> step =
        Ask(client, go_on, "", {"SCAN", cursor, "MATCH", pattern, "COUNT", kKeysAtOnce, "TYPE", "string"});
    if (!step.has_value()) return absl::OkStatus();
    if (!step->ok() || step->elements.size() != 2) return Failed(*step);
    cursor = step->elements[0].text;
    for (const redis::Reply& key : step->elements[1].elements) {
      // What stands between may ignore MATCH.
      if (!key.text.starts_with(key_prefix)) continue;
      const std::optional<redis::Reply> value =
          Ask(client, go_on, key.text, {"GETRANGE", key.text, "0", std::to_string(kMaxStoredBytes)});
      if (!value.has_value()) return absl::OkStatus();
      if (!value->ok()) return Failed(*value);
      const std::string_view user_id = std::string_view(key.text).substr(key_prefix.size());
      if (DecodeProfile(user_id, value->text, &scratch, &profile) && !visit(profile)) return absl::OkStatus();
    }
    if (cursor == "0") return absl::OkStatus();
  }
  return absl::UnavailableError(
      absl::StrFormat("Redis cannot be scanned for profiles: SCAN has not ended after %d steps", most_steps));
}

}  // namespace kindred
