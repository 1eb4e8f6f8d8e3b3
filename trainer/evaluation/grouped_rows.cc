#include "trainer/evaluation/grouped_rows.h"

#include <algorithm>
#include <numeric>

namespace kindred {

GroupedRows GroupByUser(const EventLog& log) {
  GroupedRows out;
  std::vector<uint64_t> counts(log.user_ids.size());
  for (const uint32_t user : log.user) ++counts[user];
  for (uint32_t user = 0; user < counts.size(); ++user) {
    if (counts[user] > 0) out.users.push_back(user);
  }
  std::sort(out.users.begin(), out.users.end(),
            [&](uint32_t a, uint32_t b) { return log.user_ids[a] < log.user_ids[b]; });
  out.offsets.assign(1, 0);
  std::vector<uint64_t> next(counts.size());
  for (const uint32_t user : out.users) {
    next[user] = out.offsets.back();
    out.offsets.push_back(out.offsets.back() + counts[user]);
  }
  out.rows.resize(log.size());
  for (size_t row = 0; row < log.size(); ++row) out.rows[next[log.user[row]]++] = static_cast<uint32_t>(row);
  if (log.time_ms.empty()) return out;
  for (size_t i = 0; i < out.size(); ++i) {
    const auto begin = out.rows.begin() + static_cast<int64_t>(out.offsets[i]);
    std::stable_sort(begin, out.rows.begin() + static_cast<int64_t>(out.offsets[i + 1]),
                     [&](uint32_t a, uint32_t b) { return log.time_ms[a] < log.time_ms[b]; });
  }
  return out;
}

std::vector<uint32_t> SampleUsers(uint32_t n, uint32_t count, uint64_t seed) {
  std::vector<uint32_t> users(n);
  std::iota(users.begin(), users.end(), 0);
  if (count == 0 || count >= n) return users;
  SplitMix random(seed);
  for (uint32_t i = 0; i < count; ++i) std::swap(users[i], users[i + random.Below(n - i)]);
  users.resize(count);
  std::sort(users.begin(), users.end());
  return users;
}

uint64_t SplitMix::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

uint64_t SplitMix::Below(uint64_t bound) {
  // The first 2^64 mod bound values would make the small results likelier.
  const uint64_t reject = -bound % bound;
  uint64_t value = Next();
  while (value < reject) value = Next();
  return value % bound;
}

}  // namespace kindred
