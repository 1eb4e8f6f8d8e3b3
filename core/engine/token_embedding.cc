#include "core/engine/token_embedding.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kindred {
namespace {

bool IsZero(std::span<const float> vector) {
  return std::all_of(vector.begin(), vector.end(), [](float x) { return x == 0; });
}

void Add(std::span<const float> vector, double weight, std::span<double> sum) {
  for (size_t i = 0; i < vector.size(); ++i) sum[i] += weight * vector[i];
}

std::span<const float> Vector(std::span<const float> matrix, uint32_t row, uint32_t dim) {
  return matrix.subspan(size_t{row} * dim, dim);
}

}  // namespace

bool AddCategoryVector(const TokenEmbedding& embedding, uint32_t item, double weight, std::span<double> sum) {
  if (item == TokenWeight::kNone || embedding.categories.empty()) return false;
  const auto categories = embedding.item_categories.Row(item);
  const auto known = std::count_if(categories.begin(), categories.end(), [&](uint32_t category) {
    return !IsZero(Vector(embedding.categories, category, embedding.dim));
  });
  if (known == 0) return false;
  for (uint32_t category : categories) {
    // A category without a token is a row of zeros: it adds nothing and does not count.
    Add(Vector(embedding.categories, category, embedding.dim), weight / static_cast<double>(known), sum);
  }
  return true;
}

bool AddTokenVector(const TokenEmbedding& embedding, const TokenWeight& entry, double weight, std::span<double> sum) {
  const uint32_t dim = embedding.dim;
  if (entry.token != TokenWeight::kNone) {
    Add(Vector(embedding.tokens, entry.token, dim), weight, sum);
    return true;
  }
  if (entry.item != TokenWeight::kNone && entry.no_action) {
    const auto tokens = embedding.item_tokens.Row(entry.item);
    for (uint32_t token : tokens) {
      Add(Vector(embedding.tokens, token, dim), weight / static_cast<double>(tokens.size()), sum);
    }
    if (!tokens.empty()) return true;
  }
  if (AddCategoryVector(embedding, entry.item, weight, sum)) return true;
  if (entry.action == TokenWeight::kNone || embedding.actions.empty()) return false;
  const auto vector = Vector(embedding.actions, entry.action, dim);
  Add(vector, weight, sum);
  return !IsZero(vector);
}

bool MeanTokenVector(const TokenEmbedding& embedding, ValueTransform transform, std::span<const TokenWeight> history,
                     bool only_categories, std::span<double> mean) {
  std::fill(mean.begin(), mean.end(), 0.0);
  double total = 0;
  for (const TokenWeight& entry : history) {
    const double value = TransformValue(transform, entry.weight);
    const bool added = only_categories ? AddCategoryVector(embedding, entry.item, value, mean)
                                       : AddTokenVector(embedding, entry, value, mean);
    if (added) total += value;
  }
  for (double& value : mean) value /= total;
  constexpr double kLargest = std::numeric_limits<float>::max();
  return std::all_of(mean.begin(), mean.end(), [](double value) { return std::abs(value) <= kLargest; });
}

}  // namespace kindred
