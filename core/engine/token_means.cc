#include "core/engine/token_means.h"

#include <span>
#include <string>
#include <utility>

#include "core/base/status_macros.h"
#include "core/bundle/id_table.h"
#include "core/bundle/tensor_names.h"
#include "core/engine/event_history.h"
#include "core/engine/rows_view.h"

namespace kindred {
namespace {

// Category vectors are derived up to this size: a small file may not ask for gigabytes.
constexpr uint64_t kMaxCategoryNumbers = uint64_t{1} << 26;

// Mean token vector of each row that `rows_of` names for a token; zeros for a row without tokens.
template <typename RowsOf>
OwnedTensor MeanVectors(const std::string& name, uint64_t n_rows, std::span<const float> tokens, uint64_t dim,
                        const RowsOf& rows_of) {
  auto tensor = OwnedTensor::Zeros<float>(name, {n_rows, dim});
  std::vector<double> sums(n_rows * dim, 0.0);
  std::vector<uint64_t> counts(n_rows, 0);
  for (uint64_t token = 0; token * dim < tokens.size(); ++token) {
    for (uint32_t row : rows_of(token)) {
      ++counts[row];
      for (uint64_t j = 0; j < dim; ++j) sums[row * dim + j] += tokens[token * dim + j];
    }
  }
  for (uint64_t row = 0; row < n_rows; ++row) {
    for (uint64_t j = 0; j < dim && counts[row] > 0; ++j) {
      tensor.Data<float>()[row * dim + j] = static_cast<float>(sums[row * dim + j] / static_cast<double>(counts[row]));
    }
  }
  return tensor;
}

// A table that can be looked in, whether the bundle has its index or not.
absl::StatusOr<IdTable> SearchableTable(const TensorMap& tensors, std::string_view table, OwnedTensor* index) {
  const IdTable ids = IdTableFrom(tensors, table);
  if (ids.empty() || FindTensor(tensors, names::Index(table)) != nullptr) return ids;
  ASSIGN_OR_RETURN(*index, MakeIdIndex(table, ids));
  return IdTable(TensorOrEmpty<char>(tensors, names::Bytes(table)),
                 TensorOrEmpty<int64_t>(tensors, names::Offsets(table)), index->Data<uint64_t>());
}

}  // namespace

absl::Status AppendTokenMeans(const BundleInfo& info, const TensorMap& tensors,
                              absl::FunctionRef<bool(std::string_view)> wanted, std::vector<OwnedTensor>* out) {
  std::vector<TokenParts> parts;
  for (const auto& [space, spec] : info.spaces) {
    const TensorView* tokens = FindTensor(tensors, names::Space(space, names::kTokens));
    if (tokens == nullptr) continue;
    const std::string categories = names::Space(space, names::kCategoryVectors);
    const std::string actions = names::Space(space, names::kActionVectors);
    const bool fits = info.n_categories * tokens->shape[1] <= kMaxCategoryNumbers;
    const bool wants_categories = info.n_categories > 0 && fits && wanted(categories);
    const bool wants_actions = info.n_actions > 0 && wanted(actions);
    if (!wants_categories && !wants_actions) continue;
    if (parts.empty()) {
      OwnedTensor item_index, action_index;
      ASSIGN_OR_RETURN(const IdTable items, SearchableTable(tensors, names::kItemIds, &item_index));
      ASSIGN_OR_RETURN(const IdTable known, SearchableTable(tensors, names::kActionIds, &action_index));
      const IdTable token_ids = IdTableFrom(tensors, names::kTokenIds);
      for (uint32_t token = 0; token < token_ids.size(); ++token) {
        parts.push_back(SplitToken(token_ids.Id(token), known, items));
      }
    }
    const uint64_t dim = tokens->shape[1];
    const RowsView item_categories = {TensorOrEmpty<int64_t>(tensors, names::Offsets(names::kItemCategories)),
                                      TensorOrEmpty<uint32_t>(tensors, names::Values(names::kItemCategories)),
                                      {}};
    if (wants_categories) {
      out->push_back(MeanVectors(categories, info.n_categories, tokens->As<float>(), dim, [&](uint64_t token) {
        return parts[token].item == TokenWeight::kNone ? std::span<const uint32_t>()
                                                       : item_categories.Row(parts[token].item);
      }));
    }
    if (wants_actions) {
      out->push_back(MeanVectors(actions, info.n_actions, tokens->As<float>(), dim, [&](uint64_t token) {
        return std::span(&parts[token].action, parts[token].action == TokenWeight::kNone ? 0 : 1);
      }));
    }
  }
  return absl::OkStatus();
}

}  // namespace kindred
