// What every model family takes and gives: events in, one space of a bundle out. Plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"
#include "trainer/data/event_log.h"
#include "trainer/data/interactions.h"
#include "trainer/data/item_table.h"

namespace kindred {

// What an event is worth to a space.
struct EventWeights {
  std::map<std::string, double, std::less<>> actions;  // action → weight; others 1, 0 leaves the event out
  double half_life_days = 0;  // 2^(−age/half_life), age to the user's newest event; 0: all the same
};

// Views of one training set; what they point at outlives the training. All are of the same catalogue: item i and user u
// mean the same in each.
struct TrainingData {
  const EventLog* events = nullptr;            // the events in input order; not weighted
  const Interactions* interactions = nullptr;  // the events of each user and item as one value, weighted
  const ItemTable* items = nullptr;            // members are empty where nothing is known
  EventWeights weights;                        // as they were aggregated: what an event is worth
  uint64_t seed = 42;
  int threads = 1;
};

// One space of a bundle, before it is packed.
struct TrainedSpace {
  SpaceSpec spec;                  // actions, half_life_days and prior_weight are filled in by Train
  std::vector<float> items;        // space.<s>.items: [n_items × d]; empty in a sparse space
  std::vector<float> users;        // space.<s>.users: [n_users × d]; empty when users are folded in from what they saw
  std::vector<OwnedTensor> parts;  // other tensors, by their full names
  std::vector<float> prior;        // items.prior that the family asks for: [n_items], or empty
  std::vector<float> popularity;   // items.popularity that the family asks for: [n_items], or empty
  std::vector<std::string> notes;  // what a person should know: "50 factors reduced to 12: …"
  std::string figures_json = "{}";  // object of what came out: iterations, errors, …
};

}  // namespace kindred
