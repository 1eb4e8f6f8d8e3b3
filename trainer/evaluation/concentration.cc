#include "trainer/evaluation/concentration.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace kindred {

double Gini(std::span<const uint64_t> counts) {
  std::vector<uint64_t> sorted(counts.begin(), counts.end());
  std::sort(sorted.begin(), sorted.end());
  const auto n = static_cast<double>(sorted.size());
  double weighted = 0, total = 0;
  for (size_t i = 0; i < sorted.size(); ++i) {
    weighted += (2.0 * static_cast<double>(i + 1) - n - 1) * static_cast<double>(sorted[i]);
    total += static_cast<double>(sorted[i]);
  }
  return total == 0 ? 0 : weighted / (n * total);
}

Concentration Concentrate(std::span<const uint64_t> recommended, std::span<const uint64_t> popularity,
                          uint64_t n_users) {
  Concentration out;
  const size_t n = recommended.size();
  const uint64_t total = std::accumulate(recommended.begin(), recommended.end(), uint64_t{0});
  if (total == 0) return out;
  const auto shown = std::count_if(recommended.begin(), recommended.end(), [](uint64_t count) { return count > 0; });
  out.coverage = static_cast<double>(shown) / static_cast<double>(n);
  out.gini = Gini(recommended);

  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) {
    return popularity[a] != popularity[b] ? popularity[a] > popularity[b] : a < b;
  });
  uint64_t top = 0;
  for (size_t i = 0; i < (n + 9) / 10; ++i) top += recommended[order[i]];
  out.top_share = static_cast<double>(top) / static_cast<double>(total);

  double users = 0;
  for (size_t i = 0; i < n; ++i) users += static_cast<double>(recommended[i]) * static_cast<double>(popularity[i]);
  if (n_users > 0) out.mean_popularity = users / static_cast<double>(total) / static_cast<double>(n_users);
  return out;
}

}  // namespace kindred
