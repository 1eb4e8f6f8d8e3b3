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

// Each rung of the ladder; false passes the question on.
AnswerSource SubjectResolver::Resolve(const SubjectView& subject, const Space& space) {
  const bool sparse = IsSparse(space.spec.fold_in);
  scratch_.vector.assign(sparse ? 0 : space.spec.dim, 0.0f);
  scratch_.coefficients.clear();
  scratch_.profile.clear();
  const User user = subject.user_id.empty() ? std::nullopt : model_.users().Find(subject.user_id);
  bool blended = false;
  if (!subject.live_history.empty() && Rung(space, user, subject.live_history, &blended)) {
    return blended ? AnswerSource::kBlendedProfile : AnswerSource::kLiveProfile;
  }
  if (user.has_value() && Rung(space, user, std::nullopt, &blended)) return AnswerSource::kTrainedVector;
  if (!subject.inline_events.empty() && Rung(space, std::nullopt, subject.inline_events, &blended)) {
    return AnswerSource::kInlineEvents;
  }
  scratch_.coefficients.clear();
  if (space.traits != nullptr) {
    const auto average = space.traits->average_profile();
    scratch_.profile.assign(average.begin(), average.end());
  }
  // The average profile says nothing: what counts is how a subject differs from it.
  if (space.traits == nullptr && !sparse && !IsZero(space.average)) {
    scratch_.vector.assign(space.average.begin(), space.average.end());
    return AnswerSource::kAverage;
  }
  std::fill(scratch_.vector.begin(), scratch_.vector.end(), 0.0f);
  return AnswerSource::kPopularity;
}

bool SubjectResolver::Rung(const Space& space, User user, Events events, bool* blended) {
  *blended = false;
  if (IsSparse(space.spec.fold_in)) return Sparse(space, user, events, blended);
  if (space.spec.fold_in == FoldIn::kBlend) return Blend(space, user, events, blended);
  if (!Simple(space, user, events, scratch_.vector, blended)) return false;
  if (space.traits == nullptr) return true;
  scratch_.profile = scratch_.vector;
  space.traits->Query(scratch_.profile, scratch_.vector);
  return !IsZero(scratch_.vector);
}

// u_s/‖u_s‖ of each part, one after another. Events speak in a blend when they speak in one of its parts; the others
// are then answered from the trained vector, if there is one.
bool SubjectResolver::Blend(const Space& blend, User user, Events events, bool* blended) {
  bool spoke = false;
  size_t begin = 0;
  for (const Space* part : blend.parts) {
    const std::span<float> out = std::span(scratch_.vector).subspan(begin, part->spec.dim);
    begin += part->spec.dim;
    bool mixed = false;
    bool found = Simple(*part, user, events, out, &mixed);
    spoke = spoke || found;
    *blended = *blended || (found && mixed);
    if (!found && events.has_value() && user.has_value()) found = Simple(*part, user, std::nullopt, out, &mixed);
    if (found && part->traits != nullptr) {
      scratch_.profile.assign(out.begin(), out.end());
      part->traits->Query(scratch_.profile, out);
      scratch_.profile.clear();
    }
    double sum = 0;
    for (float x : out) sum += static_cast<double>(x) * x;
    const double inverse = found && sum > 0 ? 1 / std::sqrt(sum) : 0;
    for (float& x : out) x = static_cast<float>(x * inverse);
  }
  return spoke && !IsZero(scratch_.vector);
}

// The vector, in a traits space the profile, of one rung in one space of an item matrix.
bool SubjectResolver::Simple(const Space& space, User user, Events events, std::span<float> out, bool* blended) {
  if (!events.has_value()) return user.has_value() && Trained(space, *user, out);
  if (!Fold(space, *events, out)) return false;
  if (user.has_value()) {
    scratch_.trained.resize(out.size());
    if (Trained(space, *user, scratch_.trained)) {
      Mix(scratch_.trained, out);
      *blended = true;
    }
  }
  return !IsZero(out);
}

bool SubjectResolver::Fold(const Space& space, std::span<const EventView> events, std::span<float> out) {
  WeighEvents(space.spec, events, &scratch_.worth);
  if (space.has_tokens) {
    const uint32_t n_tokens = SumPerToken(model_.token_ids(), model_.actions(), model_.items(), events, scratch_.worth,
                                          &scratch_.token_key, &scratch_.tokens);
    return FoldTokens(space, n_tokens, out);
  }
  SumPerItem(model_.items(), events, scratch_.worth, &scratch_.history);
  if (scratch_.history.empty()) return false;
  space.fold_in->Solve(scratch_.history, out, &scratch_.fold_in);
  return true;
}

bool SubjectResolver::FoldTokens(const Space& space, uint32_t n_tokens, std::span<float> out) {
  if (scratch_.tokens.empty()) return false;
  scratch_.mean.resize(space.embedding.dim);
  const bool few = space.traits != nullptr && n_tokens < kFewTokens;
  if (!MeanTokenVector(space.embedding, space.spec.transform, scratch_.tokens, few, scratch_.mean)) return false;
  if (space.traits != nullptr) {
    space.traits->Profile(scratch_.mean, out, &scratch_.traits);
  } else {
    std::copy(scratch_.mean.begin(), scratch_.mean.end(), out.begin());
  }
  return true;
}

// What the bundle says the user has seen, into scratch_.history.
void SubjectResolver::SeenHistory(uint32_t user) {
  scratch_.history.clear();
  const auto items = model_.Seen(user);
  const auto weights = model_.SeenWeights(user);
  for (size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] != 0) scratch_.history.push_back({items[i], weights[i]});
  }
}

bool SubjectResolver::Trained(const Space& space, uint32_t user, std::span<float> out) {
  if (!space.users.empty()) {
    const auto row = space.users.subspan(user * out.size(), out.size());
    std::copy(row.begin(), row.end(), out.begin());
    return !IsZero(row);
  }
  SeenHistory(user);
  if (scratch_.history.empty()) return false;
  if (!space.has_tokens) {
    space.fold_in->Solve(scratch_.history, out, &scratch_.fold_in);
    return !IsZero(out);
  }
  scratch_.tokens.clear();
  const bool no_action = !model_.actions().empty();
  for (const ItemWeight& entry : scratch_.history) {
    const auto token = no_action ? std::nullopt : model_.token_ids().Find(model_.items().Id(entry.item));
    scratch_.tokens.push_back(
        {token.value_or(TokenWeight::kNone), entry.item, TokenWeight::kNone, no_action, entry.weight});
  }
  return FoldTokens(space, static_cast<uint32_t>(scratch_.history.size()), out);
}

bool SubjectResolver::Sparse(const Space& space, User user, Events events, bool* blended) {
  if (events.has_value()) {
    WeighEvents(space.spec, *events, &scratch_.worth);
    SumPerItem(model_.items(), *events, scratch_.worth, &scratch_.coefficients);
    Transform(space.spec.transform, &scratch_.coefficients);
    NormalizeCoefficients(space.sparse, &scratch_.sparse, &scratch_.coefficients);
    if (scratch_.coefficients.empty()) return false;
  } else {
    scratch_.coefficients.clear();
  }
  if (!user.has_value()) return !scratch_.coefficients.empty();
  SeenHistory(*user);
  Transform(space.spec.transform, &scratch_.history);
  NormalizeCoefficients(space.sparse, &scratch_.sparse, &scratch_.history);
  if (scratch_.history.empty()) return !scratch_.coefficients.empty();
  if (!events.has_value()) {
    scratch_.coefficients = scratch_.history;
    return true;
  }
  *blended = true;
  MergeCoefficients(1 - kTrainedBlend, kTrainedBlend, scratch_.history, &scratch_.merged, &scratch_.coefficients);
  return true;
}

}  // namespace kindred
