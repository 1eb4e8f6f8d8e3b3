// TrainConfigYaml of train_config.h. Values are written as JSON, which YAML takes as it is.
#include "core/base/str_cat.h"
#include "trainer/commands/train_config.h"

namespace kindred {
namespace {

// Lines "key: value" of what `now` has otherwise than `usual`, whose parameters are the same.
void AddChanged(const ParameterList& now, const ParameterList& usual, std::string_view indent, std::string* out) {
  for (size_t i = 0; i < now.all().size(); ++i) {
    const Parameter& parameter = now.all()[i];
    if (parameter.get() == usual.all()[i].get()) continue;
    StrAppend(out, indent, parameter.name, ": ", parameter.get_json(), "\n");
  }
}

void DescribeTop(TrainOptions* options, ParameterList* parameters) {
  DescribeEventInput(options, parameters);
  DescribeItemInput(options, parameters);
  DescribeBundle(options, parameters);
}

}  // namespace

std::string TrainConfigYaml(const TrainOptions& given, std::string_view heading) {
  TrainOptions options = given, usual;
  ParameterList now, defaults;
  DescribeTop(&options, &now);
  DescribeTop(&usual, &defaults);
  std::string out = StrCat("# ", heading, "\n");
  AddChanged(now, defaults, "", &out);
  StrAppend(&out, "spaces:\n");
  for (SpaceRecipe& space : options.recipe.spaces) {
    SpaceRecipe plain;
    plain.family = *MakeFamily(space.family->name());
    ParameterList own, own_defaults;
    space.family->Describe(&own);
    DescribeSpace(&space, &own);
    plain.family->Describe(&own_defaults);
    DescribeSpace(&plain, &own_defaults);
    StrAppend(&out, "  ", space.name, ":\n    family: ", space.family->name(), "\n");
    AddChanged(own, own_defaults, "    ", &out);
  }
  if (const auto& blend = options.recipe.blend; blend) {
    StrAppend(&out, "blend:\n  name: ", JsonText(blend->name), "\n");
    ParameterList numbers;
    auto parts = blend->parts;
    double prior_weight = blend->prior_weight;
    for (auto& [part, weight] : parts) numbers.Add(part, &weight, "");
    numbers.Add("prior_weight", &prior_weight, "");
    for (const Parameter& number : numbers.all()) StrAppend(&out, "  ", number.name, ": ", number.get_json(), "\n");
  }
  if (!options.recipe.default_space.empty()) {
    StrAppend(&out, "default_space: ", JsonText(options.recipe.default_space), "\n");
  }
  return out;
}

}  // namespace kindred
