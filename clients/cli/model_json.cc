#include "clients/cli/model_json.h"

#include <google/protobuf/util/time_util.h>

#include "clients/cli/json_parts.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

void AddTime(const char* key, const google::protobuf::Timestamp& time, Json* json) {
  if (time.seconds() > 0) (*json)[key] = google::protobuf::util::TimeUtil::ToString(time);
}

}  // namespace

Json ToJson(const v1::ModelVersion& version) {
  Json json = {{"version", version.version()},
               {"state", StateWord(version.state())},
               {"reason", version.reason()},
               {"step", version.step()},
               {"progress", version.progress()},
               {"serving", version.serving()},
               {"poisoned", version.poisoned()},
               {"labels", ListOf(version.labels())},
               {"path", version.path()},
               {"digest", version.digest()},
               {"bytes", version.bytes()},
               {"load_seconds", version.load_seconds()},
               {"golden_queries", version.golden_queries()},
               {"n_items", version.n_items()},
               {"n_users", version.n_users()},
               {"hybrid_ready", version.hybrid_ready()}};
  if (version.drift().subjects() > 0) {
    const v1::VersionDrift& drift = version.drift();
    json["drift"] = {{"subjects", drift.subjects()},
                     {"overlap", drift.overlap()},
                     {"own_rank", drift.own_rank()},
                     {"live_own_rank", drift.live_own_rank()},
                     {"catalogue", drift.catalogue()}};
  }
  if (version.has_memory()) {
    const v1::VersionMemory& memory = version.memory();
    json["memory"] = {{"bundle", memory.bundle()},
                      {"resident", memory.resident()},
                      {"available", memory.available()},
                      {"headroom", memory.headroom()}};
  }
  AddTime("state_time", version.state_time(), &json);
  AddTime("create_time", version.create_time(), &json);
  return json;
}

Json ToJson(const std::string& model, const v1::ModelVersion& version) {
  Json json = {{"model", model}};
  json.update(ToJson(version));
  return json;
}

Json ToJson(const v1::ServedModel& model) {
  Json json = {{"model", model.model()},
               {"policy", PolicyWord(model.policy())},
               {"serving_version", model.serving_version()},
               {"labels", Json::array()},
               {"versions", Json::array()}};
  for (const v1::VersionLabel& label : model.labels()) {
    json["labels"].push_back({{"label", label.label()}, {"version", label.version()}, {"percent", label.percent()}});
  }
  for (const v1::ModelVersion& version : model.versions()) json["versions"].push_back(ToJson(version));
  if (model.has_shadow()) {
    const v1::ShadowComparison& shadow = model.shadow();
    json["shadow"] = {{"version", shadow.version()},
                      {"compared", shadow.compared()},
                      {"failed", shadow.failed()},
                      {"dropped", shadow.dropped()},
                      {"overlap", shadow.overlap()},
                      {"score_shift", shadow.score_shift()},
                      {"latency_ratio", shadow.latency_ratio()}};
  }
  return json;
}

Json ToJson(const v1::ListModelsResponse& response) {
  Json models = Json::array();
  for (const v1::ServedModel& model : response.models()) models.push_back(ToJson(model));
  return {{"models", std::move(models)}};
}

}  // namespace kindred
