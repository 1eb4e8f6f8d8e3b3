// Term frequency × inverse document frequency of short texts, one row a text. Pure function, thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "trainer/linalg/sparse_matrix.h"

namespace kindred {

// The defaults are those of scikit-learn's TfidfVectorizer.
struct TfidfOptions {
  uint32_t min_df = 1;        // leave out words of fewer texts
  double max_df = 1.0;        // leave out words of more than this share of the texts, in [0, 1]
  uint32_t max_features = 0;  // keep the most frequent words, of equals the first in the alphabet; 0 = all
  bool sublinear = false;     // 1 + ln(tf) in the place of tf
  std::unordered_set<std::string> stop_words{};  // in lower case
};

struct Tfidf {
  std::vector<std::string> words;  // the columns, ascending by bytes
  SparseMatrix values;             // [texts × words]; rows of length 1, or zero for texts of no known word
};

// tf · (ln((1 + n) / (1 + df)) + 1) over n texts, rows divided by their norms. O(characters + words · log words).
Tfidf MakeTfidf(const std::vector<std::string>& texts, const TfidfOptions& options);

}  // namespace kindred
