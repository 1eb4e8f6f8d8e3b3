#include "core/lifecycle/decisions_file.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/atomic_file.h"
#include "core/lifecycle/model_registry.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

constexpr uint64_t kFormat = 1;
constexpr std::string_view kFileName = "decisions.json";
constexpr size_t kMaxFileBytes = size_t{16} << 20;
constexpr std::pair<ServingDecision, std::string_view> kDecisionNames[] = {
    {ServingDecision::kNone, "configured"},
    {ServingDecision::kLatest, "latest"},
    {ServingDecision::kVersion, "version"},
    {ServingDecision::kPinned, "pinned"},
};

std::string_view NameOf(ServingDecision decision) {
  const auto* found = std::find_if(std::begin(kDecisionNames), std::end(kDecisionNames),
                                   [decision](const auto& entry) { return entry.first == decision; });
  return found->second;
}

// Reads one object; the first thing that is not as it must be is kept as the error.
class Fields {
 public:
  Fields(const Json& json, std::string where, absl::Status* status)
      : json_(json), where_(std::move(where)), status_(*status) {
    if (!json_.is_object()) Fail(where_, "an object");
  }

  // Nothing but these may be there.
  void Only(std::initializer_list<std::string_view> names) {
    if (!status_.ok()) return;
    for (const auto& [key, value] : json_.items()) {
      if (std::find(names.begin(), names.end(), key) != names.end()) continue;
      status_ =
          absl::DataLossError(StrCat(where_, ": unknown field \"", key, "\"; a later Kindred may have written it"));
      return;
    }
  }
  const Json* Find(std::string_view name) {
    if (!status_.ok()) return nullptr;
    const auto found = json_.find(name);
    if (found != json_.end()) return &*found;
    Fail(StrCat(where_, ".", name), "a value");
    return nullptr;
  }
  uint64_t Number(std::string_view name, uint64_t most = ~uint64_t{0}) {
    const Json* value = Find(name);
    return value == nullptr ? 0 : Number(*value, StrCat(where_, ".", name), most);
  }
  std::string Text(std::string_view name) {
    const Json* value = Find(name);
    if (value == nullptr) return "";
    if (!value->is_string()) return Fail(StrCat(where_, ".", name), "a string"), "";
    return value->get<std::string>();
  }
  std::vector<uint64_t> Numbers(std::string_view name) {
    const Json* value = Find(name);
    if (value == nullptr) return {};
    if (!value->is_array()) return Fail(StrCat(where_, ".", name), "an array"), std::vector<uint64_t>();
    std::vector<uint64_t> numbers;
    for (const Json& number : *value) numbers.push_back(Number(number, StrCat(where_, ".", name), ~uint64_t{0}));
    return numbers;
  }
  void Fail(const std::string& where, std::string_view expected) {
    if (status_.ok()) status_ = absl::DataLossError(StrCat(where, ": expected ", expected));
  }

 private:
  uint64_t Number(const Json& value, const std::string& where, uint64_t most) {
    if (value.is_number_unsigned() && value.get<uint64_t>() <= most) return value.get<uint64_t>();
    Fail(where, StrCat("a whole number up to ", most));
    return 0;
  }

  const Json& json_;
  std::string where_;
  absl::Status& status_;
};

ModelDecisions ReadModel(const Json& json, const std::string& where, absl::Status* status) {
  ModelDecisions model;
  Fields fields(json, where, status);
  fields.Only({"serve", "version", "newer_than", "passed_over", "labels", "served"});
  const std::string serve = fields.Text("serve");
  const auto* decision = std::find_if(std::begin(kDecisionNames), std::end(kDecisionNames),
                                      [&serve](const auto& entry) { return entry.second == serve; });
  if (decision == std::end(kDecisionNames)) {
    fields.Fail(where + ".serve", "\"configured\", \"latest\", \"version\" or \"pinned\"");
  } else {
    model.decision = decision->first;
  }
  model.version = fields.Number("version");
  model.newer_than = fields.Number("newer_than");
  model.passed_over = fields.Numbers("passed_over");
  std::sort(model.passed_over.begin(), model.passed_over.end());
  model.served = fields.Numbers("served");
  const Json* labels = fields.Find("labels");
  if (labels == nullptr) return model;
  if (!labels->is_object()) {
    fields.Fail(where + ".labels", "an object");
    return model;
  }
  for (const auto& [label, value] : labels->items()) {
    Fields of_label(value, StrCat(where, ".labels.", label), status);
    of_label.Only({"version", "share"});
    model.labels[label] = {of_label.Number("version"), static_cast<uint32_t>(of_label.Number("share", kWholeShare))};
  }
  return model;
}

Json ToJson(const ModelDecisions& model) {
  Json labels = Json::object();
  for (const auto& [label, decision] : model.labels) {
    labels[label] = {{"version", decision.version}, {"share", decision.share}};
  }
  return {{"serve", NameOf(model.decision)},  {"version", model.version}, {"newer_than", model.newer_than},
          {"passed_over", model.passed_over}, {"labels", labels},         {"served", model.served}};
}

// Files of a write that a crash has cut short.
void RemoveLeftovers(const std::string& state_dir) {
  std::error_code error;
  for (fs::directory_iterator entry(state_dir, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    std::error_code ignored;
    if (name.starts_with(StrCat(".", kFileName, ".")) && name.ends_with(".tmp")) fs::remove(entry->path(), ignored);
  }
}

}  // namespace

std::string FormatDecisions(const Decisions& decisions) {
  Json models = Json::object();
  for (const auto& [name, model] : decisions) models[name] = ToJson(model);
  // A folder's name may be any bytes.
  return Json{{"format", kFormat}, {"models", models}}.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

absl::StatusOr<Decisions> ParseDecisions(std::string_view text, const std::string& path) {
  Decisions decisions;
  absl::Status status;
  const Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    status = absl::DataLossError("not JSON");
  } else {
    Fields fields(json, "file", &status);
    const uint64_t format = fields.Number("format");
    if (status.ok() && format != kFormat) {
      status = absl::DataLossError(StrCat("format ", format, ", expected ", kFormat, ", which this build reads"));
    }
    fields.Only({"format", "models"});
    const Json* models = fields.Find("models");
    if (models != nullptr && !models->is_object()) fields.Fail("file.models", "an object");
    if (status.ok()) {
      for (const auto& [name, model] : models->items()) decisions[name] = ReadModel(model, "models." + name, &status);
    }
  }
  if (status.ok()) return decisions;
  return absl::DataLossError(StrCat(path, ": ", std::string(status.message()),
                                    "; start the Kindred that wrote it, or move the file away: then what operators "
                                    "decided is forgotten and the configuration alone counts"));
}

std::string DecisionsPath(const std::string& state_dir) { return fs::path(state_dir) / kFileName; }

absl::StatusOr<Decisions> ReadDecisions(const std::string& state_dir) {
  std::error_code error;
  fs::create_directories(state_dir, error);
  if (error) {
    return absl::UnavailableError(
        absl::StrFormat("cannot make the folder '%s' for what operators decide: %s; name "
                        "another with models.state_dir",
                        state_dir, error.message()));
  }
  RemoveLeftovers(state_dir);
  const std::string path = DecisionsPath(state_dir);
  const uintmax_t size = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return Decisions();
  std::ostringstream text;
  std::ifstream file(path, std::ios::binary);
  if (error || !file || size > kMaxFileBytes || !(text << file.rdbuf())) {
    return absl::UnavailableError(absl::StrFormat("cannot read %s, which keeps what operators decided: %s", path,
                                                  error                  ? error.message()
                                                  : size > kMaxFileBytes ? absl::StrFormat("%d bytes", size)
                                                                         : std::string("not readable, or empty")));
  }
  return ParseDecisions(text.str(), path);
}

absl::Status WriteDecisions(const std::string& state_dir, const Decisions& decisions) {
  const std::string text = FormatDecisions(decisions);
  const std::span<const std::byte> bytes = std::as_bytes(std::span(text));
  return WriteFileAtomically(DecisionsPath(state_dir), std::span(&bytes, 1));
}

}  // namespace kindred
