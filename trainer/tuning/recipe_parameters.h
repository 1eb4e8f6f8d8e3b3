// What of a recipe can be tuned, by name: the parameters of its space as they are called in training ("factors",
// "half_life_days"), with several spaces those of each ("als.factors"); the weights of its blend ("blend.als",
// "blend.prior_weight"); "prior_half_life_days". Not thread-safe.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "trainer/families/train.h"

namespace kindred {

class RecipeParameters {
 public:
  // `recipe` outlives this, and its spaces and blend stay as many as they are.
  explicit RecipeParameters(Recipe* recipe);
  RecipeParameters(const RecipeParameters&) = delete;
  RecipeParameters& operator=(const RecipeParameters&) = delete;

  const ParameterList& list() const { return list_; }

  // One that says how large a space is, for the rule "the smallest that is good enough".
  struct Size {
    std::string parameter;  // "als.factors"
    std::string space;
  };
  const std::vector<Size>& sizes() const { return sizes_; }

 private:
  ParameterList list_;
  std::vector<Size> sizes_;
};

}  // namespace kindred
