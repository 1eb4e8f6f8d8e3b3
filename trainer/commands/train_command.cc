#include <iostream>
#include <memory>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "trainer/base/parallel.h"
#include "trainer/base/text.h"
#include "trainer/commands/commands.h"
#include "trainer/families/train.h"

namespace kindred {
namespace {

constexpr std::string_view kTrainFooter =
    R"(Input is CSV with a header line (RFC 4180, UTF-8, plain or gzip). Rows of one user and item become one value.
The output is a complete bundle: factors, ids, seen items, names, categories, and all that serving needs; it is read
back and checked before it takes its name, and nothing is left behind when anything fails.

Exit codes: 0 done, 1 failed (the message says where and why), 2 wrong usage or no such file.)";

constexpr std::string_view kSvdExample = R"(
Example:
  kindred train svd --interactions purchases.csv.gz --user-column household_id --item-column product_id \
    --items products.csv.gz --item-name-column name --category-columns department,brand \
    --factors 50 --model groceries --out groceries.safetensors)";

constexpr std::string_view kNmfExample = R"(
Example:
  kindred train nmf --interactions ratings.csv --factors 50 --min-user-items 5 --out traits.safetensors)";

// Flags as text, before they are checked against one another.
struct Flags {
  TrainOptions options;
  uint32_t factors = 0, max_iterations = 0;
  double tolerance = 0, alpha = 0;
  uint64_t seed = 42;
  int threads = DefaultThreads();
  std::string transform = "log1p", aggregation = "sum", before, delimiter = ",", item_id_column;
  bool quiet = false;
};

void AddInputFlags(CLI::App* command, Flags* flags) {
  IngestOptions& ingest = flags->options.ingest;
  const std::string group = "Interactions";
  command->add_option("--interactions", flags->options.interactions_path, "CSV file of what users did with items")
      ->required()
      ->type_name("FILE")
      ->group(group);
  command->add_option("--user-column", ingest.user_column, "Column with the user's id")
      ->capture_default_str()
      ->type_name("NAME")
      ->group(group);
  command->add_option("--item-column", ingest.item_column, "Column with the item's id")
      ->capture_default_str()
      ->type_name("NAME")
      ->group(group);
  command
      ->add_option("--value-column", ingest.value_column,
                   "Column with the strength of the interaction (rating, quantity, amount); without it the column "
                   "'rating' if there is one, else 1 for each row")
      ->type_name("NAME")
      ->group(group);
  command
      ->add_option("--time-column", ingest.time_column,
                   "Column with the time, as 2017-01-07 23:15:32, RFC 3339 or seconds since 1970; orders rows for "
                   "--aggregate last and serves --before")
      ->type_name("NAME")
      ->group(group);
  command->add_option("--before", flags->before, "Use only rows before this time (needs --time-column)")
      ->type_name("TIME")
      ->group(group);
  command
      ->add_option("--aggregate", flags->aggregation,
                   "How several rows of one user and item become one value: sum, mean, last or count")
      ->capture_default_str()
      ->type_name("HOW")
      ->group(group);
  command
      ->add_option("--transform", flags->transform,
                   "What a value becomes before factorization: log1p = ln(1 + v), binary = 1, identity = v. Kept in "
                   "the bundle: serving does the same to new events")
      ->capture_default_str()
      ->type_name("HOW")
      ->group(group);
  command
      ->add_option("--min-user-items", ingest.min_user_items,
                   "Leave out users with fewer distinct items (5 is a good start for sparse data)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(group);
  command->add_option("--min-item-users", ingest.min_item_users, "Leave out items with fewer distinct users")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(group);
  command->add_flag(
      "--skip-bad-rows", ingest.skip_bad_rows,
      "Count rows with an unreadable or negative value, time or id and go on, instead of stopping at the first");
  command->add_option("--delimiter", flags->delimiter, "Field separator of both CSV files, one character or 'tab'")
      ->capture_default_str()
      ->type_name("CHAR")
      ->group(group);
}

void AddItemFlags(CLI::App* command, Flags* flags) {
  TrainOptions& options = flags->options;
  const std::string group = "Items";
  command->add_option("--items", options.items_path, "CSV file with one row an item: names, categories, attributes")
      ->type_name("FILE")
      ->group(group);
  command
      ->add_option("--item-id-column", flags->item_id_column,
                   "Column of --items with the item's id (default: as --item-column)")
      ->type_name("NAME")
      ->group(group);
  command->add_option("--item-name-column", options.items.name_column, "Column of --items with the name to show")
      ->type_name("NAME")
      ->group(group);
  command
      ->add_option("--category-columns", options.items.category_columns,
                   "Columns of --items to filter by, separated by commas; a cell becomes the category 'column:cell'")
      ->delimiter(',')
      ->type_name("NAME,…")
      ->group(group);
  command
      ->add_option("--attribute-columns", options.items.attribute_columns,
                   "Columns of --items with numbers, separated by commas; an empty cell is unknown")
      ->delimiter(',')
      ->type_name("NAME,…")
      ->group(group);
}

void AddOutputFlags(CLI::App* command, Flags* flags) {
  TrainOptions& options = flags->options;
  const std::string group = "Bundle";
  command->add_option("--out", options.out, "Bundle to write; an older one of that name is replaced in one step")
      ->required()
      ->type_name("FILE")
      ->group(group);
  command->add_option("--model", options.model, "Model name, by which clients ask for it")
      ->capture_default_str()
      ->type_name("NAME")
      ->group(group);
  command->add_option("--model-version,--version", options.version, "Version of the model")
      ->capture_default_str()
      ->type_name("TEXT")
      ->group(group);
  command->add_option("--source", options.source, "Where the data came from (default: the file's name)")
      ->type_name("TEXT")
      ->group(group);
  command
      ->add_option("--prior-weight", options.prior_weight,
                   "Weight β of popularity in the score u·x + β·ln(1 + users)/max; 0 ranks by the factors alone")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber)
      ->group(group);
  command->add_flag("--quiet", flags->quiet, "No progress on standard error");
}

void AddFactorFlags(CLI::App* command, Flags* flags) {
  const std::string group = "Factorization";
  command
      ->add_option("--factors", flags->factors, "Number of factors; reduced, and said so, when the data carries fewer")
      ->capture_default_str()
      ->check(CLI::Range(1, 4096))
      ->group(group);
  command->add_option("--iterations", flags->max_iterations, "Most iterations")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(group);
  command
      ->add_option("--seed", flags->seed,
                   "Seed; the same input, flags and seed give the same factors, at any thread count")
      ->capture_default_str()
      ->group(group);
  command->add_option("--threads", flags->threads, "Threads")
      ->capture_default_str()
      ->check(CLI::Range(1, 1024))
      ->group(group);
}

// Moves the flags that are text into the options; what is wrong with them, or nothing.
std::string Resolve(Flags* flags) {
  TrainOptions& options = flags->options;
  const absl::StatusOr<ValueTransform> transform = ValueTransformFromName(flags->transform);
  if (!transform.ok()) return StrCat("--transform: '", flags->transform, "', expected log1p, identity or binary");
  options.transform = *transform;
  const absl::StatusOr<Aggregation> aggregation = AggregationFromName(flags->aggregation);
  if (!aggregation.ok()) return StrCat("--aggregate: '", flags->aggregation, "', expected sum, mean, last or count");
  options.ingest.aggregation = *aggregation;
  if (flags->delimiter == "tab" || flags->delimiter == "\\t") flags->delimiter = "\t";
  if (flags->delimiter.size() != 1 || flags->delimiter == "\"" || flags->delimiter == "\n") {
    return StrCat("--delimiter: '", flags->delimiter, "', expected one character or 'tab'");
  }
  options.ingest.delimiter = options.items.delimiter = flags->delimiter[0];
  if (!flags->before.empty()) {
    if (options.ingest.time_column.empty()) return "--before needs --time-column";
    options.ingest.before = ParseTime(flags->before);
    if (!options.ingest.before) return StrCat("--before: '", flags->before, "', expected a time such as 2017-12-01");
  }
  for (const auto& [flag, text] : {std::pair<std::string_view, std::string_view>("--model", options.model),
                                   {"--model-version", options.version},
                                   {"--source", options.source}}) {
    if (text.size() > 256 || (text.empty() && flag != "--source")) return StrCat(flag, ": expected 1 to 256 bytes");
  }
  if (options.items_path.empty() && (!options.items.name_column.empty() || !options.items.category_columns.empty() ||
                                     !options.items.attribute_columns.empty() || !flags->item_id_column.empty())) {
    return "--item-id-column, --item-name-column, --category-columns and --attribute-columns need --items";
  }
  options.items.id_column = flags->item_id_column.empty() ? options.ingest.item_column : flags->item_id_column;
  return "";
}

void PrintReport(const TrainReport& report, const TrainOptions& options) {
  const auto& info = report.pack.info;
  const IngestReport& ingest = report.ingest;
  std::cout << absl::StrFormat("bundle        %s (%s bytes)\n", options.out, WithThousands(info.file_size));
  std::cout << absl::StrFormat("model         %s, version %s\n", info.model, info.version);
  std::cout << absl::StrFormat("rows          %s read, %s used; value: %s, %s\n", WithThousands(ingest.rows_read),
                               WithThousands(ingest.rows_used),
                               ingest.value_column.empty() ? "1 for each row" : "column " + ingest.value_column,
                               AggregationName(options.ingest.aggregation));
  for (const auto& [reason, rows] : ingest.skipped) {
    std::cout << absl::StrFormat("  skipped     %s: %s\n", WithThousands(rows), reason);
  }
  if (!ingest.first_bad_row.empty()) std::cout << "  first one   " << ingest.first_bad_row << "\n";
  if (ingest.users_dropped + ingest.items_dropped > 0) {
    std::cout << absl::StrFormat("  left out    %s users and %s items with too few interactions\n",
                                 WithThousands(ingest.users_dropped), WithThousands(ingest.items_dropped));
  }
  std::cout << absl::StrFormat("users         %s", WithThousands(info.n_users));
  if (ingest.users_below_five > 0)
    std::cout << ", " << WithThousands(ingest.users_below_five) << " with fewer than 5 items";
  std::cout << absl::StrFormat("\nitems         %s in %s categories\ninteractions  %s\n", WithThousands(info.n_items),
                               WithThousands(info.n_categories), WithThousands(info.n_interactions));
  for (const auto& [name, spec] : info.spaces) {
    std::cout << absl::StrFormat("space         %s: %s, %d factors, relative error %.4f\n", name, spec.family, spec.dim,
                                 report.relative_error);
  }
  if (!report.reduced.empty()) std::cout << "note          " << report.reduced << "\n";
}

int Run(const CLI::App& command, Flags* flags) {
  if (const std::string problem = Resolve(flags); !problem.empty()) return FailUsage(*command.get_parent(), problem);
  Progress progress(flags->quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  const absl::StatusOr<TrainReport> report = Train(flags->options, &progress);
  if (!report.ok()) return Fail(report.status());
  PrintReport(*report, flags->options);
  return kExitOk;
}

void AddSvd(CLI::App* train, int* exit_code) {
  CLI::App* svd = train->add_subcommand(
      "svd", "Truncated singular value decomposition: the best factors of their number in the least-squares sense");
  const auto flags = std::make_shared<Flags>();
  const SvdOptions defaults;
  flags->factors = defaults.factors;
  flags->max_iterations = defaults.max_iterations;
  flags->tolerance = defaults.tolerance;
  AddInputFlags(svd, flags.get());
  AddItemFlags(svd, flags.get());
  AddFactorFlags(svd, flags.get());
  svd->add_option("--tolerance", flags->tolerance, "Stop when every singular value squared is known to this share")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber)
      ->group("Factorization");
  AddOutputFlags(svd, flags.get());
  svd->footer(StrCat(kTrainFooter, "\n", kSvdExample));
  svd->callback([svd, flags, exit_code] {
    flags->options.family = SvdOptions{.factors = flags->factors,
                                       .max_iterations = flags->max_iterations,
                                       .tolerance = flags->tolerance,
                                       .seed = flags->seed,
                                       .threads = flags->threads};
    // Only where the value itself is factorized does a negative one mean something.
    flags->options.ingest.allow_negative = flags->transform == "identity";
    *exit_code = Run(*svd, flags.get());
  });
}

void AddNmf(CLI::App* train, int* exit_code) {
  CLI::App* nmf = train->add_subcommand(
      "nmf", "Non-negative matrix factorization: factors that only add up, so each reads as a trait");
  const auto flags = std::make_shared<Flags>();
  const NmfOptions defaults;
  flags->factors = defaults.factors;
  flags->max_iterations = defaults.max_iterations;
  flags->tolerance = defaults.tolerance;
  flags->alpha = kDefaultAlpha;
  AddInputFlags(nmf, flags.get());
  AddItemFlags(nmf, flags.get());
  AddFactorFlags(nmf, flags.get());
  nmf->add_option("--alpha", flags->alpha, "Regularization α of ‖R − WH‖² + α(‖W‖² + ‖H‖²)")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber)
      ->group("Factorization");
  nmf->add_option("--tolerance", flags->tolerance,
                  "Stop when the projected gradient falls below this share of the first")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber)
      ->group("Factorization");
  AddOutputFlags(nmf, flags.get());
  nmf->footer(StrCat(kTrainFooter, "\n", kNmfExample));
  nmf->callback([nmf, flags, exit_code] {
    flags->options.family = NmfOptions{.factors = flags->factors,
                                       .max_iterations = flags->max_iterations,
                                       .tolerance = flags->tolerance,
                                       .alpha = flags->alpha,
                                       .seed = flags->seed,
                                       .threads = flags->threads};
    *exit_code = Run(*nmf, flags.get());
  });
}

}  // namespace

void AddTrainCommand(CLI::App& app, int* exit_code) {
  CLI::App* train = app.add_subcommand("train", "Train a model on interactions and write it as a bundle");
  train->require_subcommand(1);
  AddSvd(train, exit_code);
  AddNmf(train, exit_code);
}

}  // namespace kindred
