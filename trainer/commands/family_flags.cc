#include "trainer/commands/family_flags.h"

#include <algorithm>

#include "core/base/str_cat.h"
#include "trainer/commands/parameter_flags.h"

namespace kindred {
namespace {

// svd and nmf name their space for what it is made of; the others for themselves.
std::string SpaceName(std::string_view family) {
  return std::string(family == "svd" || family == "nmf" ? kCollaborativeSpace : family);
}

}  // namespace

FamilyFlags::FamilyFlags(std::string_view name) {
  SpaceRecipe recipe;
  recipe.name = SpaceName(name);
  recipe.family = *MakeFamily(name);
  options.recipe.spaces.push_back(std::move(recipe));
  SpaceRecipe& the_space = options.recipe.spaces.front();
  DescribeEventInput(&options, &events);
  DescribeItemInput(&options, &items);
  the_space.family->Describe(&family);
  DescribeSpace(&the_space, &space);
  DescribeBundle(&options, &bundle);
}

std::string FamilyFlags::command() const {
  std::string name(options.recipe.spaces.front().family->name());
  std::replace(name.begin(), name.end(), '_', '-');
  return name;
}

std::string FamilyFlags::summary() const { return std::string(options.recipe.spaces.front().family->summary()); }

void AddFamilyFlags(CLI::App* app, const FamilyFlags& flags, bool out_required) {
  AddParameterFlags(app, flags.events, "Interactions", {"interactions"});
  AddParameterFlags(app, flags.items, "Items");
  AddParameterFlags(app, flags.family, "Model");
  AddParameterFlags(app, flags.space, "Space");
  AddParameterFlags(app, flags.bundle, "Bundle",
                    out_required ? std::vector<std::string_view>{"out"} : std::vector<std::string_view>());
}

std::string TrainUsageProblem(const TrainOptions& options) {
  constexpr size_t kMaxName = 256;
  for (const auto& [flag, text] :
       {std::pair("--model", options.recipe.model), std::pair("--version", options.recipe.version)}) {
    if (text.empty() || text.size() > kMaxName) return StrCat(flag, ": expected 1 to 256 bytes");
  }
  const ItemTableOptions& table = options.item_table;
  const bool named = !(table.id_column.empty() && table.name_column.empty() && table.category_columns.empty() &&
                       table.attribute_columns.empty() && table.text_columns.empty() && !options.untouched_items);
  if (options.items.empty() && named) {
    return "columns of the item file are named, but no file; name it with --items";
  }
  return "";
}

}  // namespace kindred
