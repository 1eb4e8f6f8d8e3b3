#include "trainer/commands/train_config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

class Reader {
 public:
  explicit Reader(std::string_view name) : name_(name) {}

  absl::StatusOr<TrainOptions> Read(const YAML::Node& root) {
    if (!root.IsMap()) return Error(root, "expected a map of keys, such as 'interactions: events.csv'");
    DescribeEventInput(&options_, &top_);
    DescribeItemInput(&options_, &top_);
    DescribeBundle(&options_, &top_);
    // In the list's order, whatever the file's: how times are written decides how 'from' is read.
    for (const Parameter& parameter : top_.all()) {
      for (const auto& entry : root) {
        if (top_.Find(entry.first.Scalar()) == &parameter) RETURN_IF_ERROR(Set(top_, entry.first, entry.second, ""));
      }
    }
    for (const auto& entry : root) {
      const std::string key = entry.first.Scalar();
      if (top_.Find(key) != nullptr) continue;
      if (key == "spaces") {
        RETURN_IF_ERROR(ReadSpaces(entry.second));
      } else if (key == "blend") {
        RETURN_IF_ERROR(ReadBlend(entry.second));
      } else if (key == "default_space") {
        ASSIGN_OR_RETURN(options_.recipe.default_space, Text(entry.second, key));
      } else {
        RETURN_IF_ERROR(Set(top_, entry.first, entry.second, ", spaces, blend, default_space"));
      }
    }
    for (const auto& [key, missing] :
         {std::pair("interactions", options_.interactions.empty()), std::pair("out", options_.out.empty()),
          std::pair("spaces", options_.recipe.spaces.empty())}) {
      if (missing) return Error(root, StrCat("'", key, "' is missing"));
    }
    return std::move(options_);
  }

 private:
  absl::Status Error(const YAML::Node& node, std::string_view what) const {
    return absl::InvalidArgumentError(StrCat(name_, ":", node.Mark().line + 1, ": ", what));
  }

  absl::StatusOr<std::string> Text(const YAML::Node& node, std::string_view key) const {
    if (!node.IsScalar()) return Error(node, StrCat(key, ": expected one value"));
    return node.Scalar();
  }

  absl::Status Set(const ParameterList& list, const YAML::Node& key, const YAML::Node& value,
                   std::string_view other_keys) const {
    const Parameter* parameter = list.Find(key.Scalar());
    if (parameter == nullptr) {
      std::vector<std::string> names;
      names.reserve(list.all().size());
      for (const Parameter& known : list.all()) names.push_back(known.name);
      return Error(key, StrCat("unknown key ", Shown(key.Scalar()), "; there are ", StrJoin(names, ", "), other_keys));
    }
    absl::Status status;
    if (value.IsSequence() && parameter->is_list) {
      std::vector<std::string> elements;
      elements.reserve(value.size());
      for (const YAML::Node& element : value) {
        ASSIGN_OR_RETURN(std::string text, Text(element, parameter->name));
        elements.push_back(std::move(text));
      }
      status = parameter->set_list(elements);
    } else if (value.IsMap() && parameter->is_list) {
      // {view: 1, purchase: 4} says the same as view=1,purchase=4.
      std::vector<std::string> elements;
      elements.reserve(value.size());
      for (const auto& entry : value) {
        ASSIGN_OR_RETURN(const std::string text, Text(entry.second, parameter->name));
        elements.push_back(StrCat(entry.first.Scalar(), "=", text));
      }
      status = parameter->set_list(elements);
    } else {
      ASSIGN_OR_RETURN(const std::string text, Text(value, parameter->name));
      status = parameter->is_list && parameter->separator == 0 ? parameter->set_list({text}) : parameter->set(text);
    }
    return status.ok() ? status : Error(value, StrCat(status.message()));
  }

  absl::Status ReadSpaces(const YAML::Node& node) {
    if (!node.IsMap() || node.size() == 0) {
      return Error(node, "spaces: expected a map from a space's name to its family and parameters");
    }
    for (const auto& entry : node) {
      const std::string name = entry.first.Scalar();
      const YAML::Node& body = entry.second;
      if (!body.IsMap()) return Error(body, StrCat("spaces.", name, ": expected a map with at least 'family'"));
      // A name that is a family's own needs no 'family'.
      std::string family = name;
      if (const YAML::Node given = body["family"]; given) {
        ASSIGN_OR_RETURN(family, Text(given, "family"));
      }
      SpaceRecipe recipe;
      recipe.name = name;
      absl::StatusOr<std::unique_ptr<Family>> made = MakeFamily(family);
      if (!made.ok()) return Error(body, StrCat("spaces.", name, ": ", made.status().message()));
      recipe.family = *std::move(made);
      ParameterList parameters;
      recipe.family->Describe(&parameters);
      DescribeSpace(&recipe, &parameters);
      for (const auto& parameter : body) {
        if (parameter.first.Scalar() == "family") continue;
        RETURN_IF_ERROR(Set(parameters, parameter.first, parameter.second, ", family"));
      }
      options_.recipe.spaces.push_back(std::move(recipe));
    }
    return absl::OkStatus();
  }

  absl::Status ReadBlend(const YAML::Node& node) {
    if (!node.IsMap() || node.size() == 0) {
      return Error(node, "blend: expected a map from a space's name to its weight, such as {als: 1, item2vec: 0.5}");
    }
    BlendRecipe blend;
    for (const auto& entry : node) {
      const std::string key = entry.first.Scalar();
      ASSIGN_OR_RETURN(const std::string text, Text(entry.second, key));
      if (key == "name") {
        blend.name = text;
        continue;
      }
      const std::optional<double> value = ParseNumber(text);
      if (!value || *value < 0) {
        return Error(entry.second, StrCat("blend.", key, ": found ", Shown(text), ", expected a number, at least 0"));
      }
      if (key == "prior_weight") {
        blend.prior_weight = *value;
      } else {
        blend.parts.emplace_back(key, *value);
      }
    }
    options_.recipe.blend = std::move(blend);
    return absl::OkStatus();
  }

  const std::string name_;
  TrainOptions options_;
  ParameterList top_;
};

}  // namespace

absl::StatusOr<TrainOptions> ParseTrainConfig(const std::string& text, std::string_view name) {
  try {
    return Reader(name).Read(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(StrCat(name, ":", error.mark.line + 1, ": ", error.msg));
  }
}

absl::StatusOr<TrainOptions> ReadTrainConfig(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(StrCat(path, ": no such file, or it cannot be read"));
  std::ostringstream text;
  text << file.rdbuf();
  return ParseTrainConfig(text.str(), path);
}

std::string FigureText(const std::string& figures_json) {
  const auto figures = nlohmann::json::parse(figures_json, nullptr, false);
  if (!figures.is_object()) return "";
  const auto error = figures.find("relative_error");
  if (error == figures.end() || !error->is_number()) return "";
  return absl::StrFormat(", relative error %.4f", error->get<double>());
}

}  // namespace kindred
