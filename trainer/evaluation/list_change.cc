#include "trainer/evaluation/list_change.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "trainer/evaluation/rank_correlation.h"

namespace kindred {

std::optional<ListChange> CompareLists(std::span<const std::string_view> before,
                                       std::span<const std::string_view> after) {
  if (before.empty()) return std::nullopt;
  const double absent = static_cast<double>(std::max(before.size(), after.size())) + 1;
  std::unordered_map<std::string_view, double> after_rank(after.size());
  for (size_t r = 0; r < after.size(); ++r) after_rank.emplace(after[r], static_cast<double>(r) + 1);
  ListChange out{0, 0, 1};
  std::vector<double> x, y;
  x.reserve(before.size() + after.size());
  y.reserve(before.size() + after.size());
  for (size_t r = 0; r < before.size(); ++r) {
    const auto found = after_rank.find(before[r]);
    x.push_back(static_cast<double>(r) + 1);
    y.push_back(found == after_rank.end() ? absent : found->second);
    if (found != after_rank.end()) {
      out.overlap += 1;
      after_rank.erase(found);
    }
    out.rank_change += std::abs(x.back() - y.back());
  }
  for (const auto& [id, rank] : after_rank) {
    x.push_back(absent);
    y.push_back(rank);
  }
  out.overlap /= static_cast<double>(before.size());
  out.rank_change /= static_cast<double>(before.size());
  if (std::equal(before.begin(), before.end(), after.begin(), after.end())) return out;
  out.spearman = SpearmanCorrelation(x, y).rho.value_or(0);
  return out;
}

void ListChangeMean::Add(const ListChange& change) {
  ++lists_;
  sum_.overlap += change.overlap;
  sum_.rank_change += change.rank_change;
  sum_.spearman += change.spearman;
}

ListChange ListChangeMean::mean() const {
  if (lists_ == 0) return {};
  const double n = static_cast<double>(lists_);
  return {sum_.overlap / n, sum_.rank_change / n, sum_.spearman / n};
}

}  // namespace kindred
