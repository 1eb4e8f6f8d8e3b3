#include "trainer/families/update.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "trainer/data/input_file.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// What the bundle remembers of its training; an empty object when it says nothing.
Json TrainingOf(const BundleInfo& info) {
  const auto found = info.header.metadata.find(names::kTraining);
  if (found == info.header.metadata.end()) return Json::object();
  Json training = Json::parse(found->second, nullptr, /*allow_exceptions=*/false);
  return training.is_object() ? training : Json::object();
}

// The member of an object, or null.
const Json& Member(const Json& object, const char* name) {
  static const Json* const null = new Json();
  const auto found = object.is_object() ? object.find(name) : object.end();
  return object.is_object() && found != object.end() ? *found : *null;
}

std::optional<int64_t> LastEvent(const Json& training) {
  const Json& last = Member(training, "last_event_ms");
  if (!last.is_number_integer()) return std::nullopt;
  return last.get<int64_t>();
}

std::string Text(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

// Sets what `remembered` says, the parameters of `skip` apart.
absl::Status SetAll(const Json& remembered, const std::vector<std::string_view>& skip, std::string_view of,
                    ParameterList* parameters) {
  if (!remembered.is_object()) return absl::OkStatus();
  for (const auto& [name, value] : remembered.items()) {
    if (std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    // Not given at the time: the default stands.
    if (value.is_null() || (value.is_string() && value.get<std::string>().empty()) ||
        (value.is_array() && value.empty())) {
      continue;
    }
    const Parameter* parameter = parameters->Find(name);
    if (parameter == nullptr) {
      return absl::InvalidArgumentError(StrCat("the bundle remembers the parameter '", name, "' of ", of,
                                               ", which this version does not have; train with kindred train"));
    }
    absl::Status status;
    if (value.is_array()) {
      std::vector<std::string> texts;
      for (const Json& element : value) texts.push_back(Text(element));
      status = parameter->is_list ? parameter->set_list(texts) : parameter->set(StrJoin(texts, ","));
    } else {
      status = parameter->set(Text(value));
    }
    if (!status.ok()) {
      return absl::InvalidArgumentError(StrCat("what the bundle remembers of ", of, ": ", status.message()));
    }
  }
  return absl::OkStatus();
}

// Whether every family that made the bundle takes negative values.
bool AllowsNegative(const Json& training) {
  const Json& spaces = Member(training, "spaces");
  if (!spaces.is_object() || spaces.empty()) return false;
  for (const auto& [name, space] : spaces.items()) {
    const std::string made_by = Text(Member(space, "family"));
    if (made_by == "blend") continue;
    const auto family = MakeFamily(made_by);
    if (!family.ok() || !(*family)->allows_negative()) return false;
  }
  return true;
}

absl::StatusOr<UpdateOutcome> Refit(const UpdateOptions& options, const BundleInfo& info, Progress* progress) {
  TrainOptions train = options.train;
  ASSIGN_OR_RETURN(train.recipe, RecallRecipe(info));
  train.recipe.aggregation = options.train.recipe.aggregation;
  train.recipe.threads = options.train.recipe.threads;
  train.recipe.version = options.version.empty() ? NextVersion(info) : options.version;
  ASSIGN_OR_RETURN(TrainOutcome trained, Train(train, progress));
  UpdateOutcome outcome;
  outcome.refitted = true;
  outcome.ingest = std::move(trained.ingest);
  outcome.notes = std::move(trained.train.notes);
  outcome.pack = std::move(trained.pack);
  return outcome;
}

// The rows after `last_ms`.
std::vector<uint32_t> NewerRows(const EventLog& log, int64_t last_ms) {
  std::vector<uint32_t> rows;
  for (size_t row = 0; row < log.size(); ++row) {
    if (log.time_ms[row] > last_ms) rows.push_back(static_cast<uint32_t>(row));
  }
  return rows;
}

void Remember(const BundleInfo& info, const UpdateOptions& options, const UpdateCounts& counts, int64_t newest_ms,
              Json training, Metadata* metadata) {
  const Json& before = Member(training, "update");
  const bool numbered = options.version.empty();
  Json update = Json::object();
  const Json& base = Member(before, "base_version");
  const Json& number = Member(before, "number");
  const bool counted = base.is_string() && number.is_number_integer();
  update["base_version"] = !numbered ? options.version : counted ? base.get<std::string>() : info.version;
  update["number"] = !numbered ? 0 : counted ? number.get<int64_t>() + 1 : 1;
  update["from_version"] = info.version;
  update["events"] = counts.events;
  update["unknown_item_events"] = counts.unknown_item_events;
  update["users_updated"] = counts.users_updated;
  update["users_added"] = counts.users_added;
  training["last_event_ms"] = newest_ms;
  training["update"] = std::move(update);
  metadata->insert_or_assign(std::string(names::kTraining), training.dump());
  metadata->insert_or_assign(std::string(names::kVersion), numbered ? NextVersion(info) : options.version);
}

}  // namespace

absl::Status RecallInput(const BundleInfo& info, bool whole, TrainOptions* options) {
  std::vector<std::string_view> skip = {"interactions", "before"};
  ParameterList parameters, items;
  DescribeEventInput(options, &parameters);
  DescribeItemInput(options, &items);
  if (whole) {
    DescribeItemInput(options, &parameters);
  } else {
    skip.insert(skip.end(), {"from", "max_users", "max_items", "min_user_items", "min_item_users"});
    for (const Parameter& parameter : items.all()) skip.emplace_back(parameter.name);
  }
  const Json training = TrainingOf(info);
  return SetAll(Member(Member(training, "data"), "parameters"), skip, "its events", &parameters);
}

absl::StatusOr<Recipe> RecallRecipe(const BundleInfo& info) {
  const Json training = TrainingOf(info);
  const Json& spaces = Member(training, "spaces");
  if (!spaces.is_object() || spaces.empty()) {
    return absl::FailedPreconditionError(
        "the bundle does not remember how it was trained, so it cannot be trained again from that; use kindred train");
  }
  Recipe recipe;
  for (const auto& [name, remembered] : spaces.items()) {
    if (info.spaces.contains(name) && info.spaces.find(name)->second.fold_in == FoldIn::kBlend) continue;
    SpaceRecipe space;
    space.name = name;
    ASSIGN_OR_RETURN(space.family, MakeFamily(Text(Member(remembered, "family"))));
    recipe.spaces.push_back(std::move(space));
    ParameterList parameters;
    DescribeSpace(&recipe.spaces.back(), &parameters);
    recipe.spaces.back().family->Describe(&parameters);
    RETURN_IF_ERROR(SetAll(Member(remembered, "parameters"), {}, StrCat("space '", name, "'"), &parameters));
  }
  for (const auto& [name, spec] : info.spaces) {
    if (spec.fold_in != FoldIn::kBlend) continue;
    BlendRecipe blend;
    blend.name = name;
    blend.prior_weight = spec.prior_weight;
    for (const BlendPart& part : spec.parts) blend.parts.emplace_back(part.space, part.weight);
    recipe.blend = std::move(blend);
  }
  recipe.default_space = info.default_space;
  recipe.model = info.model;
  if (const Json& seed = Member(training, "seed"); seed.is_number_unsigned()) recipe.seed = seed.get<uint64_t>();
  if (const Json& days = Member(training, "prior_half_life_days"); days.is_number()) {
    recipe.prior_half_life_days = days.get<double>();
  }
  if (const Json& name = Member(training, "aggregate"); name.is_string()) {
    ASSIGN_OR_RETURN(recipe.aggregation, AggregationFromName(name.get<std::string>()));
  }
  return recipe;
}

std::string NextVersion(const BundleInfo& info) {
  const Json training = TrainingOf(info);
  const Json& update = Member(training, "update");
  const Json& base = Member(update, "base_version");
  const Json& number = Member(update, "number");
  if (base.is_string() && number.is_number_integer()) {
    return StrCat(base.get<std::string>(), ".", number.get<int64_t>() + 1);
  }
  return StrCat(info.version.empty() ? "1" : info.version, ".1");
}

absl::StatusOr<UpdateOutcome> Update(const UpdateOptions& options, Progress* progress) {
  const std::string& out = options.train.out;
  RETURN_IF_ERROR(CheckOutputPath(out));
  RETURN_IF_ERROR(CheckIsNoInput(out, options.train.interactions));
  absl::StatusOr<BundleInfo> info = InspectBundle(options.bundle);
  if (absl::IsNotFound(info.status())) {
    return absl::NotFoundError(StrCat(info.status().message(), "; train a first bundle with kindred train"));
  }
  RETURN_IF_ERROR(info.status());
  std::error_code error;
  if (std::filesystem::equivalent(options.bundle, out, error)) {
    return absl::InvalidArgumentError(
        StrCat(out, ": is the old bundle, which is never edited; give the new one another name"));
  }
  if (options.force_refit) return Refit(options, *info, progress);

  const Json training = TrainingOf(*info);
  const std::optional<int64_t> last_ms = LastEvent(training);
  if (!last_ms) {
    return absl::FailedPreconditionError(
        StrCat(options.bundle,
               ": does not say when the newest event it was made of happened, so which events are new cannot be told; "
               "train with times (--time-column), or --force-refit to train again on all the events given"));
  }
  UpdateOutcome outcome;
  EventReadOptions read = options.train.read;
  read.allow_negative = AllowsNegative(training);
  ASSIGN_OR_RETURN(EventInput input, ReadEvents(options.train.interactions, read, progress));
  outcome.ingest = std::move(input.report);
  if (input.log.time_ms.empty()) {
    return absl::FailedPreconditionError(
        "the events have no times, so which of them are new cannot be told; name --time-column, or --force-refit to "
        "train again on all of them");
  }
  const EventLog newer = SelectRows(input.log, NewerRows(input.log, *last_ms));
  input.log = {};
  outcome.counts.events = newer.size();
  if (newer.size() == 0 || newer.size() < options.min_events) {
    outcome.nothing_done = absl::StrFormat(
        "%s events are newer than %s, the newest of the bundle; an update takes at least %s "
        "(--min-events), --force-refit trains again",
        WithThousands(newer.size()), TimeText(*last_ms), WithThousands(std::max<uint32_t>(1, options.min_events)));
    return outcome;
  }

  progress->Begin("updating users", 0, "");
  ASSIGN_OR_RETURN(const std::shared_ptr<const Model> model, Model::Load(options.bundle));
  const Json& weighted = Member(training, "seen_weights");
  absl::StatusOr<UpdatedParts> updated =
      UpdateParts(*model, newer,
                  {.aggregation = options.train.recipe.aggregation,
                   .seen_weights_space = weighted.is_string() ? weighted.get<std::string>() : "",
                   .last_event_ms = *last_ms,
                   .threads = options.train.recipe.threads});
  if (!updated.ok()) {
    return absl::Status(updated.status().code(), StrCat(options.bundle, ": ", updated.status().message()));
  }
  outcome.counts = updated->counts;
  outcome.notes = std::move(updated->notes);
  progress->End(absl::StrFormat("%s updated, %s new", WithThousands(outcome.counts.users_updated),
                                WithThousands(outcome.counts.users_added)));
  if (outcome.counts.unknown_item_events == outcome.counts.events) {
    outcome.nothing_done =
        absl::StrFormat("all %s new events are of items that the bundle does not have; --force-refit trains again",
                        WithThousands(outcome.counts.events));
    return outcome;
  }
  Remember(*info, options, outcome.counts, *std::max_element(newer.time_ms.begin(), newer.time_ms.end()), training,
           &updated->parts.metadata);
  progress->Begin("packing", 0, "");
  ASSIGN_OR_RETURN(outcome.pack, PackParts(updated->parts, out));
  progress->End(absl::StrFormat("%s, %s bytes", out, WithThousands(outcome.pack->info.file_size)));
  return outcome;
}

}  // namespace kindred
