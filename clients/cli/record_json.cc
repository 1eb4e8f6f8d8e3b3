#include "clients/cli/record_json.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

std::string Dump(const Json& json) { return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace); }

// What `json` is, short enough for a message.
std::string Found(const Json& json) {
  constexpr size_t kLongest = 40;
  if (json.is_object()) return "an object";
  if (json.is_array()) return "a list";
  const std::string text = Dump(json);
  return text.size() <= kLongest ? text : absl::StrCat("a ", json.type_name(), " of ", text.size(), " bytes");
}

// Reads the fields of an object one by one; the first that is wrong is kept, and everything after it does nothing.
class Fields {
 public:
  // `where`: "" or "events[3].".
  Fields(const Json& object, std::string where, absl::Status* status)
      : object_(object), where_(std::move(where)), status_(status) {
    if (!object.is_object()) Fail("", "is ", Found(object), ", expected an object");
  }

  // False when the field is not there, or something was wrong before.
  bool Has(const char* name, bool required = false) {
    if (!status_->ok()) return false;
    ++known_;
    if (object_.contains(name)) return true;
    --known_;
    if (required) Fail(name, "is not there");
    return false;
  }

  void Text(const char* name, bool required, std::string* value) {
    if (!Has(name, required)) return;
    const Json& json = object_[name];
    if (!json.is_string()) return Fail(name, "is ", Found(json), ", expected a text");
    *value = json.get<std::string>();
  }

  template <typename Int>
  Int Whole(const char* name, bool required) {
    if (!Has(name, required)) return 0;
    const Json& json = object_[name];
    using Limits = std::numeric_limits<Int>;
    if (json.is_number_unsigned() && json.get<uint64_t>() <= static_cast<uint64_t>(Limits::max()))
      return json.get<Int>();
    if (json.is_number_integer() && !json.is_number_unsigned() && Limits::is_signed) return json.get<Int>();
    Fail(name, "is ", Found(json), ", expected a whole number from ", Limits::min(), " to ", Limits::max());
    return 0;
  }

  double Number(const char* name, double otherwise) {
    if (!Has(name)) return otherwise;
    const Json& json = object_[name];
    if (json.is_number()) return json.get<double>();
    Fail(name, "is ", Found(json), ", expected a number");
    return otherwise;
  }

  // The elements of a list; none when it is not there.
  const Json& List(const char* name) {
    static const auto* empty = new Json(Json::array());
    if (!Has(name)) return *empty;
    const Json& json = object_[name];
    if (json.is_array()) return json;
    Fail(name, "is ", Found(json), ", expected a list");
    return *empty;
  }

  // Whether there is a field that was not asked for.
  void End(std::initializer_list<absl::string_view> names) {
    if (!status_->ok() || known_ == object_.size()) return;
    for (const auto& [key, value] : object_.items()) {
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      return Fail(key, "is no field; expected ", absl::StrJoin(names, ", "));
    }
  }

  template <typename... Parts>
  void Fail(absl::string_view name, const Parts&... parts) {
    if (!status_->ok()) return;
    const std::string path = absl::StrCat(where_, name);
    *status_ = absl::InvalidArgumentError(absl::StrCat(path.empty() ? "the line" : path, " ", parts...));
  }

 private:
  const Json& object_;
  const std::string where_;
  absl::Status* const status_;
  size_t known_ = 0;
};

void ReadEvent(const Json& json, size_t index, absl::Status* status, v1::EventRecord* event) {
  Fields fields(json, absl::StrCat("events[", index, "]", json.is_object() ? "." : ""), status);
  fields.Text("item_id", true, event->mutable_item_id());
  fields.Text("action", false, event->mutable_action());
  event->set_time_ms(fields.Whole<int64_t>("time_ms", true));
  event->set_weight(fields.Number("weight", 1.0));
  event->set_blend_step(fields.Whole<uint32_t>("blend_step", false));
  event->set_origin(fields.Whole<uint32_t>("origin", false));
  fields.End({"item_id", "action", "time_ms", "weight", "blend_step", "origin"});
}

}  // namespace

std::string RecordToJson(const v1::ProfileRecord& record) {
  Json events = Json::array();
  for (const v1::EventRecord& event : record.events()) {
    Json json = {{"item_id", event.item_id()}};
    if (!event.action().empty()) json["action"] = event.action();
    json["time_ms"] = event.time_ms();
    json["weight"] = event.weight();
    if (event.blend_step() != 0) json["blend_step"] = event.blend_step();
    if (event.origin() != 0) json["origin"] = event.origin();
    events.push_back(std::move(json));
  }
  Json json = {{"user_id", record.user_id()}, {"version", record.version()}, {"updated_ms", record.updated_ms()}};
  if (record.epoch() != 0) json["epoch"] = record.epoch();
  if (record.update_ids_size() > 0) {
    Json ids = Json::array();
    for (const std::string& id : record.update_ids()) ids.push_back(id);
    json["update_ids"] = std::move(ids);
  }
  json["events"] = std::move(events);
  return Dump(json);
}

absl::StatusOr<v1::ProfileRecord> RecordFromJson(std::string_view line) {
  Json json;
  try {
    json = Json::parse(line);
  } catch (const Json::parse_error& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 9: syntax error …": a line is all there is.
    const absl::string_view what = error.what();
    const size_t at = what.find(": ");
    return absl::InvalidArgumentError(
        absl::StrCat("not JSON at byte ", error.byte, at == absl::string_view::npos ? "" : what.substr(at)));
  }
  absl::Status status;
  v1::ProfileRecord record;
  Fields fields(json, "", &status);
  fields.Text("user_id", true, record.mutable_user_id());
  record.set_version(fields.Whole<uint64_t>("version", true));
  record.set_updated_ms(fields.Whole<int64_t>("updated_ms", false));
  record.set_epoch(fields.Whole<uint64_t>("epoch", false));
  for (const Json& id : fields.List("update_ids")) {
    if (!id.is_string()) {
      fields.Fail(absl::StrCat("update_ids[", record.update_ids_size(), "]"), "is ", Found(id), ", expected a text");
      break;
    }
    record.add_update_ids(id.get<std::string>());
  }
  size_t index = 0;
  for (const Json& event : fields.List("events")) ReadEvent(event, index++, &status, record.add_events());
  fields.End({"user_id", "version", "updated_ms", "epoch", "update_ids", "events"});
  if (!status.ok()) return status;
  return record;
}

}  // namespace kindred
