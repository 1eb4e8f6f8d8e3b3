#include "core/bundle/space_spec.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"

namespace kindred {
namespace {

constexpr std::string_view kFoldInNames[] = {"ridge", "nnls", "mean"};
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

// {"<space>": {"<field>": scalar}}
class SpacesSax final : public StrictSax {
 public:
  SpaceSpecs specs;

  bool start_object(size_t elements) override {
    if (depth_ == 2 || !field_.empty() || (depth_ == 1) != (spec_ != nullptr)) {
      return StrictSax::start_object(elements);
    }
    ++depth_;
    fields_.clear();
    return true;
  }

  bool end_object() override {
    if (depth_ == 2 && spec_->dim == 0) return Fail("found no \"dim\"");
    --depth_;
    spec_ = nullptr;
    return true;
  }

  bool key(std::string& name) override {
    if (depth_ == 1) {
      if (!IsSpaceName(name)) return Fail(StrCat("found the space name ", Quoted(name)));
      const auto [it, inserted] = specs.try_emplace(name);
      if (!inserted) return Fail(StrCat("found space ", Quoted(name), " a second time"));
      space_ = name;
      spec_ = &it->second;
      return true;
    }
    constexpr std::string_view kFields[] = {"family",    "dim",    "fold_in",     "fold_in_lambda",
                                            "transform", "metric", "prior_weight"};
    if (std::find(std::begin(kFields), std::end(kFields), name) == std::end(kFields)) {
      return Fail(StrCat("found the key ", Quoted(name)));
    }
    if (!fields_.insert(name).second) return Fail(StrCat("found the key ", Quoted(name), " a second time"));
    field_ = name;
    return true;
  }

  bool string(std::string& value) override {
    if (field_ == "family") {
      if (value.size() > 64) return Fail(StrCat("found ", value.size(), " bytes"));
      spec_->family = value;
      return Done();
    }
    if (field_ == "fold_in") return SetNamed(FoldInFromName(value), &spec_->fold_in);
    if (field_ == "transform") return SetNamed(ValueTransformFromName(value), &spec_->transform);
    if (field_ == "metric") return SetNamed(MetricFromName(value), &spec_->metric);
    return StrictSax::string(value);
  }

  bool number_unsigned(uint64_t value) override {
    if (field_ != "dim") return Number(static_cast<double>(value), StrCat(value));
    if (value == 0 || value > UINT32_MAX) return StrictSax::number_unsigned(value);
    spec_->dim = static_cast<uint32_t>(value);
    return Done();
  }
  bool number_integer(int64_t value) override { return Number(static_cast<double>(value), StrCat(value)); }
  bool number_float(double value, const std::string& text) override { return Number(value, text); }

 private:
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

  bool Number(double value, const std::string& text) {
    const bool lambda = field_ == "fold_in_lambda";
    if ((!lambda && field_ != "prior_weight") || !std::isfinite(value) || (lambda && value < 0)) {
      return StrictSax::number_float(value, text);
    }
    (lambda ? spec_->fold_in_lambda : spec_->prior_weight) = value;
    return Done();
  }

  std::string Expected() const override {
    if (depth_ == 0) return "an object of spaces";
    if (spec_ == nullptr) return "distinct space names of the form [a-z0-9_]{1,64}";
    const std::string of = StrCat(" of space ", Quoted(space_));
    if (depth_ == 1) return StrCat("the object", of);
    if (field_.empty()) {
      return StrCat(
          "dim and, each at most once, family, fold_in, fold_in_lambda, transform, metric, "
          "prior_weight",
          of);
    }
    const std::string_view kind = field_ == "dim"              ? "an integer from 1"
                                  : field_ == "fold_in_lambda" ? "a finite number ≥ 0"
                                  : field_ == "prior_weight"   ? "a finite number"
                                  : field_ == "family"         ? "a string of at most 64 bytes"
                                                               : "one of its names";
    return StrCat(kind, " for ", field_, of);
  }

  int depth_ = 0;
  std::string space_, field_;
  SpaceSpec* spec_ = nullptr;
  std::set<std::string> fields_;
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
  for (const auto& [name, spec] : specs) {
    root[name] = {{"family", spec.family},
                  {"dim", spec.dim},
                  {"fold_in", FoldInName(spec.fold_in)},
                  {"fold_in_lambda", spec.fold_in_lambda},
                  {"transform", ValueTransformName(spec.transform)},
                  {"metric", MetricName(spec.metric)},
                  {"prior_weight", spec.prior_weight}};
  }
  return root.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<SpaceSpecs> SpaceSpecsFromJson(std::string_view json) {
  SpacesSax sax;
  RETURN_IF_ERROR(ParseStrictJson(json, 0, &sax));
  return std::move(sax.specs);
}

}  // namespace kindred
