#include "trainer/tuning/recipe_parameters.h"

#include "core/base/str_cat.h"

namespace kindred {

RecipeParameters::RecipeParameters(Recipe* recipe) {
  const bool several = recipe->spaces.size() > 1;
  for (SpaceRecipe& space : recipe->spaces) {
    const std::string prefix = several ? space.name + "." : "";
    ParameterList own;
    space.family->Describe(&own);
    DescribeSpace(&space, &own);
    for (Parameter parameter : own.all()) {
      parameter.name = prefix + parameter.name;
      list_.Add(std::move(parameter));
    }
    if (!space.family->size_parameter().empty()) {
      sizes_.push_back({StrCat(prefix, space.family->size_parameter()), space.name});
    }
  }
  if (recipe->blend) {
    for (auto& [part, weight] : recipe->blend->parts) {
      list_.Add(StrCat("blend.", part), &weight, "Weight of a part of the blend");
    }
    list_.Add("blend.prior_weight", &recipe->blend->prior_weight, "Weight of the item prior in the blend");
  }
  list_.Add("prior_half_life_days", &recipe->prior_half_life_days, "Half-life of the item prior");
}

}  // namespace kindred
