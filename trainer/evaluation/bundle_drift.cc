#include "trainer/evaluation/bundle_drift.h"

#include <algorithm>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/recommender.h"
#include "trainer/base/parallel.h"
#include "trainer/base/random.h"

namespace kindred {
namespace {

std::vector<RowPair> SharedIds(const IdTable& before, const IdTable& after) {
  std::vector<RowPair> shared;
  shared.reserve(std::min(before.size(), after.size()));
  if (after.empty()) return shared;
  for (uint32_t row = 0; row < before.size(); ++row) {
    if (const auto found = after.Find(before.Id(row))) shared.push_back({row, *found});
  }
  return shared;
}

// `n` of them at random, in the order they had; all when n is 0 or there are no more.
std::vector<RowPair> Sample(std::vector<RowPair> pairs, uint32_t n, uint64_t seed) {
  if (n == 0 || pairs.size() <= n) return pairs;
  Random random(seed);
  for (uint32_t i = 0; i < n; ++i) {
    std::swap(pairs[i], pairs[i + random.Below(static_cast<uint32_t>(pairs.size() - i))]);
  }
  pairs.resize(n);
  std::sort(pairs.begin(), pairs.end(), [](const RowPair& a, const RowPair& b) { return a.before < b.before; });
  return pairs;
}

// The two models, and what the comparisons of every space need.
struct Sides {
  const Model& before;
  const Model& after;
  const DriftOptions& options;
  std::vector<RowPair> items, users, tokens;
};

void NameWorst(const IdTable& ids, const Model* items_of, TableDrift* table) {
  table->worst.reserve(table->rows.worst.size());
  for (const MovedRow& moved : table->rows.worst) {
    if (moved.distance == 0) continue;
    const std::string_view id = ids.Id(moved.row.before);
    const std::string_view name = items_of == nullptr ? id : items_of->ItemName(moved.row.before);
    table->worst.push_back({std::string(id), name == id ? "" : std::string(name), moved.distance});
  }
}

void AddTable(std::string_view name, const RowTable& before, const RowTable& after, const std::vector<RowPair>& shared,
              const Sides& sides, const IdTable& ids, SpaceDrift* out) {
  if (before.values.empty() || after.values.empty()) return;
  TableDrift table;
  table.table = name;
  table.shared = shared.size();
  table.counts = name != "users";
  table.rows =
      CompareRows(before, after, Sample(shared, sides.options.sample_rows, sides.options.seed), sides.options.worst);
  NameWorst(ids, name == "items" ? &sides.before : nullptr, &table);
  const uint32_t dim = std::max(before.dim, after.dim);
  if (!table.rows.aligned && table.rows.compared > 0) {
    out->notes.push_back(StrCat(name, ": vectors of ", dim, " numbers are not aligned (at most ", kMaxAlignedDim,
                                "); the raw distance counts"));
  } else if (table.rows.compared > 0 && table.rows.compared < 2 * uint64_t{dim}) {
    out->notes.push_back(StrCat(name, ": ", table.rows.compared, " shared rows of ", dim,
                                " numbers: so few can be turned onto each other whatever they are, look at the raw "
                                "distance and the neighbours"));
  }
  out->tables.push_back(std::move(table));
}

void AddSparse(const Space& before, const Space& after, const Sides& sides, SpaceDrift* out) {
  std::vector<uint32_t> columns;
  if (before.sparse.neighbors) {
    // Columns of neighbours are items.
    columns.assign(before.spec.dim, kNoSuchColumn);
    for (const RowPair& item : sides.items) columns[item.before] = item.after;
  } else if (before.spec.dim != after.spec.dim) {
    out->notes.push_back(StrCat("items: ", before.spec.dim, " features became ", after.spec.dim,
                                ", and a bundle does not name them: rows are not compared, neighbours are"));
    return;
  } else {
    out->notes.emplace_back("items: features are compared by their places, since a bundle does not name them");
  }
  TableDrift table;
  table.table = "items";
  table.shared = sides.items.size();
  table.counts = before.sparse.neighbors;
  table.rows =
      CompareSparseRows(before.sparse.rows, after.sparse.rows, columns,
                        Sample(sides.items, sides.options.sample_rows, sides.options.seed), sides.options.worst);
  NameWorst(sides.before.items(), &sides.before, &table);
  out->tables.push_back(std::move(table));
}

// Lists of both models for each pair, made by `ask(recommender, pair, &scratch, &result)`.
template <typename Ask>
ListChangeMean CompareAll(const Sides& sides, const std::vector<RowPair>& pairs, const Ask& ask) {
  const Recommender before(sides.before), after(sides.after);
  std::vector<std::optional<ListChange>> changes(pairs.size());
  ParallelFor(static_cast<int64_t>(pairs.size()), 16, sides.options.threads, [&](int64_t begin, int64_t end) {
    EngineScratch scratch;
    RecommendResult result;
    const auto list = [&](const Recommender& recommender, const Model& model, const RowPair& pair) {
      std::vector<std::string_view> ids;
      if (!ask(recommender, pair, &scratch, &result).ok()) return ids;
      ids.reserve(result.items.size());
      for (const ScoredItem& item : result.items) ids.push_back(model.items().Id(item.item));
      return ids;
    };
    for (int64_t i = begin; i < end; ++i) {
      changes[i] = CompareLists(list(before, sides.before, pairs[i]), list(after, sides.after, pairs[i]));
    }
  });
  ListChangeMean mean;  // in order: the same bits at any number of threads
  for (const auto& change : changes) {
    if (change) mean.Add(*change);
  }
  return mean;
}

void AddLists(const Space& space, const Sides& sides, SpaceDrift* out) {
  const DriftOptions& options = sides.options;
  const ListChangeMean neighbors = CompareAll(
      sides, Sample(sides.items, options.sample_items, options.seed),
      [&](const Recommender& recommender, const RowPair& pair, EngineScratch* scratch, RecommendResult* result) {
        return recommender.SimilarItems(sides.before.items().Id(pair.before), space.name, options.k, scratch, result);
      });
  out->neighbor_items = neighbors.lists();
  if (neighbors.lists() > 0) out->neighbor_overlap = neighbors.mean().overlap;

  const ListChangeMean lists = CompareAll(
      sides, Sample(sides.users, options.sample_users, options.seed),
      [&](const Recommender& recommender, const RowPair& pair, EngineScratch* scratch, RecommendResult* result) {
        SubjectView user;
        user.user_id = sides.before.users().Id(pair.before);
        RecommendOptions recommend;
        recommend.space = space.name;
        recommend.k = options.k;
        return recommender.Recommend(user, recommend, scratch, result);
      });
  out->list_users = lists.lists();
  if (lists.lists() > 0) out->lists = lists.mean();
}

SpaceDrift CompareSpaces(const Space& before, const Space& after, const Sides& sides) {
  SpaceDrift out;
  out.name = before.name;
  out.family_before = before.spec.family;
  out.family_after = after.spec.family;
  out.dim_before = before.spec.dim;
  out.dim_after = after.spec.dim;
  const bool sparse = IsSparse(before.spec.fold_in);
  if (sparse != IsSparse(after.spec.fold_in) || (sparse && before.sparse.neighbors != after.sparse.neighbors)) {
    out.notes.push_back(StrCat("fold-in ", FoldInName(before.spec.fold_in), " became ", FoldInName(after.spec.fold_in),
                               ": vectors are not compared, lists are"));
  } else if (sparse) {
    AddSparse(before, after, sides, &out);
  } else {
    AddTable("items", {before.items, before.spec.dim}, {after.items, after.spec.dim}, sides.items, sides,
             sides.before.items(), &out);
    AddTable("tokens", {before.embedding.tokens, before.embedding.dim}, {after.embedding.tokens, after.embedding.dim},
             sides.tokens, sides, sides.before.token_ids(), &out);
    AddTable("users", {before.users, before.spec.dim}, {after.users, after.spec.dim}, sides.users, sides,
             sides.before.users(), &out);
  }
  AddLists(before, sides, &out);
  return out;
}

std::optional<ListChange> ComparePopularity(const Model& before, const Model& after) {
  const auto most = [](const Model& model) {
    const auto order = model.popularity_order();
    std::vector<std::string_view> ids;
    ids.reserve(kPopularityRanks);
    for (const uint32_t item : order.first(std::min<size_t>(order.size(), kPopularityRanks))) {
      ids.push_back(model.items().Id(item));
    }
    return ids;
  };
  return CompareLists(most(before), most(after));
}

BundleSide Side(const Model& model) {
  const BundleInfo& info = model.info();
  return {info.path,       model.name(),        model.version(),  model.digest(),
          info.created_at, info.n_interactions, info.n_categories};
}

}  // namespace

absl::StatusOr<BundleDrift> CompareBundles(const Model& before, const Model& after, const DriftOptions& options) {
  if (!options.space.empty() &&
      (before.FindSpace(options.space) == nullptr || after.FindSpace(options.space) == nullptr)) {
    const auto names = [](const Model& model) {
      std::vector<std::string_view> out;
      out.reserve(model.spaces().size());
      for (const auto& space : model.spaces()) out.push_back(space->name);
      return StrJoin(out, ", ");
    };
    return absl::NotFoundError(StrCat("space '", options.space, "' is not in both bundles; the old one has: ",
                                      names(before), "; the new one: ", names(after)));
  }
  BundleDrift out;
  out.options = options;
  out.before = Side(before);
  out.after = Side(after);
  out.items = CompareIds(before.items(), after.items(), options.worst);
  out.users = CompareIds(before.users(), after.users(), options.worst);
  out.tokens = CompareIds(before.token_ids(), after.token_ids(), options.worst);
  out.popularity = ComparePopularity(before, after);
  out.training = CompareTraining(before.info(), after.info());
  const Sides sides{before,
                    after,
                    options,
                    SharedIds(before.items(), after.items()),
                    SharedIds(before.users(), after.users()),
                    SharedIds(before.token_ids(), after.token_ids())};
  for (const auto& space : before.spaces()) {
    if (!options.space.empty() && space->name != options.space) continue;
    const Space* other = after.FindSpace(space->name);
    if (other == nullptr) {
      out.only_before.push_back(space->name);
    } else {
      out.spaces.push_back(CompareSpaces(*space, *other, sides));
    }
  }
  for (const auto& space : after.spaces()) {
    if (options.space.empty() && before.FindSpace(space->name) == nullptr) out.only_after.push_back(space->name);
  }
  return out;
}

}  // namespace kindred
