// Token vectors, the ground of the families item2vec and traits: hyper-parameters of sessions and of item2vec, and
// means of token vectors over items, categories and actions. Functions are pure and thread-safe.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "trainer/base/parameters.h"
#include "trainer/base/progress.h"
#include "trainer/data/item_table.h"
#include "trainer/data/sessions.h"
#include "trainer/families/item2vec.h"
#include "trainer/families/trained_space.h"

namespace kindred {

// How events are cut into sequences; kAuto takes the session column where there is one, else pauses where there are
// times, else one sequence a user.
enum class SequenceSplit : uint8_t { kAuto, kGap, kColumn, kUser };

struct TokenVectorOptions {
  SequenceSplit split = SequenceSplit::kAuto;
  SessionOptions sessions;
  Item2vecOptions item2vec;

  // The hyper-parameters, by the names of both families.
  void Describe(ParameterList* parameters);
};

struct TokenVectors {
  TokenSequences sequences;
  Item2vecResult vectors;
};

// Sequences of the events, and vectors of their tokens, with the seed and threads of `data`. Errors of MakeSequences
// and Item2vec.
absl::StatusOr<TokenVectors> TrainTokenVectors(const TrainingData& data, const TokenVectorOptions& options,
                                               Progress* progress);

// Each item's mean of its tokens' vectors, weighted by how often they occur; zeros for an item without a token.
// vectors: [n_tokens × d] → [n_items × d].
std::vector<float> ItemMeans(const TokenSequences& sequences, const std::vector<float>& vectors, size_t n_items);

// Each category's mean of the vectors of the tokens whose item has it, each token once; zeros for one without any.
// → [n_categories × d].
std::vector<float> CategoryMeans(const TokenSequences& sequences, const std::vector<float>& vectors,
                                 const ItemTable& items);

// Each action's mean of its tokens' vectors, each token once. → [n_actions × d].
std::vector<float> ActionMeans(const TokenSequences& sequences, const std::vector<float>& vectors, size_t n_actions);

}  // namespace kindred
