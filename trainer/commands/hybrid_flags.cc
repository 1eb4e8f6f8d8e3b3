#include "trainer/commands/hybrid_flags.h"

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/commands/family_flags.h"
#include "trainer/commands/parameter_flags.h"

namespace kindred {
namespace {

// Adds the family's space unless it is there; what is wrong, or nothing.
std::string AddSpaceOf(std::string_view given, Recipe* recipe) {
  std::string family(given);
  for (char& c : family) c = c == '-' ? '_' : c;
  absl::StatusOr<std::unique_ptr<Family>> made = MakeFamily(family);
  if (!made.ok()) return std::string(made.status().message());
  for (const SpaceRecipe& space : recipe->spaces) {
    if (space.family->name() == family) return StrCat("family '", family, "' is named twice");
  }
  recipe->spaces.push_back({.name = family, .family = *std::move(made), .prior_weight = {}, .weights = {}});
  return "";
}

}  // namespace

HybridFlags::HybridFlags() {
  DescribeEventInput(&options, &events);
  DescribeItemInput(&options, &items);
  DescribeBundle(&options, &bundle);
}

void AddHybridFlags(CLI::App* app, HybridFlags* flags, bool out_required) {
  AddParameterFlags(app, flags->events, "Interactions", {"interactions"});
  AddParameterFlags(app, flags->items, "Items");
  const std::string group = "Model";
  app->add_option(
         "--parts", flags->parts,
         "Families that rank together and the weight of each, as als=1,traits=0.5; dense ones, so not item-cosine")
      ->type_name("PARTS")
      ->delimiter(',')
      ->default_str(StrJoin(flags->parts, ","))
      ->group(group);
  app->add_option("--spaces", flags->spaces, "Families that the bundle holds beside the blend, to be asked for by name")
      ->type_name("FAMILY,…")
      ->delimiter(',')
      ->group(group);
  app->add_option("--prior-weight", flags->prior_weight, "Weight of the item prior in the blend's score")
      ->type_name("X")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(group);
  AddParameterFlags(app, flags->bundle, "Bundle",
                    out_required ? std::vector<std::string_view>{"out"} : std::vector<std::string_view>());
}

std::string SetHybridRecipe(HybridFlags* flags) {
  Recipe& recipe = flags->options.recipe;
  recipe.spaces.clear();
  BlendRecipe blend;
  blend.prior_weight = flags->prior_weight;
  for (const std::string& part : flags->parts) {
    const size_t equals = std::min(part.find('='), part.size());
    const std::optional<double> weight =
        equals == part.size() ? std::optional(1.0) : ParseNumber(std::string_view(part).substr(equals + 1));
    if (!weight || *weight < 0) {
      return StrCat("--parts: found ", Shown(part), ", expected FAMILY=WEIGHT with a weight of at least 0");
    }
    if (const std::string problem = AddSpaceOf(std::string_view(part).substr(0, equals), &recipe); !problem.empty()) {
      return StrCat("--parts: ", problem);
    }
    blend.parts.emplace_back(recipe.spaces.back().name, *weight);
  }
  for (const std::string& family : flags->spaces) {
    if (const std::string problem = AddSpaceOf(family, &recipe); !problem.empty()) return StrCat("--spaces: ", problem);
  }
  recipe.blend = std::move(blend);
  return "";
}

}  // namespace kindred
