#include "trainer/evaluation/value_error.h"

#include <cmath>

namespace kindred {

void ValueError::Add(double predicted, double actual) {
  const double error = predicted - actual;
  ++count_;
  squares_ += error * error;
  absolutes_ += std::abs(error);
  equal_ += std::round(predicted) == std::round(actual) ? 1 : 0;
}

double ValueError::rmse() const { return count_ == 0 ? 0 : std::sqrt(squares_ / static_cast<double>(count_)); }
double ValueError::mae() const { return count_ == 0 ? 0 : absolutes_ / static_cast<double>(count_); }
double ValueError::accuracy() const {
  return count_ == 0 ? 0 : static_cast<double>(equal_) / static_cast<double>(count_);
}

MeanBaselines::MeanBaselines(std::span<const UserItemValue> known, uint32_t n_users, uint32_t n_items)
    : users_(n_users, 0.0), items_(n_items, 0.0) {
  std::vector<uint64_t> user_counts(n_users), item_counts(n_items);
  for (const UserItemValue& each : known) {
    global_ += each.value;
    users_[each.user] += each.value;
    items_[each.item] += each.value;
    ++user_counts[each.user];
    ++item_counts[each.item];
  }
  if (!known.empty()) global_ /= static_cast<double>(known.size());
  for (uint32_t u = 0; u < n_users; ++u) {
    users_[u] = user_counts[u] == 0 ? global_ : users_[u] / static_cast<double>(user_counts[u]);
  }
  for (uint32_t i = 0; i < n_items; ++i) {
    items_[i] = item_counts[i] == 0 ? global_ : items_[i] / static_cast<double>(item_counts[i]);
  }
}

}  // namespace kindred
