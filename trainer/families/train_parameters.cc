// The parameters of train.h: the words of flags, YAML and of a bundle's memory of its training.
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/base/parallel.h"
#include "trainer/data/event_parameters.h"
#include "trainer/families/train.h"

namespace kindred {
namespace {

constexpr int kMaxThreads = 1024;

// "VIEW=1,LIKE=3" in and out.
Parameter ActionWeights(std::map<std::string, double, std::less<>>* weights) {
  Parameter out;
  out.name = "action_weights";
  out.type_name = "A=W,…";
  out.help = "What an event counts by its action, such as view=1,purchase=4; others 1, 0 leaves events out";
  out.is_list = true;
  out.set_list = [weights](const std::vector<std::string>& texts) {
    weights->clear();
    for (const std::string& text : texts) {
      const size_t equals = text.rfind('=');
      const auto weight = equals == text.npos ? std::nullopt : ParseNumber(std::string_view(text).substr(equals + 1));
      if (!weight || *weight < 0 || equals == 0) {
        return absl::InvalidArgumentError(
            StrCat("action_weights: found ", Shown(text), ", expected action=weight with a weight of at least 0"));
      }
      (*weights)[text.substr(0, equals)] = *weight;
    }
    return absl::OkStatus();
  };
  out.set = [set_list = out.set_list](std::string_view text) {
    std::vector<std::string> texts;
    while (!text.empty()) {
      const size_t comma = text.find(',');
      texts.emplace_back(text.substr(0, comma));
      text = comma == text.npos ? "" : text.substr(comma + 1);
    }
    return set_list(texts);
  };
  out.get = [weights] {
    std::string text;
    for (const auto& [action, weight] : *weights) StrAppend(&text, text.empty() ? "" : ",", action, "=", weight);
    return text;
  };
  out.get_json = [get = out.get] { return JsonText(get()); };
  return out;
}

Parameter PriorWeight(SpaceRecipe* recipe) {
  Parameter out{
      .name = "prior_weight",
      .type_name = "X",
      .help = "Weight β of the item prior in the score: metric + β·ln(1 + users)/max; 0 ranks by the vectors alone"};
  out.set = [recipe](std::string_view text) -> absl::Status {
    const std::optional<double> value = ParseNumber(text);
    if (!value || *value < 0) {
      return absl::InvalidArgumentError(StrCat("prior_weight: found ", Shown(text), ", expected a number, at least 0"));
    }
    recipe->prior_weight = value;
    return absl::OkStatus();
  };
  out.get = out.get_json = [recipe] {
    return StrCat(recipe->prior_weight.value_or(recipe->family ? recipe->family->default_prior_weight() : 0));
  };
  return out;
}

}  // namespace

void DescribeSpace(SpaceRecipe* recipe, ParameterList* parameters) {
  parameters->Add(PriorWeight(recipe));
  parameters->Add(ActionWeights(&recipe->weights.actions));
  parameters->Add("half_life_days", &recipe->weights.half_life_days,
                  "An event counts half when it is so many days older than its user's newest; 0: all alike");
}

void DescribeEventInput(TrainOptions* options, ParameterList* parameters) {
  parameters->Add("interactions", &options->interactions,
                  "Files of what users did with items: CSV, JSON lines, Parquet", "FILE");
  DescribeEventReading(&options->read, parameters);
  parameters->Add<Aggregation>("aggregate", &options->recipe.aggregation,
                               "How several events of one user and item become one value",
                               {{"sum", Aggregation::kSum},
                                {"mean", Aggregation::kMean},
                                {"last", Aggregation::kLast},
                                {"max", Aggregation::kMax},
                                {"count", Aggregation::kCount}});
}

void DescribeItemInput(TrainOptions* options, ParameterList* parameters) {
  parameters->Add("items", &options->items, "CSV file with one row an item: names, categories, attributes", "FILE");
  DescribeItemTable(&options->item_table, parameters);
  parameters->Add("untouched_items", &options->untouched_items,
                  "Items of the item file that nobody touched join the catalogue: content can recommend them");
}

void DescribeBundle(TrainOptions* options, ParameterList* parameters) {
  Recipe& recipe = options->recipe;
  parameters->Add("out", &options->out, "Bundle to write; an older one of that name is replaced in one step", "FILE");
  parameters->Add("model", &recipe.model, "Model name, by which clients ask for it", "NAME");
  parameters->Add("version", &recipe.version, "Version of the model");
  parameters->Add("source", &recipe.source, "Where the data came from (default: the files' names)");
  parameters->Add("prior_half_life_days", &recipe.prior_half_life_days,
                  "The item prior counts a user half who came so many days before the newest event; 0: all alike");
  parameters->Add("seed", &recipe.seed, "Seed; the same input, parameters, seed and one thread give the same bundle");
  parameters->Add("threads", &recipe.threads, "Threads", 1, kMaxThreads);
}

}  // namespace kindred
