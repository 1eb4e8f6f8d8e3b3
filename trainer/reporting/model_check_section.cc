// ModelCheckSection of report.h (requirement B9): the splits, the matrices, and how the training cells come back.
#include <cmath>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "trainer/reporting/factor_check.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/report.h"
#include "trainer/reporting/split_check.h"

namespace kindred {
namespace {

std::string Day(int64_t time_ms) {
  return absl::FormatTime("%Y-%m-%d", absl::FromUnixMillis(time_ms), absl::UTCTimeZone());
}

// 99.99…: as many digits as tell it from 100 %.
std::string SparsityText(double sparsity) {
  const double rest = 100 * (1 - sparsity);
  const int digits = rest > 0 ? std::clamp(static_cast<int>(std::ceil(-std::log10(rest))) + 1, 2, 8) : 2;
  return Percent(sparsity, digits);
}

// A column of the table of splits.
std::vector<std::string> Column(const SplitFigures& f) {
  return {WithThousands(f.users),
          WithThousands(f.items),
          WithThousands(f.rows),
          WithThousands(f.pairs),
          SparsityText(f.sparsity),
          f.has_values ? StrCat(Number(f.mean, 3), " ± ", Number(f.deviation, 3)) : "each 1",
          f.has_values ? absl::StrFormat("%g … %g", f.least, f.most) : "–",
          f.has_times ? Day(f.first_ms) : "–",
          f.has_times ? Day(f.last_ms) : "–",
          Percent(f.known_users),
          Percent(f.known_items)};
}

std::vector<std::string> Column(const BundleInfo& info) {
  const double sparsity = 1 - static_cast<double>(info.n_interactions) /
                                  (static_cast<double>(info.n_users) * static_cast<double>(info.n_items));
  std::vector<std::string> out(11, "–");
  out[0] = WithThousands(info.n_users);
  out[1] = WithThousands(info.n_items);
  out[3] = WithThousands(info.n_interactions);
  out[4] = SparsityText(sparsity);
  return out;
}

std::string SplitsPart(const ReportInput& input) {
  HtmlTable table;
  table.caption = "Splits";
  table.header = {""};
  for (const char* name : {"Users", "Items", "Ratings (rows)", "Distinct pairs", "Sparsity", "Mean rating",
                           "Least … most", "First day", "Last day", "Users that train has", "Items that train has"}) {
    table.rows.push_back({name});
  }
  const auto add = [&](std::string_view name, std::vector<std::string> column) {
    table.header.emplace_back(name);
    for (size_t i = 0; i < column.size(); ++i) table.rows[i].push_back(std::move(column[i]));
  };
  const EventLog* train = input.train ? &*input.train : nullptr;
  if (input.train) add("train", Column(CheckSplit("train", *input.train, nullptr)));
  if (input.valid) add("validation", Column(CheckSplit("validation", *input.valid, train)));
  if (input.test) add("test", Column(CheckSplit("test", *input.test, train)));
  if (input.model != nullptr && input.model->info().n_interactions > 0)
    add("in the bundle", Column(input.model->info()));
  std::string out;
  if (table.header.size() > 1) {
    StrAppend(
        &out, TableHtml(table),
        "<p class=\"soft\">Sparsity = 1 − pairs / (users · items). Mean ratings with their standard deviation, over "
        "rows.</p>\n");
  }
  if (!input.train || !input.test) {
    StrAppend(&out, MissingHtml("Users, items, ratings and sparsity of each split: give its files.",
                                "kindred report --train TRAIN --valid VALID --test TEST …"));
  }
  return out;
}

std::string SpacesTable(const Model& model) {
  HtmlTable table;
  table.caption = "Spaces";
  table.header = {"Space", "Family", "Fold-in", "Ranked by", "Transform", "Dimensions", "λ", "Prior weight"};
  table.text_columns = 5;
  for (const auto& space : model.spaces()) {
    const SpaceSpec& spec = space->spec;
    table.rows.push_back({StrCat(NameHtml(space->name), space->name == model.info().default_space ? " (default)" : ""),
                          NameHtml(spec.family), Escaped(FoldInName(spec.fold_in)), Escaped(MetricName(spec.metric)),
                          Escaped(ValueTransformName(spec.transform)), WithThousands(spec.dim),
                          absl::StrFormat("%g", spec.fold_in_lambda), absl::StrFormat("%g", spec.prior_weight)});
  }
  return TableHtml(table);
}

std::string FactorsTable(const Model& model) {
  HtmlTable table;
  table.caption = "Factors";
  table.header = {"Matrix", "Shape", "Magnitude of entries", "Length of rows", "Rows of zeros"};
  const auto add = [&](const std::string& name, std::span<const float> matrix, uint64_t dim) {
    if (matrix.empty()) return;
    const FactorFigures f = CheckFactors(matrix, dim);
    table.rows.push_back({Escaped(name), StrCat(WithThousands(f.rows), " × ", WithThousands(f.dim)),
                          StrCat(Number(f.magnitude_mean), " ± ", Number(f.magnitude_deviation)),
                          StrCat(Number(f.row_norm_mean), " ± ", Number(f.row_norm_deviation)),
                          WithThousands(f.zero_rows)});
  };
  for (const auto& space : model.spaces()) {
    add(names::Space(space->name, names::kUsers), space->users, space->spec.dim);
    add(names::Space(space->name, names::kItems), space->items, space->spec.dim);
  }
  if (table.rows.empty()) return "";
  return TableHtml(table) + "<p class=\"soft\">Mean ± standard deviation: of |entry|, and of ‖row‖.</p>\n";
}

std::string ReconstructionPart(const ReportInput& input) {
  if (!input.train) {
    return MissingHtml("How well the factors give the training cells back (RMSE, MAE): give the training file.",
                       "kindred report --bundle FILE --train TRAIN …");
  }
  HtmlTable table;
  table.caption = "Reconstruction of the training cells";
  table.header = {"Space", "Fitted to", "Cells", "RMSE", "MAE", "RMSE of their mean"};
  table.text_columns = 2;
  std::string why;
  for (const auto& space : input.model->spaces()) {
    const absl::StatusOr<Reconstruction> found = Reconstruct(*input.model, *space, *input.train);
    if (!found.ok()) {
      StrAppend(&why, "<p class=\"missing\">Space ", NameHtml(space->name),
                " gives no cells back: ", Escaped(StrCat(found.status().message())), ".</p>\n");
      continue;
    }
    table.rows.push_back({NameHtml(space->name), Escaped(found->target), WithThousands(found->cells),
                          Number(found->rmse), Number(found->mae), Number(found->mean_rmse)});
  }
  if (table.rows.empty()) return why;
  return StrCat(TableHtml(table),
                "<p class=\"soft\">u · x against what the space was fitted to, over the touched cells "
                "only; untouched ones count as zero in training svd, nmf and als.</p>\n",
                why);
}

// The hyper-parameters and figures that the bundle remembers.
std::string TrainingPart(const Model& model) {
  const auto training = model.info().header.metadata.find(names::kTraining);
  if (training == model.info().header.metadata.end()) return "";
  const auto json = nlohmann::ordered_json::parse(training->second, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return "";
  return StrCat("<details><summary>What the bundle remembers of its training</summary><pre><code>",
                Escaped(json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace)),
                "</code></pre></details>\n");
}

}  // namespace

std::string ModelCheckSection(const ReportInput& input) {
  std::string out = SplitsPart(input);
  if (input.model == nullptr) {
    return out + MissingHtml("Shapes and magnitudes of the factors, and their reconstruction: give the bundle.",
                             "kindred report --bundle FILE --train TRAIN …");
  }
  return StrCat(out, SpacesTable(*input.model), FactorsTable(*input.model), ReconstructionPart(input),
                TrainingPart(*input.model));
}

}  // namespace kindred
