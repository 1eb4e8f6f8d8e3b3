#include "trainer/families/train.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/input_file.h"

namespace kindred {
namespace {

using Json = nlohmann::ordered_json;

// How the events were read: what the next training needs to do the same, and what came of it.
std::string DataJson(TrainOptions options, const IngestReport& report) {
  ParameterList parameters;
  DescribeEventInput(&options, &parameters);
  DescribeItemInput(&options, &parameters);
  Json out = Json::object();
  out["parameters"] = Json::parse(parameters.ToJson());
  out["rows_read"] = report.rows_read;
  out["rows_used"] = report.rows_used;
  out["rows_skipped"] = report.skipped;
  out["value_column"] = report.value_column;
  out["time_column"] = report.time_column;
  return out.dump();
}

std::string FileNames(const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  names.reserve(paths.size());
  for (const std::string& path : paths) names.push_back(std::filesystem::path(path).filename().string());
  constexpr size_t kMaxSource = 256;
  return StrJoin(names, ", ").substr(0, kMaxSource);
}

}  // namespace

absl::StatusOr<TrainingInput> ReadTrainingInput(const TrainOptions& options, Progress* progress) {
  EventReadOptions read = options.read;
  // Where one family of several cannot take a negative value, none may come.
  read.allow_negative = true;
  for (const SpaceRecipe& space : options.recipe.spaces) read.allow_negative &= space.family->allows_negative();
  TrainingInput input;
  ASSIGN_OR_RETURN(input.events, ReadEvents(options.interactions, read, progress));
  if (options.items.empty()) return input;
  ItemTableOptions table = options.item_table;
  if (table.id_column.empty()) table.id_column = options.read.item_column;
  if (options.read.delimiter != 0) table.delimiter = options.read.delimiter;
  if (options.untouched_items) {
    ASSIGN_OR_RETURN(const std::vector<std::string> ids, ReadItemIds(options.items, table));
    const uint64_t added = AddItems(ids, &input.events.log);
    progress->Say(absl::StrFormat("%s items that nobody touched join the catalogue", WithThousands(added)));
  }
  ASSIGN_OR_RETURN(input.items, ReadItemTable(options.items, table, input.events.log.item_ids));
  progress->Say(absl::StrFormat("reading %s: %s rows, %s of items without interactions; %s items without a row",
                                options.items, WithThousands(input.items.rows_read),
                                WithThousands(input.items.rows_of_other_items),
                                WithThousands(input.items.items_without_row)));
  return input;
}

absl::StatusOr<TrainOutcome> Train(const TrainOptions& options, Progress* progress) {
  RETURN_IF_ERROR(CheckOutputPath(options.out));
  RETURN_IF_ERROR(CheckIsNoInput(options.out, options.interactions));
  RETURN_IF_ERROR(CheckIsNoInput(options.out, {options.items}));
  ASSIGN_OR_RETURN(TrainingInput input, ReadTrainingInput(options, progress));
  TrainOutcome outcome;
  outcome.ingest = std::move(input.events.report);
  Recipe recipe = options.recipe;
  if (recipe.source.empty()) recipe.source = FileNames(options.interactions);
  ASSIGN_OR_RETURN(TrainedBundle bundle,
                   TrainBundle(input.events.log, input.items, recipe, DataJson(options, outcome.ingest), progress));
  outcome.train = std::move(bundle.report);
  progress->Begin("packing", 0, "");
  ASSIGN_OR_RETURN(outcome.pack, PackParts(bundle.parts, options.out));
  progress->End(absl::StrFormat("%s, %s bytes, %d golden queries", options.out,
                                WithThousands(outcome.pack.info.file_size), outcome.pack.golden_queries));
  return outcome;
}

}  // namespace kindred
