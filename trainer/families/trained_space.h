// What every model family gives and takes: events in, one space of a bundle out. Plain values.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/bundle/space_spec.h"
#include "core/bundle/tensor.h"
#include "trainer/data/event_log.h"
#include "trainer/data/interactions.h"
#include "trainer/data/item_table.h"

namespace kindred {

// Views of one training set; what they point at outlives the training.
struct TrainingData {
  const EventLog* events = nullptr;                 // rows in input order
  const Interactions* interactions = nullptr;       // the same events, aggregated; its ids are the events' ids
  const ItemTable* items = nullptr;                 // of the same catalogue; empty members where nothing is known
  const std::vector<std::string>* texts = nullptr;  // [n_items], free text of each item, or empty
};

// One space of a bundle, before it is packed.
struct TrainedSpace {
  SpaceSpec spec;
  std::vector<float> items;        // space.<s>.items: [n_items × d]; empty in a sparse space
  std::vector<float> users;        // space.<s>.users: [n_users × d]; empty when users are folded in from what they saw
  std::vector<OwnedTensor> parts;  // other tensors of the space, named "space.<s>.…" with the name given to the trainer
  std::vector<float> prior;        // items.prior that this family asks for, or empty
  std::vector<std::string> notes;    // what a person should know: "50 factors reduced to 12: …"
  std::string training_json = "{}";  // object: hyper-parameters and figures, for `kindred.training`
};

}  // namespace kindred
