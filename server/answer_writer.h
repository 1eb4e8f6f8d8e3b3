// Writes engine results into API messages: ids, names, categories, terms. Formatting only. Pure functions but for the
// messages they fill.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/model.h"
#include "core/engine/recommender.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/profile_store.h"
#include "server/trait_labels.h"

namespace kindred {

v1::AnswerSource ToProto(AnswerSource source);
v1::Durability ToProto(StoreDurability durability);

// model, version, digest and space of an answer.
template <typename Response>
void WriteModel(const Model& model, const Space& space, Response* response) {
  response->set_model(model.name());
  response->set_version(model.version());
  response->set_digest(model.digest());
  response->set_space(space.name);
}

// The ranked items, with names and categories when `full`, and terms when the result has them.
void WriteItems(const Model& model, const RecommendResult& result, bool full, TraitLabels* labels,
                google::protobuf::RepeatedPtrField<v1::RecommendedItem>* out);

// The non-zero dimensions of `vector`, strongest first, each with its label and strongest items.
void WriteTraits(const Model& model, const Space& space, std::span<const float> vector, bool full,
                 google::protobuf::RepeatedPtrField<v1::TraitWeight>* out);

// Id, and name and categories when `full`.
void WriteItem(const Model& model, uint32_t item, bool full, v1::ProfileItem* out);

// The stored events, ascending in time, each with whether the model has its item.
void WriteEvents(const Model& model, const Profile& profile, bool full,
                 google::protobuf::RepeatedPtrField<v1::ProfileEvent>* out);

void WriteTime(int64_t time_ms, google::protobuf::Timestamp* out);

}  // namespace kindred
