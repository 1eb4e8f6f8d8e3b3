#include "core/engine/subject_resolver.h"

#include <algorithm>
#include <cmath>

namespace kindred {
namespace {

bool IsZero(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

void Mix(std::span<const float> trained, std::span<float> live) {
  for (size_t j = 0; j < live.size(); ++j) live[j] = kTrainedBlend * trained[j] + (1 - kTrainedBlend) * live[j];
}

void Transform(ValueTransform transform, std::vector<ItemWeight>* history) {
  for (ItemWeight& entry : *history) entry.weight = TransformValue(transform, entry.weight);
}

}  // namespace

SubjectResolver::User SubjectResolver::FindUser(const SubjectView& subject) const {
  return subject.user_id.empty() ? std::nullopt : model_.users().Find(subject.user_id);
}

void SubjectResolver::Clear(const Space& space) {
  scratch_.vector.assign(IsSparse(space.spec.fold_in) ? 0 : space.spec.dim, 0.0f);
  scratch_.coefficients.clear();
  scratch_.profile.clear();
}

// Each rung of the ladder in its order. What speaks by categories alone waits for the rungs that say more.
AnswerSource SubjectResolver::Resolve(const SubjectView& subject, const Space& space) {
  Clear(space);
  const User user = FindUser(subject);
  const auto answers = [](const Said& said) { return said.something && !said.by_category; };
  if (!subject.live_history.empty()) {
    const Said said = Rung(space, user, subject.live_history);
    if (answers(said)) return said.blended ? AnswerSource::kBlendedProfile : AnswerSource::kLiveProfile;
  }
  if (user.has_value() && answers(Rung(space, user, std::nullopt))) return AnswerSource::kTrainedVector;
  if (!subject.inline_events.empty() && answers(Rung(space, std::nullopt, subject.inline_events))) {
    return AnswerSource::kInlineEvents;
  }
  if (Category(subject, space, user)) return AnswerSource::kCategory;
  Clear(space);
  if (space.traits != nullptr) {
    const auto average = space.traits->average_profile();
    scratch_.profile.assign(average.begin(), average.end());
  }
  if (user.has_value() && !model_.Recommendations(*user).empty()) return AnswerSource::kPrecomputed;
  // The average profile says nothing: what counts is how a subject differs from it.
  if (space.traits == nullptr && !IsSparse(space.spec.fold_in) && !IsZero(space.average)) {
    scratch_.vector.assign(space.average.begin(), space.average.end());
    return AnswerSource::kAverage;
  }
  return AnswerSource::kPopularity;
}

void SubjectResolver::ResolveWithout(const SubjectView& subject, const Space& space, AnswerSource source,
                                     uint32_t item) {
  Clear(space);
  const User user = FindUser(subject);
  left_out_ = item;
  bool found = false;
  switch (source) {
    case AnswerSource::kLiveProfile:
    case AnswerSource::kBlendedProfile:
      found = Rung(space, user, subject.live_history).something ||
              (user.has_value() && Rung(space, user, std::nullopt).something);
      break;
    case AnswerSource::kTrainedVector:
      fold_seen_ = true;
      found = user.has_value() && Rung(space, user, std::nullopt).something;
      break;
    case AnswerSource::kInlineEvents:
      found = Rung(space, std::nullopt, subject.inline_events).something;
      break;
    case AnswerSource::kCategory:
      fold_seen_ = subject.live_history.empty() && subject.inline_events.empty();
      found = Category(subject, space, user);
      break;
    case AnswerSource::kPrecomputed:
    case AnswerSource::kAverage:
    case AnswerSource::kPopularity:
      break;
  }
  left_out_ = kNoItem;
  fold_seen_ = false;
  if (!found) Clear(space);
}

SubjectResolver::Said SubjectResolver::Rung(const Space& space, User user, Events events) {
  if (IsSparse(space.spec.fold_in)) return Sparse(space, user, events);
  if (space.spec.fold_in == FoldIn::kBlend) return Blend(space, user, events);
  Said said = Simple(space, user, events, scratch_.vector);
  if (said.something && space.traits != nullptr) said.something = FinishTraits(space);
  return said;
}

// The profile in scratch_.vector → that profile in scratch_.profile and what it asks for in its place.
bool SubjectResolver::FinishTraits(const Space& space) {
  scratch_.profile = scratch_.vector;
  space.traits->Query(scratch_.profile, scratch_.vector);
  return !IsZero(scratch_.vector);
}

// A part's vector → u_s/‖u_s‖; zeros where it says nothing.
void SubjectResolver::FinishPart(const Space& part, bool found, std::span<float> out) {
  if (found && part.traits != nullptr) {
    scratch_.profile.assign(out.begin(), out.end());
    part.traits->Query(scratch_.profile, out);
    scratch_.profile.clear();
  }
  double sum = 0;
  for (float x : out) sum += static_cast<double>(x) * x;
  const double inverse = found && sum > 0 ? 1 / std::sqrt(sum) : 0;
  for (float& x : out) x = static_cast<float>(x * inverse);
}

// u_s/‖u_s‖ of each part, one after another. Events speak in a blend when they speak in one of its parts; the others
// are then answered from the trained vector, if there is one.
SubjectResolver::Said SubjectResolver::Blend(const Space& blend, User user, Events events) {
  Said all;
  bool more_than_categories = false;
  size_t begin = 0;
  for (const Space* part : blend.parts) {
    const std::span<float> out = std::span(scratch_.vector).subspan(begin, part->spec.dim);
    begin += part->spec.dim;
    const Said said = Simple(*part, user, events, out);
    bool found = said.something;
    all.something = all.something || found;
    all.blended = all.blended || (found && said.blended);
    more_than_categories = more_than_categories || (found && !said.by_category);
    if (!found && events.has_value() && user.has_value()) found = Simple(*part, user, std::nullopt, out).something;
    FinishPart(*part, found, out);
  }
  all.something = all.something && !IsZero(scratch_.vector);
  all.by_category = !more_than_categories;
  return all;
}

// The vector, in a traits space the profile, of one rung in one space of an item matrix.
SubjectResolver::Said SubjectResolver::Simple(const Space& space, User user, Events events, std::span<float> out) {
  Said said;
  if (!events.has_value()) {
    said.something = user.has_value() && Trained(space, *user, out, &said.by_category);
    return said;
  }
  if (!Fold(space, *events, out, &said.by_category)) return said;
  if (user.has_value()) {
    scratch_.trained.resize(out.size());
    bool trained_by_category = false;
    if (Trained(space, *user, scratch_.trained, &trained_by_category)) {
      Mix(scratch_.trained, out);
      said.blended = true;
      said.by_category = false;
    }
  }
  said.something = !IsZero(out);
  return said;
}

SubjectResolver::Said SubjectResolver::Sparse(const Space& space, User user, Events events) {
  Said said;
  if (events.has_value()) {
    FoldCoefficients(space, RowsBy::kItem, *events);
    if (scratch_.coefficients.empty()) return said;
  } else {
    scratch_.coefficients.clear();
  }
  if (user.has_value()) {
    Seen(*user);
    Transform(space.spec.transform, &scratch_.history);
    NormalizeCoefficients(space.sparse, RowsBy::kItem, &scratch_.sparse, &scratch_.history);
  } else {
    scratch_.history.clear();
  }
  if (!scratch_.history.empty()) {
    if (events.has_value()) {
      MergeCoefficients(1 - kTrainedBlend, kTrainedBlend, scratch_.history, &scratch_.merged, &scratch_.coefficients);
      said.blended = true;
    } else {
      scratch_.coefficients = scratch_.history;
    }
  }
  said.something = !scratch_.coefficients.empty();
  return said;
}

// The category rung: of the stored events, in traits of what the user has seen, then of the request's events.
bool SubjectResolver::Category(const SubjectView& subject, const Space& space, User user) {
  if (!subject.live_history.empty() && CategoryRung(space, subject.live_history)) return true;
  if (user.has_value() && Rung(space, user, std::nullopt).something) return true;
  return !subject.inline_events.empty() && CategoryRung(space, subject.inline_events);
}

bool SubjectResolver::CategoryRung(const Space& space, std::span<const EventView> events) {
  if (IsSparse(space.spec.fold_in)) {
    if (space.category_rows.offsets.empty()) return false;
    FoldCoefficients(space, RowsBy::kCategory, events);
    return !scratch_.coefficients.empty();
  }
  if (space.spec.fold_in != FoldIn::kBlend) {
    return CategoryOf(space, events, scratch_.vector) && (space.traits == nullptr || FinishTraits(space));
  }
  size_t begin = 0;
  for (const Space* part : space.parts) {
    const std::span<float> out = std::span(scratch_.vector).subspan(begin, part->spec.dim);
    begin += part->spec.dim;
    FinishPart(*part, CategoryOf(*part, events, out), out);
  }
  return !IsZero(scratch_.vector);
}

// In traits the fold-in itself goes by categories where there are few tokens.
bool SubjectResolver::CategoryOf(const Space& space, std::span<const EventView> events, std::span<float> out) {
  if (space.traits != nullptr) return Simple(space, std::nullopt, events, out).something;
  return FoldCategories(space, events, out);
}

}  // namespace kindred
