#include "server/answer_writer.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

using Terms = google::protobuf::RepeatedPtrField<v1::TraitTerm>;

template <typename Item>
void WriteNameAndCategories(const Model& model, uint32_t item, Item* out) {
  const std::string_view name = model.ItemName(item);
  out->set_name(name.data(), name.size());
  for (uint32_t category : model.ItemCategories(item)) {
    const std::string_view id = model.categories().Id(category);
    out->add_categories(id.data(), id.size());
  }
}

// How strong a term is. Of a file that was overwritten any number may come: what is none is the weakest, as it cannot
// be ordered.
float Strength(float value) { return std::isnan(value) ? 0 : std::abs(value); }

// Terms of 0 are left out; the others go strongest first.
void WriteTerms(std::span<const float> values, size_t part, TraitLabels* labels, Terms* out) {
  thread_local std::vector<uint32_t> order;
  order.clear();
  for (uint32_t trait = 0; trait < values.size(); ++trait) {
    if (values[trait] != 0) order.push_back(trait);
  }
  std::stable_sort(order.begin(), order.end(),
                   [values](uint32_t a, uint32_t b) { return Strength(values[a]) > Strength(values[b]); });
  for (uint32_t trait : order) {
    auto* term = out->Add();
    term->set_trait(trait);
    term->set_value(values[trait]);
    term->set_label(labels->Label(part, trait));
  }
}

// What each item of the history adds, strongest first, named as the item is.
void WriteHistoryTerms(const Model& model, std::span<const ScoreTerm> terms, Terms* out) {
  thread_local std::vector<ScoreTerm> order;
  order.assign(terms.begin(), terms.end());
  std::sort(order.begin(), order.end(), [](const ScoreTerm& a, const ScoreTerm& b) {
    const float of_a = Strength(a.value), of_b = Strength(b.value);
    return of_a != of_b ? of_a > of_b : a.trait < b.trait;
  });
  for (const ScoreTerm& value : order) {
    auto* term = out->Add();
    term->set_trait(value.trait);
    term->set_value(value.value);
    const std::string_view name = model.ItemName(value.trait);
    term->set_label(name.data(), name.size());
  }
}

// The terms of the i-th item in a part; *dimensions of the result's terms, which lie one part after another and one
// item after another, are written.
void WritePart(const Model& model, const RecommendResult& result, size_t i, size_t part, size_t* dimensions,
               TraitLabels* labels, Terms* out) {
  const Space& space = *result.parts[part];
  if (!IsSparse(space.spec.fold_in)) {
    if (result.terms.empty()) return;
    WriteTerms(std::span(result.terms).subspan(*dimensions, space.spec.dim), part, labels, out);
    *dimensions += space.spec.dim;
  } else if (!result.history_begin.empty()) {
    const uint32_t* begin = &result.history_begin[i * result.parts.size() + part];
    WriteHistoryTerms(model, std::span(result.history_terms).subspan(begin[0], begin[1] - begin[0]), out);
  }
}

// A term for each space of a blend, made of the space's own.
void WriteBlend(const Model& model, const RecommendResult& result, size_t i, size_t* dimensions, TraitLabels* labels,
                Terms* out) {
  for (size_t part = 0; part < result.parts.size(); ++part) {
    auto* term = out->Add();
    term->set_trait(static_cast<uint32_t>(part));
    term->set_value(result.blend_terms[i * result.parts.size() + part]);
    term->set_label(result.parts[part]->name);
    WritePart(model, result, i, part, dimensions, labels, term->mutable_terms());
  }
}

// What the items of the history count for the score of the i-th item.
void WriteHistory(const Model& model, const ContributionResult& result, size_t i, v1::RecommendedItem* out) {
  for (uint32_t c = result.begin[i]; c < result.begin[i + 1]; ++c) {
    const Contribution& contribution = result.contributions[c];
    auto* item = out->add_history();
    const std::string_view id = model.items().Id(contribution.item);
    item->set_item_id(id.data(), id.size());
    const std::string_view name = model.ItemName(contribution.item);
    item->set_name(name.data(), name.size());
    item->set_contribution(contribution.value);
  }
}

}  // namespace

v1::AnswerSource ToProto(AnswerSource source) {
  switch (source) {
    case AnswerSource::kLiveProfile:
      return v1::ANSWER_SOURCE_LIVE_PROFILE;
    case AnswerSource::kBlendedProfile:
      return v1::ANSWER_SOURCE_BLENDED_PROFILE;
    case AnswerSource::kTrainedVector:
      return v1::ANSWER_SOURCE_TRAINED_VECTOR;
    case AnswerSource::kInlineEvents:
      return v1::ANSWER_SOURCE_INLINE_EVENTS;
    case AnswerSource::kCategory:
      return v1::ANSWER_SOURCE_CATEGORY;
    case AnswerSource::kPrecomputed:
      return v1::ANSWER_SOURCE_PRECOMPUTED;
    case AnswerSource::kAverage:
      return v1::ANSWER_SOURCE_AVERAGE;
    case AnswerSource::kPopularity:
      return v1::ANSWER_SOURCE_POPULARITY;
  }
  return v1::ANSWER_SOURCE_UNSPECIFIED;
}

v1::Durability ToProto(StoreDurability durability) {
  switch (durability) {
    case StoreDurability::kMemory:
      return v1::DURABILITY_MEMORY;
    case StoreDurability::kJournal:
      return v1::DURABILITY_JOURNAL;
    case StoreDurability::kRedis:
      return v1::DURABILITY_REDIS;
  }
  return v1::DURABILITY_UNSPECIFIED;
}

void WriteItems(const Model& model, const RecommendResult& result, bool full, TraitLabels* labels,
                google::protobuf::RepeatedPtrField<v1::RecommendedItem>* out) {
  if (!result.terms.empty()) labels->Reset(model, result.parts);
  size_t dimensions = 0;
  out->Reserve(static_cast<int>(result.items.size()));
  for (size_t i = 0; i < result.items.size(); ++i) {
    const ScoredItem& scored = result.items[i];
    auto* item = out->Add();
    const std::string_view id = model.items().Id(scored.item);
    item->set_item_id(id.data(), id.size());
    item->set_score(scored.score);
    if (full) WriteNameAndCategories(model, scored.item, item);
    if (!result.prior_terms.empty()) item->set_prior(result.prior_terms[i]);
    if (!result.boost_terms.empty()) item->set_boost(result.boost_terms[i]);
    if (!result.blend_terms.empty()) {
      WriteBlend(model, result, i, &dimensions, labels, item->mutable_terms());
    } else if (!result.parts.empty()) {
      WritePart(model, result, i, 0, &dimensions, labels, item->mutable_terms());
    }
    if (!result.contributions.begin.empty()) WriteHistory(model, result.contributions, i, item);
  }
}

void WriteItem(const Model& model, uint32_t item, bool full, v1::ProfileItem* out) {
  const std::string_view id = model.items().Id(item);
  out->set_item_id(id.data(), id.size());
  if (full) WriteNameAndCategories(model, item, out);
}

void WriteTraits(const Model& model, const Space& space, std::span<const float> vector, bool full,
                 google::protobuf::RepeatedPtrField<v1::TraitWeight>* out) {
  std::vector<uint32_t> order;
  for (uint32_t trait = 0; trait < vector.size(); ++trait) {
    if (vector[trait] != 0) order.push_back(trait);
  }
  std::stable_sort(order.begin(), order.end(),
                   [vector](uint32_t a, uint32_t b) { return Strength(vector[a]) > Strength(vector[b]); });
  for (uint32_t trait : order) {
    auto* weight = out->Add();
    weight->set_trait(trait);
    weight->set_weight(vector[trait]);
    weight->set_label(TraitLabel(model, space, trait));
    if (space.trait_items.empty()) continue;
    // A catalogue with fewer items than the list is long repeats the last.
    uint32_t last = model.n_items();
    for (uint32_t item : space.trait_items.subspan(trait * names::kTraitItemCount, names::kTraitItemCount)) {
      if (item == last || item >= model.n_items()) break;
      WriteItem(model, item, full, weight->add_strongest_items());
      last = item;
    }
  }
}

void WriteEvents(const Model& model, const Profile& profile, bool full,
                 google::protobuf::RepeatedPtrField<v1::ProfileEvent>* out) {
  thread_local std::vector<const Event*> order;
  order.clear();
  for (const Event& stored : profile.events) order.push_back(&stored);
  // They are kept by blend step.
  std::stable_sort(order.begin(), order.end(), [](const Event* a, const Event* b) { return a->time_ms < b->time_ms; });
  for (const Event* stored : order) {
    auto* event = out->Add();
    event->mutable_event()->set_item_id(stored->item_id);
    event->mutable_event()->set_action(stored->action);
    event->mutable_event()->set_weight(stored->weight);
    WriteTime(stored->time_ms, event->mutable_event()->mutable_time());
    const auto item = model.items().Find(stored->item_id);
    event->set_known(item.has_value());
    if (full && item.has_value()) WriteNameAndCategories(model, *item, event);
  }
}

void WriteTime(int64_t time_ms, google::protobuf::Timestamp* out) {
  // Times before 1970 round down, so that nanos stay positive.
  int64_t seconds = time_ms / 1000;
  int64_t millis = time_ms % 1000;
  if (millis < 0) {
    millis += 1000;
    --seconds;
  }
  out->set_seconds(seconds);
  out->set_nanos(static_cast<int32_t>(millis * 1'000'000));
}

}  // namespace kindred
