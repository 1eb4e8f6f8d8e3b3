// What all the lists together say: how much of the catalogue they show and how much they repeat what is popular. Pure
// functions, thread-safe.
#pragma once

#include <cstdint>
#include <span>

namespace kindred {

struct Concentration {
  double coverage = 0;   // share of the catalogue that was recommended at least once
  double gini = 0;       // of the recommendations over the catalogue: 0 = each item alike, → 1 = all to one item
  double top_share = 0;  // share of the recommendations that went to the most popular 10 % of the catalogue
  double mean_popularity = 0;  // mean over recommendations of the share of trained users who have the item
};

// Gini coefficient of `counts`, zeros included: Σ_i (2i − n − 1) x_(i) / (n Σ x), i from 1, ascending. 0 for an empty
// input or one of zeros. O(n log n).
double Gini(std::span<const uint64_t> counts);

// recommended: [n_items] how often each item was recommended; popularity: [n_items] users of each item in training;
// n_users: users in training. The most popular 10 %: ⌈n_items / 10⌉ items, ties to the lower index. Zeros when nothing
// was recommended. O(n log n).
Concentration Concentrate(std::span<const uint64_t> recommended, std::span<const uint64_t> popularity,
                          uint64_t n_users);

}  // namespace kindred
