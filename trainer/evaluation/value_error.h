// How far predicted values are from the true ones, and the baselines that any model must beat. Plain values.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace kindred {

// RMSE, MAE and accuracy: the share of predictions that, rounded to the nearest whole number (halves away from zero),
// equal the true value rounded the same way. Not thread-safe.
class ValueError {
 public:
  void Add(double predicted, double actual);
  uint64_t count() const { return count_; }
  double rmse() const;
  double mae() const;
  double accuracy() const;

 private:
  uint64_t count_ = 0, equal_ = 0;
  double squares_ = 0, absolutes_ = 0;
};

// One known value.
struct UserItemValue {
  uint32_t user = 0;
  uint32_t item = 0;
  double value = 0;
};

// Global mean, mean of the user, mean of the item, as predictors; a user or item without a value gets the global mean.
// Immutable and thread-safe.
class MeanBaselines {
 public:
  // Means over `known`, one value a pair. REQUIRES: users < n_users, items < n_items.
  MeanBaselines(std::span<const UserItemValue> known, uint32_t n_users, uint32_t n_items);
  double global() const { return global_; }
  double OfUser(uint32_t user) const { return users_[user]; }
  double OfItem(uint32_t item) const { return items_[item]; }

 private:
  double global_ = 0;
  std::vector<double> users_, items_;
};

}  // namespace kindred
