#include "trainer/tuning/tune_setup.h"

#include <nlohmann/json.hpp>

#include "core/base/checksum.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/mapped_file.h"
#include "trainer/tuning/recipe_parameters.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

absl::StatusOr<Json> Digests(const std::vector<std::string>& paths) {
  Json out = Json::array();
  for (const std::string& path : paths) {
    ASSIGN_OR_RETURN(const auto file, MappedFile::Open(path));
    out.push_back(StrCat("xxh128:", Xxh128Hex(file->bytes())));
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> TuneSetup(const TuneOptions& given) {
  TuneOptions options = given;
  Recipe& recipe = options.train.recipe;
  Json families = Json::object();
  for (const SpaceRecipe& space : recipe.spaces) families[space.name] = space.family->name();
  const RecipeParameters parameters(&recipe);
  ParameterList data;
  DescribeEventInput(&options.train, &data);
  DescribeItemInput(&options.train, &data);
  Json reading = Json::parse(data.ToJson());
  reading.erase("interactions");
  reading.erase("items");

  Json out = Json::object();
  out["families"] = std::move(families);
  out["parameters"] = Json::parse(parameters.list().ToJson());
  out["default_space"] = recipe.default_space;
  out["seed"] = recipe.seed;
  out["data"] = std::move(reading);
  out["evaluation"] = {{"k", options.evaluate.ks},
                       {"sample_users", options.evaluate.sample_users},
                       {"include_seen", options.evaluate.include_seen},
                       {"negatives", options.evaluate.negatives}};
  ASSIGN_OR_RETURN(out["files"]["interactions"], Digests(options.train.interactions));
  ASSIGN_OR_RETURN(out["files"]["valid"], Digests(options.valid));
  if (!options.train.items.empty()) {
    ASSIGN_OR_RETURN(out["files"]["items"], Digests({options.train.items}));
  }
  return out.dump();
}

std::string DescribeDifference(std::string_view before_json, std::string_view now_json) {
  const Json before = Json::parse(before_json, nullptr, false).flatten(),
             now = Json::parse(now_json, nullptr, false).flatten();
  std::vector<std::string> differences;
  const auto name = [](std::string pointer) {
    pointer.erase(0, 1);
    for (char& c : pointer) c = c == '/' ? '.' : c;
    return pointer;
  };
  for (const auto& [pointer, value] : now.items()) {
    const auto old = before.find(pointer);
    if (old == before.end()) {
      differences.push_back(StrCat(name(pointer), " is new"));
    } else if (*old != value) {
      differences.push_back(StrCat(name(pointer), " was ", old->dump(), " and is ", value.dump()));
    }
  }
  for (const auto& [pointer, value] : before.items()) {
    if (!now.contains(pointer)) differences.push_back(StrCat(name(pointer), " is gone"));
  }
  constexpr size_t kMostNamed = 4;
  if (differences.size() > kMostNamed) {
    const size_t others = differences.size() - kMostNamed;
    differences.resize(kMostNamed);
    differences.push_back(StrCat(others, " others"));
  }
  return StrJoin(differences, ", ");
}

}  // namespace kindred
