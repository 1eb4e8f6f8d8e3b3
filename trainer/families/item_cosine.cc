#include "trainer/families/item_cosine.h"

#include <cmath>

#include "absl/strings/str_format.h"
#include "core/base/text.h"
#include "trainer/linalg/sparse_ops.h"

namespace kindred {

SparseMatrix ItemCosine(const SparseMatrix& values, const ItemCosineOptions& options, Progress* progress) {
  SparseMatrix users = LimitRows(values, options.max_user_items);
  if (options.user_damping > 0) {
    std::vector<double> factors(users.rows, 1.0);
    for (uint32_t user = 0; user < users.rows; ++user) {
      const size_t items = values.RowIndices(user).size();
      if (items > 0) factors[user] = std::pow(static_cast<double>(items), -options.user_damping);
    }
    users = ScaledRows(users, factors);
  }
  const SparseMatrix items = Transpose(users);
  progress->Begin("item similarities", items.rows, "items");
  SimilarityOptions similarity{.top_n = options.neighbors,
                               .diagonal = false,
                               .shrinkage = options.shrinkage,
                               .asymmetry = options.asymmetry,
                               .threads = options.threads};
  similarity.progress = [&](int64_t rows) { progress->Update(static_cast<uint64_t>(rows)); };
  SparseMatrix result = CosineSimilarity(items, items, similarity);
  progress->End(absl::StrFormat("%s neighbours of %s items", WithThousands(result.nnz()), WithThousands(items.rows)));
  return result;
}

}  // namespace kindred
