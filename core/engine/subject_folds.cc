// The half of subject_resolver.h that makes vectors of events and of what users have seen.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/base/read_once.h"
#include "core/engine/subject_resolver.h"

namespace kindred {
namespace {

bool IsZero(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

bool SameStep(const EventView& a, const EventView& b) { return a.blend_step == b.blend_step; }

}  // namespace

void SeenHistory(const Model& model, uint32_t user, bool count_each, std::vector<ItemWeight>* history) {
  history->clear();
  const auto [items, weights] = model.SeenEntries(user);
  if (weights.empty() && !count_each) return;
  for (size_t i = 0; i < items.size(); ++i) {
    const uint32_t item = ReadOnce(items[i]);
    const double weight = weights.empty() ? 1.0 : ReadOnce(weights[i]);
    // Of a file that was overwritten anything may come.
    if (item < model.n_items() && std::isfinite(weight) && weight != 0) history->push_back({item, weight});
  }
}

// The events by ascending step, in their order within one. Profiles store them so.
std::span<const EventView> SubjectResolver::InSteps(std::span<const EventView> events) {
  const auto before = [](const EventView& a, const EventView& b) { return a.blend_step < b.blend_step; };
  if (std::is_sorted(events.begin(), events.end(), before)) return events;
  std::vector<EventView>& sorted = scratch_.steps;
  sorted.clear();
  for (const EventView& event : events) {
    // Insertion: histories are short, and std::stable_sort allocates.
    sorted.push_back(event);
    for (size_t at = sorted.size() - 1; at > 0 && before(event, sorted[at - 1]); --at) {
      std::swap(sorted[at], sorted[at - 1]);
    }
  }
  return sorted;
}

// Calls fold(events of a step, span: [d]) for each step, and blends what they say (requirement E4) into `out`. A step
// that says nothing leaves what was there; with one step `out` is what it says.
template <typename FoldEvents>
bool SubjectResolver::BySteps(std::span<const EventView> events, std::span<float> out, const FoldEvents& fold) {
  if (events.empty() || std::all_of(events.begin(), events.end(),
                                    [&](const EventView& event) { return SameStep(event, events.front()); })) {
    return fold(events, out);
  }
  const std::span<const EventView> ordered = InSteps(events);
  scratch_.step.resize(out.size());
  bool said = false;
  for (size_t begin = 0, end = 0; begin < ordered.size(); begin = end) {
    while (end < ordered.size() && SameStep(ordered[begin], ordered[end])) ++end;
    if (!fold(ordered.subspan(begin, end - begin), std::span(scratch_.step)) || IsZero(scratch_.step)) continue;
    for (size_t j = 0; j < out.size(); ++j) {
      out[j] = said ? kEarlierBlend * out[j] + (1 - kEarlierBlend) * scratch_.step[j] : scratch_.step[j];
    }
    said = true;
  }
  return said;
}

void SubjectResolver::Weigh(const Space& space, std::span<const EventView> events) {
  WeighEvents(space.spec, events, &scratch_.worth);
  if (left_out_ == kNoItem || fold_seen_) return;
  const std::string_view id = model_.items().Id(left_out_);
  for (size_t i = 0; i < events.size(); ++i) {
    if (events[i].item_id == id) scratch_.worth[i] = 0;
  }
}

// *by_category: every step that says something says it by the categories of the items.
bool SubjectResolver::Fold(const Space& space, std::span<const EventView> events, std::span<float> out,
                           bool* by_category) {
  *by_category = true;
  return BySteps(events, out, [&](std::span<const EventView> step, std::span<float> into) {
    bool step_by_category = false;
    const bool said = FoldStep(space, step, into, &step_by_category);
    *by_category = *by_category && (!said || step_by_category);
    return said;
  });
}

bool SubjectResolver::FoldStep(const Space& space, std::span<const EventView> events, std::span<float> out,
                               bool* by_category) {
  Weigh(space, events);
  if (space.has_tokens) {
    const uint32_t n_tokens = SumPerToken(model_.token_ids(), model_.actions(), model_.items(), events, scratch_.worth,
                                          &scratch_.token_key, &scratch_.tokens);
    return FoldTokens(space, n_tokens, out, by_category);
  }
  SumPerItem(model_.items(), events, scratch_.worth, &scratch_.history);
  if (scratch_.history.empty()) return false;
  space.fold_in->Solve(scratch_.history, out, &scratch_.fold_in);
  return true;
}

bool SubjectResolver::FoldTokens(const Space& space, uint32_t n_tokens, std::span<float> out, bool* by_category) {
  if (scratch_.tokens.empty()) return false;
  scratch_.mean.resize(space.embedding.dim);
  const bool few = space.traits != nullptr && n_tokens < kFewTokens;
  *by_category = few;
  if (!MeanTokenVector(space.embedding, space.spec.transform, scratch_.tokens, few, scratch_.mean)) return false;
  if (space.traits != nullptr) {
    space.traits->Profile(scratch_.mean, out, &scratch_.traits);
  } else {
    std::copy(scratch_.mean.begin(), scratch_.mean.end(), out.begin());
  }
  return true;
}

// Σ w·m / Σ w over the categories of the events' items: m a category's mean item vector, w what the events of its items
// are worth. A category that none of the items with a vector has says nothing and does not count.
bool SubjectResolver::FoldCategories(const Space& space, std::span<const EventView> events, std::span<float> out) {
  if (space.category_means.empty()) return false;
  const size_t dim = space.spec.dim;
  return BySteps(events, out, [&](std::span<const EventView> step, std::span<float> into) {
    Weigh(space, step);
    SumPerItem(model_.items(), step, scratch_.worth, &scratch_.history);
    std::vector<double>& mean = scratch_.mean;
    mean.assign(dim, 0.0);
    double total = 0;
    for (const ItemWeight& entry : scratch_.history) {
      for (uint32_t category : model_.ItemCategories(entry.item)) {
        const auto of_category = std::span(space.category_means).subspan(category * dim, dim);
        if (IsZero(of_category)) continue;
        for (size_t j = 0; j < dim; ++j) mean[j] += entry.weight * of_category[j];
        total += entry.weight;
      }
    }
    for (double& value : mean) value /= total;
    constexpr double kLargest = std::numeric_limits<float>::max();
    // Weights come from outside: where they overflow, nothing is said. Not finite either where nothing was added.
    if (!std::all_of(mean.begin(), mean.end(), [](double value) { return std::abs(value) <= kLargest; })) return false;
    std::copy(mean.begin(), mean.end(), into.begin());
    return !IsZero(into);
  });
}

// Into scratch_.coefficients, empty where the events say nothing.
void SubjectResolver::FoldCoefficients(const Space& space, RowsBy rows, std::span<const EventView> events) {
  scratch_.coefficients.clear();
  const std::span<const EventView> ordered = InSteps(events);
  for (size_t begin = 0, end = 0; begin < ordered.size(); begin = end) {
    while (end < ordered.size() && SameStep(ordered[begin], ordered[end])) ++end;
    CoefficientsOfStep(space, rows, ordered.subspan(begin, end - begin), &scratch_.history);
    if (scratch_.coefficients.empty()) {
      scratch_.coefficients.assign(scratch_.history.begin(), scratch_.history.end());
    } else if (!scratch_.history.empty()) {
      MergeCoefficients(kEarlierBlend, 1 - kEarlierBlend, scratch_.history, &scratch_.merged, &scratch_.coefficients);
    }
  }
}

void SubjectResolver::CoefficientsOfStep(const Space& space, RowsBy rows, std::span<const EventView> events,
                                         std::vector<ItemWeight>* out) {
  Weigh(space, events);
  SumPerItem(model_.items(), events, scratch_.worth, out);
  // Categories are met as often as the events of their items are worth, as in FoldCategories.
  if (rows == RowsBy::kItem) {
    for (ItemWeight& entry : *out) entry.weight = TransformValue(space.spec.transform, entry.weight);
  }
  NormalizeCoefficients(space.sparse, rows, &scratch_.sparse, out);
}

// What the user has seen, into scratch_.history.
void SubjectResolver::Seen(uint32_t user) {
  std::vector<ItemWeight>& history = scratch_.history;
  SeenHistory(model_, user, /*count_each=*/fold_seen_, &history);
  if (!fold_seen_) return;
  if (history.size() > kMaxExplainedSeen) {
    std::nth_element(history.begin(), history.begin() + kMaxExplainedSeen, history.end(),
                     [](const ItemWeight& a, const ItemWeight& b) {
                       return a.weight != b.weight ? a.weight > b.weight : a.item < b.item;
                     });
    history.resize(kMaxExplainedSeen);
    std::sort(history.begin(), history.end(), [](const ItemWeight& a, const ItemWeight& b) { return a.item < b.item; });
  }
  std::erase_if(history, [&](const ItemWeight& entry) { return entry.item == left_out_; });
}

bool SubjectResolver::Trained(const Space& space, uint32_t user, std::span<float> out, bool* by_category) {
  *by_category = false;
  if (!space.users.empty() && !fold_seen_) {
    const auto row = space.users.subspan(user * out.size(), out.size());
    std::copy(row.begin(), row.end(), out.begin());
    return !IsZero(row);
  }
  Seen(user);
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
  return FoldTokens(space, static_cast<uint32_t>(scratch_.history.size()), out, by_category);
}

}  // namespace kindred
