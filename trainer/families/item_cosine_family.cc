#include "trainer/families/item_cosine_family.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "trainer/families/sparse_rows.h"

namespace kindred {

void ItemCosineFamily::Describe(ParameterList* parameters) {
  parameters->Add("neighbors", &options_.neighbors, "Most similar items kept for each item; 0 = all");
  parameters->Add("shrinkage", &options_.shrinkage,
                  "Added to the product of the norms: doubts pairs that few users have in common");
  parameters->Add("asymmetry", &options_.asymmetry,
                  "α of x·y / (‖x‖^2α ‖y‖^2(1−α)): 0.5 is the cosine, more favours popular neighbours, less rare ones",
                  0, 1);
  parameters->Add("user_damping", &options_.user_damping,
                  "A user of n items counts n^−this: heavy users say less of a pair");
  parameters->Add("max_user_items", &options_.max_user_items,
                  "Take only so many of a user's items, those of the largest values; 0 = all");
  DescribeTransform(&transform_, parameters);
  parameters->Add<bool>("similarity", &by_users_,
                        "What makes two items alike: values = how much each user has of both, old events less where "
                        "they decay; users = who has both, whatever the amount and the age",
                        {{"values", false}, {"users", true}});
}

absl::StatusOr<TrainedSpace> ItemCosineFamily::Train(const TrainingData& data, std::string_view space,
                                                     Progress* progress) {
  ItemCosineOptions options = options_;
  options.threads = data.threads;
  const ValueTransform alike_by = by_users_ ? ValueTransform::kBinary : transform_;
  const SparseMatrix similar = ItemCosine(Transformed(data.interactions->values, alike_by), options, progress);
  TrainedSpace out;
  out.spec.family = name();
  out.spec.fold_in = FoldIn::kNeighbors;
  out.spec.transform = transform_;
  out.spec.dim = similar.cols;
  RETURN_IF_ERROR(AddSparseRows(space, similar, &out.parts));
  uint32_t alone = 0;
  for (uint32_t item = 0; item < similar.rows; ++item) alone += similar.RowIndices(item).empty() ? 1 : 0;
  if (similar.nnz() == 0) {
    out.notes.emplace_back("no two items have a user in common: every request is answered by popularity");
  }
  out.figures_json = nlohmann::ordered_json{{"similarities", similar.nnz()}, {"items_without_neighbors", alone}}.dump();
  return out;
}

}  // namespace kindred
