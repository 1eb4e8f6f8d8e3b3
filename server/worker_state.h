// What one worker needs to answer: all of it keeps its capacity from call to call. Calls use it in turns, each step of
// a long one a turn of its own; what must outlast a turn is in CallProgress. For one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/engine/recommender.h"
#include "core/lifecycle/availability.h"
#include "core/lifecycle/model_registry.h"
#include "server/profile_codec.h"
#include "server/recommend_reader.h"
#include "server/subject_reader.h"
#include "server/trait_labels.h"

namespace kindred {

struct WorkerState {
  // Both must outlive this.
  WorkerState(const ModelRegistry* registry, AvailabilityRegistry* availabilities, uint32_t number)
      : worker(number), models(*registry), availability(availabilities) {}

  // To be called by whoever uses the rest from now on.
  WorkerState* BeginTurn() {
    ++turn_;
    return this;
  }
  // Who sees the number after their own knows that nobody else was here meanwhile.
  uint64_t turn() const { return turn_; }

  // Lets go of generations that are no longer published. Between turns: a call that pinned one keeps it.
  void LetGo() {
    generation = nullptr;
    models.Refresh();
  }

  const uint32_t worker;  // its number
  ModelReader models;
  // That a step of a call found, if any; good until the next search. Steps that share one keep it in CallProgress.
  const Model* generation = nullptr;
  AvailabilityReader availability;
  std::span<const uint64_t> available;  // of the model that the request names: bitmap of items, or empty for all
  uint64_t available_checksum = 0;      // of the same
  EngineScratch engine;
  RecommendResult result;
  SubjectReader subject;
  RecommendReader request;
  // Of a batch, whose subjects are answered side by side.
  SubjectReader subjects[kBatchGroup];
  RecommendResult results[kBatchGroup];
  std::vector<std::string_view> candidates;
  std::vector<BlendOption> blend;
  std::vector<std::pair<uint32_t, uint32_t>> score_places;
  TraitLabels labels;
  std::string token_key;
  ProfileCodecScratch codec;

 private:
  uint64_t turn_ = 1;
};

}  // namespace kindred
