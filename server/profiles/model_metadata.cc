#include "server/profiles/model_metadata.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "core/base/str_cat.h"
#include "server/request_events.h"

namespace kindred {
namespace {

constexpr std::chrono::milliseconds kTimeout(1000);
const int64_t kTimeToLiveMs = std::chrono::milliseconds(ModelMetadata::kTimeToLive).count();

std::string KeyOf(std::string_view name) { return StrCat("model:", name, ":metadata"); }

void Send(redis::Client* client, std::string key, std::vector<std::string> arguments, redis::Client::Done done) {
  redis::Command command;
  command.key = std::move(key);
  command.arguments = std::move(arguments);
  client->Execute(std::move(command), std::chrono::steady_clock::now() + kTimeout, std::move(done));
}

// "<ms> <digest> <version>": the version, which may have spaces, comes last. False when it is not that.
bool ParseSighting(std::string_view value, ModelSighting* sighting) {
  const size_t first = value.find(' ');
  const size_t second = first == std::string_view::npos ? first : value.find(' ', first + 1);
  if (second == std::string_view::npos) return false;
  const auto [end, error] = std::from_chars(value.data(), value.data() + first, sighting->seen_ms);
  if (error != std::errc() || end != value.data() + first) return false;
  sighting->digest = value.substr(first + 1, second - first - 1);
  sighting->version = value.substr(second + 1);
  return true;
}

}  // namespace

ModelMetadata::ModelMetadata(redis::Client* client, std::string server_id)
    : client_(client), server_id_(std::move(server_id)) {}

void ModelMetadata::Publish(std::string_view name, std::string_view version, std::string_view digest) {
  const Serving serving{std::string(version), std::string(digest)};
  {
    const std::lock_guard lock(mutex_);
    models_[std::string(name)] = serving;
  }
  Say(std::string(name), serving);
}

void ModelMetadata::Withdraw(std::string_view name) {
  {
    const std::lock_guard lock(mutex_);
    models_.erase(std::string(name));
  }
  const std::string key = KeyOf(name);
  Send(client_, key, {"HDEL", key, server_id_}, [](const redis::Reply&) {});
}

void ModelMetadata::PublishAll() {
  std::map<std::string, Serving, std::less<>> models;
  {
    const std::lock_guard lock(mutex_);
    models = models_;
  }
  for (const auto& [name, serving] : models) {
    Say(name, serving);
    const auto forget = [client = client_, key = KeyOf(name)](const std::vector<ModelSighting>& sightings) {
      for (const ModelSighting& sighting : sightings) {
        if (NowMs() - sighting.seen_ms <= kTimeToLiveMs) continue;
        Send(client, key, {"HDEL", key, sighting.server_id}, [](const redis::Reply&) {});
      }
    };
    List(name, std::chrono::steady_clock::now() + kTimeout, forget);
  }
}

void ModelMetadata::Say(const std::string& name, const Serving& serving) {
  const std::string key = KeyOf(name);
  Send(client_, key, {"HSET", key, server_id_, StrCat(NowMs(), " ", serving.digest, " ", serving.version)},
       [](const redis::Reply&) {});
  Send(client_, key, {"PEXPIRE", key, std::to_string(kTimeToLiveMs)}, [](const redis::Reply&) {});
}

void ModelMetadata::List(std::string_view name, std::chrono::steady_clock::time_point deadline, Sightings done) {
  redis::Command command;
  command.key = KeyOf(name);
  command.arguments = {"HGETALL", command.key};
  command.repeatable = true;
  client_->Execute(std::move(command), deadline, [done = std::move(done)](const redis::Reply& reply) {
    std::vector<ModelSighting> sightings;
    for (size_t i = 0; reply.ok() && i + 1 < reply.elements.size(); i += 2) {
      ModelSighting sighting;
      sighting.server_id = reply.elements[i].text;
      if (ParseSighting(reply.elements[i + 1].text, &sighting)) sightings.push_back(std::move(sighting));
    }
    std::sort(sightings.begin(), sightings.end(),
              [](const ModelSighting& a, const ModelSighting& b) { return a.server_id < b.server_id; });
    done(std::move(sightings));
  });
}

}  // namespace kindred
