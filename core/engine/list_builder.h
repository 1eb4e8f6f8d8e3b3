// The list that a caller gets of a ranking: by score alone, or with at most so many items of a category, or with
// variety (maximal marginal relevance, Carbonell & Goldstein 1998). The formulas stand in docs/api.md; the first items
// of a list are the same whatever its length. Not thread-safe; works in a caller's scratch.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/engine/item_similarity.h"
#include "core/engine/model.h"
#include "core/engine/ranking.h"

namespace kindred {

// How many of the best items variety is looked for among.
inline constexpr uint32_t kDiversityPool = 1'000;

struct ListShape {
  std::optional<float> min_score{};
  uint32_t max_per_category = 0;  // 0: any number
  std::string_view category_prefix{};
  std::optional<double> diversity{};  // λ

  bool by_score() const { return max_per_category == 0 && !diversity.has_value(); }
};

struct ListScratch {
  std::vector<ScoredItem> list, pool;
  std::vector<uint64_t> mask;
  std::vector<uint32_t> counts;            // [n_categories], zero between uses
  std::vector<uint32_t> counted;           // categories whose count is not zero
  std::vector<uint32_t> full;              // categories that are full and still in `mask`
  std::vector<uint32_t> pool_items;        // of `pool`
  std::vector<float> similarity, nearest;  // [pool]
  std::vector<uint8_t> taken;              // [pool]
};

class ListBuilder {
 public:
  // All outlive this.
  ListBuilder(const Model& model, const Ranking& ranking, const Admission& admission, const ItemSimilarity& similarity,
              RankingScratch* ranking_scratch, ListScratch* scratch)
      : model_(model),
        ranking_(ranking),
        admission_(admission),
        similarity_(similarity),
        ranking_scratch_(*ranking_scratch),
        scratch_(*scratch) {}

  // The first `count` items of the list; fewer only when it has fewer. Lives in the scratches until their next use.
  // O(n_items), and with diversity O(count · pool · d); with a cap one search for each category that fills up and at
  // most a few.
  std::span<const ScoredItem> Build(uint32_t count, const ListShape& shape);

 private:
  void TakeDiverse(uint32_t count, const ListShape& shape);
  void TakeByScore(uint32_t count, const ListShape& shape);
  bool Fits(uint32_t item, const ListShape& shape) const;
  bool Take(const ScoredItem& item, const ListShape& shape);
  bool Counts(uint32_t category, const ListShape& shape) const;

  const Model& model_;
  const Ranking& ranking_;
  const Admission& admission_;
  const ItemSimilarity& similarity_;
  RankingScratch& ranking_scratch_;
  ListScratch& scratch_;
  bool exhausted_ = false;  // nothing behind what was taken reaches min_score
};

}  // namespace kindred
