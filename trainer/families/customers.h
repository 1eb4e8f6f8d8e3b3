// The customers of a training log as an embedding's averages of what they touched.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/engine/token_embedding.h"
#include "trainer/data/user_rows.h"
#include "trainer/families/family.h"
#include "trainer/families/token_vectors.h"

namespace kindred {

// As the engine sees their events (core/engine/event_history.h), by number in place of by name. Immutable and
// thread-safe.
class Customers {
 public:
  // All must outlive this.
  Customers(const TrainingData& data, const TokenSequences& sequences, const TokenEmbedding& embedding,
            ValueTransform transform);

  size_t size() const { return log_.user_ids.size(); }

  // e: [d_e] and how many events it is made of; false when nothing of the customer has a vector.
  bool Mean(uint32_t user, double half_life_days, bool only_categories, std::vector<TokenWeight>* history,
            std::span<double> e, uint32_t* counted) const;

 private:
  void Sum(uint32_t user, double half_life_days, std::vector<TokenWeight>* history, uint32_t* counted) const;
  uint32_t Token(uint32_t item, uint32_t action) const;

  const EventLog& log_;
  const EventWeights& weights_;
  const TokenSequences& sequences_;
  const TokenEmbedding& embedding_;
  const UserRows rows_;
  ValueTransform transform_;
  std::vector<double> action_weights_;
};

}  // namespace kindred
