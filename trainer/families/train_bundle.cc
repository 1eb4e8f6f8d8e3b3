// TrainBundle of train.h: every space of a recipe, and the parts of a bundle that they share.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "trainer/families/train.h"
#include "trainer/families/training_parts.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMsPerDay = 86'400'000.0;

absl::Status CheckRecipe(const EventLog& events, const Recipe& recipe) {
  if (events.size() == 0) return absl::FailedPreconditionError("there are no events to train on");
  if (recipe.spaces.empty()) return absl::InvalidArgumentError("the recipe has no space; name at least one to train");
  std::set<std::string_view> names;
  for (const SpaceRecipe& space : recipe.spaces) {
    if (!names.insert(space.name).second) {
      return absl::InvalidArgumentError(StrCat("space '", space.name, "' stands twice in the recipe"));
    }
    if (space.weights.half_life_days > 0 && events.time_ms.empty()) {
      return absl::InvalidArgumentError(
          StrCat("space '", space.name, "': half_life_days needs times, and the events have none; name --time-column"));
    }
  }
  if (recipe.prior_half_life_days > 0 && events.time_ms.empty()) {
    return absl::InvalidArgumentError("prior_half_life_days needs times, and the events have none; name --time-column");
  }
  if (recipe.blend) {
    if (recipe.blend->parts.empty()) return absl::InvalidArgumentError("the blend names no space");
    for (const auto& [part, weight] : recipe.blend->parts) {
      if (names.count(part) > 0) continue;
      return absl::InvalidArgumentError(StrCat("the blend names space '", part, "', which the recipe does not train"));
    }
    if (!names.insert(recipe.blend->name).second) {
      return absl::InvalidArgumentError(StrCat("the blend and a space are both called '", recipe.blend->name, "'"));
    }
  }
  if (!recipe.default_space.empty() && names.count(recipe.default_space) == 0) {
    return absl::InvalidArgumentError(
        StrCat("the default space '", recipe.default_space, "' is none of ", StrJoin(names, ", ")));
  }
  return absl::OkStatus();
}

// ln(1 + Σ 2^(−age / half_life)) / its maximum over the items: each user counts once, at their newest event.
std::vector<float> RecentPopularityPrior(const EventLog& events, double half_life_days) {
  const int64_t newest = *std::max_element(events.time_ms.begin(), events.time_ms.end());
  const Interactions last = [&] {
    EventLog ages = events;
    ages.value.resize(events.size());
    for (size_t row = 0; row < events.size(); ++row) {
      const double age_days = static_cast<double>(newest - events.time_ms[row]) / kMsPerDay;
      ages.value[row] = static_cast<float>(std::exp2(-age_days / half_life_days));
    }
    return AggregateEvents(ages, {.aggregation = Aggregation::kMax});
  }();
  std::vector<double> mass(events.item_ids.size(), 0.0);
  for (int64_t p = 0; p < last.values.nnz(); ++p) mass[last.values.indices[p]] += last.values.values[p];
  const double most = std::log1p(*std::max_element(mass.begin(), mass.end()));
  std::vector<float> prior(mass.size());
  for (size_t i = 0; i < mass.size(); ++i) prior[i] = most > 0 ? static_cast<float>(std::log1p(mass[i]) / most) : 0;
  return prior;
}

void AddFloats(std::string_view name, const std::vector<float>& values, BundleParts* parts) {
  parts->tensors.push_back(OwnedTensor::Copy<float>(std::string(name), {values.size()}, std::span(values)));
}

absl::StatusOr<SpaceSpec> BlendSpec(const BlendRecipe& recipe, const SpaceSpecs& specs) {
  SpaceSpec spec;
  spec.family = "hybrid";
  spec.fold_in = FoldIn::kBlend;
  spec.prior_weight = recipe.prior_weight;
  for (const auto& [part, weight] : recipe.parts) {
    const SpaceSpec& of = specs.find(part)->second;
    if (IsSparse(of.fold_in)) {
      return absl::InvalidArgumentError(
          StrCat("the blend names space '", part, "', whose rows are sparse; a blend is made of dense spaces"));
    }
    spec.dim += of.dim;
    spec.parts.push_back({part, weight});
  }
  return spec;
}

Json BlendJson(const BlendRecipe& recipe) {
  Json out = Json::object();
  for (const auto& [part, weight] : recipe.parts) out[part] = weight;
  out["prior_weight"] = recipe.prior_weight;
  return out;
}

// Adds a tensor that a family made. Tables of tokens and actions stand once in a bundle, for all spaces that use them;
// `owners` says whose came first.
absl::Status AddPart(const std::string& space, OwnedTensor tensor,
                     std::map<std::string, std::string, std::less<>>* owners, BundleParts* parts) {
  const auto [owner, is_new] = owners->emplace(tensor.name, space);
  if (is_new) {
    parts->tensors.push_back(std::move(tensor));
    return absl::OkStatus();
  }
  const auto first = std::find_if(parts->tensors.begin(), parts->tensors.end(),
                                  [&](const OwnedTensor& other) { return other.name == tensor.name; });
  const auto bytes = tensor.bytes.span(), others = first->bytes.span();
  if (tensor.shape == first->shape && std::equal(bytes.begin(), bytes.end(), others.begin(), others.end())) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrFormat(
      "spaces '%s' and '%s' need one table %s each, and a bundle has one: theirs differ. Give both spaces the same "
      "tokens, sessions, session_gap_minutes, min_tokens and min_occurrences, or train two bundles",
      owner->second, space, tensor.name));
}

// Whether serving makes the vector of a user of the training from what they have.
bool FoldsInSeen(const TrainedSpace& space) {
  if (!space.users.empty()) return false;
  return IsSparse(space.spec.fold_in) ||
         std::any_of(space.items.begin(), space.items.end(), [](float x) { return x != 0; });
}

Json RememberedSpace(SpaceRecipe recipe, const TrainedSpace& trained, double seconds) {
  ParameterList parameters;
  DescribeSpace(&recipe, &parameters);
  recipe.family->Describe(&parameters);
  Json out = Json::object();
  out["family"] = recipe.family->name();
  out["parameters"] = Json::parse(parameters.ToJson());
  out["figures"] = Json::parse(trained.figures_json);
  if (!WantsReproducibleBytes()) out["seconds"] = seconds;
  return out;
}

}  // namespace

absl::StatusOr<TrainedBundle> TrainBundle(const EventLog& events, const ItemTable& items, const Recipe& recipe,
                                          std::string_view data_json, Progress* progress) {
  RETURN_IF_ERROR(CheckRecipe(events, recipe));
  TrainedBundle out;
  BundleParts& parts = out.parts;
  AddIds(events.user_ids, events.item_ids, &parts);
  const SparseMatrix seen = AggregateEvents(events, {}).values;
  AddSeen(seen, &parts);
  AddItemTable(items, &parts);

  SpaceSpecs specs;
  Json remembered_spaces = Json::object();
  std::vector<float> prior, popularity;
  std::map<std::string, std::string, std::less<>> part_owners;
  const SpaceRecipe* seen_weights = nullptr;  // whose values users.seen.weights has
  for (const SpaceRecipe& space : recipe.spaces) {
    const auto start = std::chrono::steady_clock::now();
    const Interactions interactions = AggregateEvents(events, {.aggregation = recipe.aggregation,
                                                               .action_weights = space.weights.actions,
                                                               .half_life_days = space.weights.half_life_days});
    const TrainingData data{.events = &events,
                            .interactions = &interactions,
                            .items = &items,
                            .weights = space.weights,
                            .seed = recipe.seed,
                            .threads = recipe.threads};
    absl::StatusOr<TrainedSpace> trained = space.family->Train(data, space.name, progress);
    if (!trained.ok()) {
      if (recipe.spaces.size() == 1) return trained.status();
      return absl::Status(trained.status().code(), StrCat("space '", space.name, "': ", trained.status().message()));
    }
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    trained->spec.prior_weight = space.prior_weight.value_or(space.family->default_prior_weight());
    trained->spec.actions = space.weights.actions;
    trained->spec.half_life_days = space.weights.half_life_days;
    specs.emplace(space.name, trained->spec);
    if (!trained->items.empty()) {
      AddSpace(space.name, trained->spec.dim, trained->items, trained->users, &parts);
    }
    // Users of a space without a matrix of them are folded in from what they saw, by the first such space's weights.
    if (FoldsInSeen(*trained)) {
      if (seen_weights == nullptr) {
        seen_weights = &space;
        RETURN_IF_ERROR(AddSeenWeights(seen, interactions.values, &parts));
      } else if (space.weights.actions != seen_weights->weights.actions ||
                 space.weights.half_life_days != seen_weights->weights.half_life_days) {
        trained->notes.push_back(
            StrCat("users of the training are folded in with the action weights and the half-life "
                   "of space '",
                   seen_weights->name, "', since a bundle has one value for what a user has"));
      }
    }
    for (OwnedTensor& tensor : trained->parts) {
      RETURN_IF_ERROR(AddPart(space.name, std::move(tensor), &part_owners, &parts));
    }
    if (!trained->prior.empty()) prior = trained->prior;
    if (!trained->popularity.empty()) popularity = trained->popularity;
    for (const std::string& note : trained->notes) out.report.notes.push_back(StrCat(space.name, ": ", note));
    out.report.spaces.emplace(space.name, trained->figures_json);
    remembered_spaces[space.name] = RememberedSpace(space, *trained, seconds);
  }
  if (recipe.prior_half_life_days > 0) prior = RecentPopularityPrior(events, recipe.prior_half_life_days);
  if (!prior.empty()) AddFloats(names::kItemPrior, prior, &parts);
  if (!popularity.empty()) AddFloats(names::kPopularity, popularity, &parts);

  if (recipe.blend) {
    ASSIGN_OR_RETURN(const SpaceSpec blend, BlendSpec(*recipe.blend, specs));
    specs.emplace(recipe.blend->name, blend);
    remembered_spaces[recipe.blend->name] = {{"family", "blend"}, {"parts", BlendJson(*recipe.blend)}};
  }
  std::string default_space = recipe.spaces.front().name;
  if (recipe.blend) default_space = recipe.blend->name;
  if (!recipe.default_space.empty()) default_space = recipe.default_space;
  Json training = Json::object();
  training["data"] = Json::parse(data_json);
  training["spaces"] = std::move(remembered_spaces);
  training["aggregate"] = AggregationName(recipe.aggregation);
  training["prior_half_life_days"] = recipe.prior_half_life_days;
  training["seed"] = recipe.seed;
  if (seen_weights != nullptr) training["seen_weights"] = seen_weights->name;
  training["trained_at"] = CreationTime();
  training["events"] = events.size();
  if (!events.time_ms.empty()) {
    training["last_event_ms"] = *std::max_element(events.time_ms.begin(), events.time_ms.end());
  }
  AddMetadata(recipe.model, recipe.version, recipe.source, specs, default_space, training.dump(), &parts);
  return out;
}

}  // namespace kindred
