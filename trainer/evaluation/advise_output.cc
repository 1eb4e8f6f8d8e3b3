// Advice as text and JSON.
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/event_time.h"
#include "trainer/evaluation/advise.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// Why, with the figures.
std::string Because(const SpaceAdvice& space, RetrainReason reason, const AdviceReport& report) {
  const AdviceRules& rules = report.rules;
  switch (reason) {
    case RetrainReason::kNewTokens:
      return absl::StrFormat("%s new %s are %.1f %% of the %s known, more than %g %%",
                             WithThousands(static_cast<uint64_t>(*space.signals.new_ids)),
                             space.signals.tokens ? "tokens" : "items", 100 * *space.new_ratio,
                             WithThousands(space.signals.vocabulary), 100 * rules.max_new_ratio);
    case RetrainReason::kAge:
      return absl::StrFormat("trained %.1f days ago, more than %g", *report.signals.days_since_training,
                             rules.retrain_days);
    case RetrainReason::kDrift:
      return absl::StrFormat("%.4f away from %s, more than %g", *space.signals.drift, report.against, rules.max_drift);
    case RetrainReason::kAfterItem2vec:
      return "made after item2vec, which should be retrained";
    case RetrainReason::kParts:
      return "one of its parts should be retrained";
  }
  return "";
}

std::string Moment(std::optional<int64_t> time_ms, std::optional<double> days) {
  if (!time_ms) return "not said by the bundle";
  return absl::StrFormat("%s, %.1f days ago", TimeText(*time_ms), *days);
}

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

}  // namespace

std::string AdviceText(const AdviceReport& report) {
  std::string out = StrCat("model         ", report.model, ", version ", report.version, "\n");
  StrAppend(&out, "trained       ", Moment(report.times.trained_ms, report.signals.days_since_training), "\n");
  StrAppend(&out, "newest event  ", Moment(report.times.newest_event_ms, report.signals.days_since_newest_event), "\n");
  if (report.counted) {
    const NewIds& ids = *report.counted;
    StrAppend(&out, "events        ", WithThousands(ids.events), " given");
    if (report.times.newest_event_ms) StrAppend(&out, ", ", WithThousands(ids.newer_events), " of them newer");
    StrAppend(&out, absl::StrFormat("; new: %s items, %s tokens", WithThousands(ids.items), WithThousands(ids.tokens)));
    if (ids.rare_items + ids.rare_tokens > 0) {
      StrAppend(&out, absl::StrFormat(" (and %s items, %s tokens too rare for the training)",
                                      WithThousands(ids.rare_items), WithThousands(ids.rare_tokens)));
    }
    StrAppend(&out, "\n");
  }
  StrAppend(&out, "\n");
  for (const SpaceAdvice& space : report.advice.spaces) {
    StrAppend(&out, absl::StrFormat("space         %s (%s): %s", space.signals.space, space.signals.family,
                                    space.retrain() ? "retrain" : "no need to retrain"));
    std::vector<std::string> figures;
    if (space.new_ratio) figures.push_back(absl::StrFormat("new ids %.2f %%", 100 * *space.new_ratio));
    if (space.signals.drift) figures.push_back(absl::StrFormat("drift %.4f", *space.signals.drift));
    if (!figures.empty()) StrAppend(&out, " (", StrJoin(figures, ", "), ")");
    StrAppend(&out, "\n");
    for (const RetrainReason reason : space.reasons) {
      StrAppend(&out, "  ", RetrainReasonName(reason), ": ", Because(space, reason, report), "\n");
    }
  }
  const bool retrain = report.advice.retrain();
  StrAppend(
      &out, "\nadvice        ",
      retrain ? "retrain: kindred train, or kindred update --force-refit"
      : report.advice.update
          ? absl::StrFormat("update: the newest event is more than %g days old; kindred update takes newer ones in",
                            report.rules.update_days)
          : std::string("nothing to do"),
      "\n");
  return out;
}

std::string AdviceJson(const AdviceReport& report) {
  const auto time = [](std::optional<int64_t> ms) { return ms ? Json(TimeText(*ms)) : Json(); };
  Json out = {{"path", report.path},
              {"model", report.model},
              {"version", report.version},
              {"digest", report.digest},
              {"at", TimeText(report.now_ms)},
              {"trained_at", time(report.times.trained_ms)},
              {"days_since_training", OrNull(report.signals.days_since_training)},
              {"newest_event_at", time(report.times.newest_event_ms)},
              {"days_since_newest_event", OrNull(report.signals.days_since_newest_event)},
              {"events", Json()},
              {"against", report.against.empty() ? Json() : Json(report.against)},
              {"rules",
               {{"max_new_ratio", report.rules.max_new_ratio},
                {"retrain_days", report.rules.retrain_days},
                {"update_days", report.rules.update_days},
                {"max_drift", report.rules.max_drift}}},
              {"retrain", report.advice.retrain()},
              {"update", report.advice.update},
              {"spaces", Json::array()}};
  if (report.counted) {
    const NewIds& ids = *report.counted;
    out["events"] = {{"given", ids.events},      {"newer", ids.newer_events},    {"new_items", ids.items},
                     {"new_tokens", ids.tokens}, {"rare_items", ids.rare_items}, {"rare_tokens", ids.rare_tokens}};
  }
  for (const SpaceAdvice& space : report.advice.spaces) {
    Json row = {{"space", space.signals.space},
                {"family", space.signals.family},
                {"retrain", space.retrain()},
                {"reasons", Json::array()},
                {"vocabulary_of", space.signals.tokens ? "tokens" : "items"},
                {"vocabulary", space.signals.vocabulary},
                {"new_ids", OrNull(space.signals.new_ids)},
                {"new_ratio", OrNull(space.new_ratio)},
                {"drift", OrNull(space.signals.drift)}};
    for (const RetrainReason reason : space.reasons) {
      row["reasons"].push_back({{"reason", RetrainReasonName(reason)}, {"because", Because(space, reason, report)}});
    }
    out["spaces"].push_back(std::move(row));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace kindred
