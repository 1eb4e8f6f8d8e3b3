#include "core/bundle/space_spec.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"

namespace kindred {
namespace {

constexpr std::string_view kFoldInNames[] = {"ridge",  "nnls",   "mean",      "implicit", "observed",
                                             "traits", "sparse", "neighbors", "blend"};
constexpr std::string_view kTransformNames[] = {"identity", "log1p", "binary"};
constexpr std::string_view kMetricNames[] = {"dot", "cosine"};

template <typename Enum, size_t N>
absl::StatusOr<Enum> FromName(std::string_view what, const std::string_view (&known)[N], std::string_view name) {
  for (size_t i = 0; i < N; ++i) {
    if (known[i] == name) return static_cast<Enum>(i);
  }
  return absl::InvalidArgumentError(
      StrCat("unknown ", what, " ", Quoted(name), ", expected one of ", StrJoin(known, ", ")));
}

bool IsSpaceName(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string_view::npos;
}

constexpr size_t kMaxTextBytes = 64;  // of a family or an action
constexpr size_t kMaxActions = 1024;
constexpr size_t kMaxParts = 16;

// {"<space>": {"<field>": scalar, "actions": {"<action>": number}, "parts": [{"space": string, "weight": number}]}}
class SpacesSax final : public StrictSax {
 public:
  SpaceSpecs specs;

  bool start_object(size_t elements) override {
    const bool starts = place_ == Place::kStart || (place_ == Place::kSpaces && spec_ != nullptr) ||
                        (place_ == Place::kSpace && field_ == "actions") || place_ == Place::kParts;
    if (!starts) return StrictSax::start_object(elements);
    if (place_ == Place::kParts) {
      if (spec_->parts.size() == kMaxParts) return Fail(StrCat("found more than ", kMaxParts, " parts"));
      spec_->parts.emplace_back();
      part_fields_.clear();
    } else if (place_ == Place::kSpaces) {
      fields_.clear();
    }
    place_ = place_ == Place::kStart    ? Place::kSpaces
             : place_ == Place::kSpaces ? Place::kSpace
             : place_ == Place::kSpace  ? Place::kActions
                                        : Place::kPart;
    return true;
  }

  bool end_object() override {
    switch (place_) {
      case Place::kSpace:
        if (spec_->dim == 0) return Fail("found no \"dim\"");
        place_ = Place::kSpaces;
        spec_ = nullptr;
        return true;
      case Place::kActions:
        place_ = Place::kSpace;
        return Done();
      case Place::kPart:
        if (spec_->parts.back().space.empty()) return Fail("found no \"space\"");
        place_ = Place::kParts;
        return true;
      default:
        place_ = Place::kStart;
        spec_ = nullptr;
        return true;
    }
  }

  bool start_array(size_t elements) override {
    if (place_ != Place::kSpace || field_ != "parts") return StrictSax::start_array(elements);
    place_ = Place::kParts;
    return true;
  }

  bool end_array() override {
    place_ = Place::kSpace;
    return Done();
  }

  bool key(std::string& name) override {
    if (place_ == Place::kSpaces) {
      if (!IsSpaceName(name)) return Fail(StrCat("found the space name ", Quoted(name)));
      const auto [it, inserted] = specs.try_emplace(name);
      if (!inserted) return Fail(StrCat("found space ", Quoted(name), " a second time"));
      space_ = name;
      spec_ = &it->second;
      return true;
    }
    if (place_ == Place::kActions) {
      if (name.size() > kMaxTextBytes) return Fail(StrCat("found an action of ", name.size(), " bytes"));
      if (spec_->actions.size() == kMaxActions) return Fail(StrCat("found more than ", kMaxActions, " actions"));
      const auto [it, inserted] = spec_->actions.try_emplace(name, 1.0);
      if (!inserted) return Fail(StrCat("found the action ", Quoted(name), " a second time"));
      action_ = &it->second;
      return true;
    }
    constexpr std::string_view kFields[] = {
        "family",       "dim",           "fold_in", "fold_in_lambda", "transform", "metric",
        "prior_weight", "fold_in_alpha", "actions", "half_life_days", "parts"};
    constexpr std::string_view kPartFields[] = {"space", "weight"};
    const bool part = place_ == Place::kPart;
    const std::span<const std::string_view> known = part ? std::span<const std::string_view>(kPartFields) : kFields;
    if (std::find(known.begin(), known.end(), name) == known.end()) return Fail(StrCat("found the key ", Quoted(name)));
    if (!(part ? part_fields_ : fields_).insert(name).second) {
      return Fail(StrCat("found the key ", Quoted(name), " a second time"));
    }
    (part ? part_field_ : field_) = name;
    return true;
  }

  bool string(std::string& value) override {
    if (place_ == Place::kPart) {
      if (part_field_ != "space") return StrictSax::string(value);
      if (!IsSpaceName(value)) return Fail(StrCat("found the space name ", Quoted(value)));
      spec_->parts.back().space = value;
      part_field_.clear();
      return true;
    }
    if (place_ != Place::kSpace) return StrictSax::string(value);
    if (field_ == "family") {
      if (value.size() > kMaxTextBytes) return Fail(StrCat("found ", value.size(), " bytes"));
      spec_->family = value;
      return Done();
    }
    if (field_ == "fold_in") return SetNamed(FoldInFromName(value), &spec_->fold_in);
    if (field_ == "transform") return SetNamed(ValueTransformFromName(value), &spec_->transform);
    if (field_ == "metric") return SetNamed(MetricFromName(value), &spec_->metric);
    return StrictSax::string(value);
  }

  bool number_unsigned(uint64_t value) override {
    if (place_ != Place::kSpace || field_ != "dim") return Number(static_cast<double>(value), StrCat(value));
    if (value == 0 || value > UINT32_MAX) return StrictSax::number_unsigned(value);
    spec_->dim = static_cast<uint32_t>(value);
    return Done();
  }
  bool number_integer(int64_t value) override { return Number(static_cast<double>(value), StrCat(value)); }
  bool number_float(double value, const std::string& text) override { return Number(value, text); }

 private:
  // The innermost object or array that is open.
  enum class Place : uint8_t { kStart, kSpaces, kSpace, kActions, kParts, kPart };

  bool Done() {
    field_.clear();
    return true;
  }

  template <typename Enum>
  bool SetNamed(absl::StatusOr<Enum> value, Enum* out) {
    if (!value.ok()) return Fail(StrCat(value.status().message()));
    *out = *value;
    return Done();
  }

  // Where a number belongs at this point; nullptr: nowhere.
  double* NumberField() {
    if (place_ == Place::kActions) return action_;
    if (place_ == Place::kPart) return part_field_ == "weight" ? &spec_->parts.back().weight : nullptr;
    if (place_ != Place::kSpace) return nullptr;
    return field_ == "fold_in_lambda"   ? &spec_->fold_in_lambda
           : field_ == "prior_weight"   ? &spec_->prior_weight
           : field_ == "fold_in_alpha"  ? &spec_->fold_in_alpha
           : field_ == "half_life_days" ? &spec_->half_life_days
                                        : nullptr;
  }

  bool Number(double value, const std::string& text) {
    double* field = NumberField();
    const bool may_be_negative = place_ == Place::kSpace && field_ == "prior_weight";
    if (field == nullptr || !std::isfinite(value) || (value < 0 && !may_be_negative)) {
      return StrictSax::number_float(value, text);
    }
    *field = value;
    if (place_ == Place::kSpace) return Done();
    action_ = nullptr;
    part_field_.clear();
    return true;
  }

  std::string Expected() const override {
    if (place_ == Place::kStart) return "an object of spaces";
    if (spec_ == nullptr) return "distinct space names of the form [a-z0-9_]{1,64}";
    const std::string of = StrCat(" of space ", Quoted(space_));
    if (place_ == Place::kSpaces) return StrCat("the object", of);
    if (place_ == Place::kActions) {
      return StrCat("distinct actions of at most ", kMaxTextBytes, " bytes with a finite number ≥ 0 each for actions",
                    of);
    }
    if (place_ == Place::kParts || place_ == Place::kPart) {
      return StrCat(
          "objects of a space name of the form [a-z0-9_]{1,64} as \"space\" and a finite number ≥ 0 as "
          "\"weight\" for parts",
          of);
    }
    if (field_.empty()) {
      return StrCat(
          "dim and, each at most once, family, fold_in, fold_in_lambda, fold_in_alpha, transform, metric, "
          "prior_weight, actions, half_life_days, parts",
          of);
    }
    const std::string_view kind = field_ == "dim"            ? "an integer from 1"
                                  : field_ == "prior_weight" ? "a finite number"
                                  : field_ == "family"       ? "a string of at most 64 bytes"
                                  : field_ == "actions"      ? "an object of actions and numbers"
                                  : field_ == "parts"        ? "a list of objects"
                                  : field_ == "fold_in" || field_ == "transform" || field_ == "metric"
                                      ? "one of its names"
                                      : "a finite number ≥ 0";
    return StrCat(kind, " for ", field_, of);
  }

  Place place_ = Place::kStart;
  std::string space_, field_, part_field_;
  SpaceSpec* spec_ = nullptr;
  double* action_ = nullptr;
  std::set<std::string> fields_, part_fields_;
};

}  // namespace

std::string_view FoldInName(FoldIn value) { return kFoldInNames[static_cast<size_t>(value)]; }
std::string_view ValueTransformName(ValueTransform value) { return kTransformNames[static_cast<size_t>(value)]; }
std::string_view MetricName(Metric value) { return kMetricNames[static_cast<size_t>(value)]; }

absl::StatusOr<FoldIn> FoldInFromName(std::string_view name) { return FromName<FoldIn>("fold_in", kFoldInNames, name); }
absl::StatusOr<ValueTransform> ValueTransformFromName(std::string_view name) {
  return FromName<ValueTransform>("transform", kTransformNames, name);
}
absl::StatusOr<Metric> MetricFromName(std::string_view name) { return FromName<Metric>("metric", kMetricNames, name); }

std::string SpaceSpecsToJson(const SpaceSpecs& specs) {
  nlohmann::json root = nlohmann::json::object();
  const SpaceSpec defaults;
  for (const auto& [name, spec] : specs) {
    nlohmann::json& out = root[name];
    out = {{"family", spec.family},
           {"dim", spec.dim},
           {"fold_in", FoldInName(spec.fold_in)},
           {"fold_in_lambda", spec.fold_in_lambda},
           {"transform", ValueTransformName(spec.transform)},
           {"metric", MetricName(spec.metric)},
           {"prior_weight", spec.prior_weight}};
    if (spec.fold_in_alpha != defaults.fold_in_alpha) out["fold_in_alpha"] = spec.fold_in_alpha;
    if (!spec.actions.empty()) out["actions"] = std::map<std::string, double>(spec.actions.begin(), spec.actions.end());
    if (spec.half_life_days != defaults.half_life_days) out["half_life_days"] = spec.half_life_days;
    for (const BlendPart& part : spec.parts) out["parts"].push_back({{"space", part.space}, {"weight", part.weight}});
  }
  return root.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<SpaceSpecs> SpaceSpecsFromJson(std::string_view json) {
  SpacesSax sax;
  RETURN_IF_ERROR(ParseStrictJson(json, 0, &sax));
  return std::move(sax.specs);
}

}  // namespace kindred
