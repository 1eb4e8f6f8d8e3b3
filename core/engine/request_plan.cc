#include "core/engine/request_plan.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"

namespace kindred {
namespace {

void AddBoosts(const Model& model, const RecommendOptions& options, AdmissionScratch* scratch, RequestPlan* plan,
               std::vector<std::string_view>* missing_ids, std::vector<std::string_view>* missing_categories) {
  plan->boost.clear();
  if (options.boosts.empty()) return;
  plan->boost.assign(model.item_words() * 64, 0.0f);
  for (const BoostOption& boost : options.boosts) {
    if (boost.category.empty()) {
      scratch->found.resize(boost.item_ids.size());
      model.items().FindMany(boost.item_ids, scratch->found);
      for (size_t i = 0; i < boost.item_ids.size(); ++i) {
        if (scratch->found[i] == IdTable::kNone) {
          missing_ids->push_back(boost.item_ids[i]);
        } else {
          plan->boost[scratch->found[i]] += boost.amount;
        }
      }
      continue;
    }
    const auto category = model.categories().Find(boost.category);
    if (!category.has_value()) {
      missing_categories->push_back(boost.category);
      continue;
    }
    const auto members = model.CategoryBitmap(*category);
    for (size_t t = 0; t < members.size(); ++t) {
      for (uint64_t word = members[t]; word != 0; word &= word - 1) {
        plan->boost[t * 64 + static_cast<size_t>(std::countr_zero(word))] += boost.amount;
      }
    }
  }
}

// A blend of the bundle that has every part, with a weight above 0 where the part has one.
const Space* CarrierOf(const Model& model, std::span<const ItemSimilarity::Part> parts) {
  for (const auto& space : model.spaces()) {
    if (space->parts.empty()) continue;
    const bool carries = std::all_of(parts.begin(), parts.end(), [&](const ItemSimilarity::Part& part) {
      const auto found = std::find(space->parts.begin(), space->parts.end(), part.space);
      if (found == space->parts.end()) return false;
      return part.weight == 0 || space->spec.parts[found - space->parts.begin()].weight > 0;
    });
    if (carries) return space.get();
  }
  return nullptr;
}

absl::Status ChooseSpaces(const Model& model, const RecommendOptions& options, RequestPlan* plan) {
  plan->parts.clear();
  plan->carrier = nullptr;
  plan->spaces_missing = false;
  plan->blended = !options.blend.empty();
  if (!plan->blended) {
    const Space* space = model.FindSpace(options.space);
    if (space == nullptr) return SpaceNotFound(model, options.space);
    plan->parts.push_back({space, 1.0});
    return absl::OkStatus();
  }
  for (const BlendOption& part : options.blend) {
    const Space* space = model.FindSpace(part.space);
    if (space == nullptr) {
      plan->spaces_missing = true;
    } else {
      plan->parts.push_back({space, part.weight});
    }
  }
  const bool any = std::any_of(plan->parts.begin(), plan->parts.end(),
                               [](const ItemSimilarity::Part& part) { return part.weight > 0; });
  if (!any) return SpaceNotFound(model, options.blend.front().space);
  plan->carrier = CarrierOf(model, plan->parts);
  return absl::OkStatus();
}

void PutBoostsIntoPrior(RequestPlan* plan) {
  plan->prior.resize(plan->boost.size());
  const std::span<const float> prior = plan->prior_weight != 0 ? plan->scan.prior : std::span<const float>();
  for (size_t i = 0; i < plan->prior.size(); ++i) {
    plan->prior[i] = (prior.empty() ? 0.0f : plan->prior_weight * prior[i]) + plan->boost[i];
  }
  plan->scan.prior = plan->prior;
  plan->scan.prior_max_abs = 0;
  for (float x : plan->prior) plan->scan.prior_max_abs = std::max(plan->scan.prior_max_abs, std::abs(x));
  plan->prior_weight = 1;
}

}  // namespace

absl::Status SpaceNotFound(const Model& model, std::string_view name) {
  return absl::NotFoundError(absl::StrFormat(
      "model '%s' has no space '%s'; it has: %s", model.name(), name,
      absl::StrJoin(model.spaces(), ", ", [](std::string* out, const auto& space) { out->append(space->name); })));
}

absl::Status PlanRequest(const Model& model, const RecommendOptions& options, AdmissionScratch* scratch,
                         RequestPlan* plan, std::vector<std::string_view>* missing_ids,
                         std::vector<std::string_view>* missing_categories) {
  RETURN_IF_ERROR(ChooseSpaces(model, options, plan));
  RETURN_IF_ERROR(AdmitRequest(model, options, scratch, &plan->admission, missing_ids, missing_categories));
  AddBoosts(model, options, scratch, plan, missing_ids, missing_categories);
  plan->scan = ScanSpace();
  plan->prior_weight = 0;
  if (plan->carrier != nullptr) {
    plan->scan = plan->carrier->recommend;
    plan->scan.prior = {};
    plan->scan.prior_max_abs = 0;
  } else if (!plan->blended && !IsSparse(plan->space().spec.fold_in)) {
    plan->scan = plan->space().recommend;
    plan->prior_weight = static_cast<float>(plan->space().spec.prior_weight);
  } else {
    return absl::OkStatus();
  }
  if (!plan->boost.empty()) PutBoostsIntoPrior(plan);
  return absl::OkStatus();
}

}  // namespace kindred
