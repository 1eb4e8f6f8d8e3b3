#include "trainer/data/ingest.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "trainer/base/text.h"
#include "trainer/data/csv_reader.h"

namespace kindred {
namespace {

constexpr std::string_view kDefaultValueColumn = "rating";
constexpr uint64_t kProgressRows = 4096;
constexpr uint32_t kRecommendedItems = 5;

// Numbers ids in the order they come.
class Indexer {
 public:
  uint32_t Index(std::string_view id) {
    const auto found = index_.find(id);
    if (found != index_.end()) return found->second;
    const auto index = static_cast<uint32_t>(ids_.size());
    ids_.emplace_back(id);
    index_.emplace(std::string(id), index);
    return index;
  }
  size_t size() const { return ids_.size(); }
  std::vector<std::string> TakeIds() { return std::move(ids_); }

 private:
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> index_;
  std::vector<std::string> ids_;
};

struct Columns {
  size_t user = 0, item = 0;
  std::optional<size_t> value, time;
};

absl::StatusOr<Columns> FindColumns(const CsvReader& csv, const IngestOptions& options) {
  Columns columns;
  ASSIGN_OR_RETURN(columns.user, csv.Column(options.user_column));
  ASSIGN_OR_RETURN(columns.item, csv.Column(options.item_column));
  if (options.value_column.empty()) {
    columns.value = csv.FindColumn(kDefaultValueColumn);
  } else {
    ASSIGN_OR_RETURN(columns.value, csv.Column(options.value_column));
  }
  if (!options.time_column.empty()) {
    ASSIGN_OR_RETURN(columns.time, csv.Column(options.time_column));
  }
  return columns;
}

// What one row came to: an event, or the reason it is skipped, or an error.
struct Row {
  std::string_view skip;  // not empty: skipped for this reason
  double value = 1;
  double time = 0;
};

absl::StatusOr<Row> ReadRow(const CsvReader& csv, const Columns& columns, const IngestOptions& options) {
  Row row;
  using Named = std::pair<size_t, std::string_view>;
  for (const auto& [column, empty] : {Named(columns.user, "empty user id"), Named(columns.item, "empty item id")}) {
    const std::string_view id = csv.Field(column);
    if (id.empty()) {
      row.skip = empty;
      return row;
    }
    if (const std::string problem = IdProblem(id); !problem.empty()) {
      return csv.ErrorAt(column, StrCat("the id ", Shown(id), " ", problem));
    }
  }
  if (columns.time) {
    const std::string_view text = csv.Field(*columns.time);
    const std::optional<double> time = ParseTime(text);
    if (!time) {
      return csv.ErrorAt(*columns.time,
                         StrCat("found ", Shown(text),
                                ", expected a time such as 2017-01-07 23:15:32, 2017-01-07T23:15:32Z or seconds "
                                "since 1970"));
    }
    row.time = *time;
    if (options.before && !(*time < *options.before)) {
      row.skip = "at or after the time given by --before";
      return row;
    }
  }
  if (!columns.value) return row;
  const std::string_view text = csv.Field(*columns.value);
  if (Trimmed(text).empty()) {
    row.skip = "empty value";
    return row;
  }
  const std::optional<double> value = ParseNumber(text);
  if (!value) {
    return csv.ErrorAt(*columns.value, StrCat("found ", Shown(text), ", expected a finite number"));
  }
  if (*value < 0 && !options.allow_negative) {
    return csv.ErrorAt(*columns.value, absl::StrFormat("found %s, expected a number ≥ 0: this model's factors and its "
                                                       "transform are of non-negative values",
                                                       Shown(text)));
  }
  row.value = *value;
  if (*value == 0) row.skip = "value of 0";
  return row;
}

}  // namespace

absl::StatusOr<Ingested> ReadInteractions(const std::string& path, const IngestOptions& options, Progress* progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path, options.delimiter));
  ASSIGN_OR_RETURN(const Columns columns, FindColumns(*csv, options));
  Ingested out;
  IngestReport& report = out.report;
  if (columns.value) report.value_column = csv->header()[*columns.value];

  progress->Begin(StrCat("reading ", path), csv->bytes_total(), "bytes");
  Indexer users, items;
  std::vector<Event> events;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    if (csv->records() % kProgressRows == 0) {
      progress->Update(csv->bytes_read(), StrCat(WithThousands(csv->records()), " rows"));
    }
    const absl::StatusOr<Row> row = ReadRow(*csv, columns, options);
    if (!row.ok()) {
      if (!options.skip_bad_rows) {
        return absl::InvalidArgumentError(
            StrCat(row.status().message(), ". Mend the row, or leave such rows out with --skip-bad-rows"));
      }
      if (report.first_bad_row.empty()) report.first_bad_row = std::string(row.status().message());
      ++report.skipped["bad rows"];
      continue;
    }
    if (!row->skip.empty()) {
      ++report.skipped[std::string(row->skip)];
      continue;
    }
    events.push_back(
        {users.Index(csv->Field(columns.user)), items.Index(csv->Field(columns.item)), row->value, row->time});
  }
  report.rows_read = csv->records();
  report.rows_used = events.size();
  if (events.empty()) {
    std::string reasons;
    for (const auto& [reason, rows] : report.skipped) StrAppend(&reasons, "; ", rows, " skipped: ", reason);
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: no interaction to train on in %d rows behind the header%s", path, report.rows_read, reasons));
  }
  Interactions all;
  const auto n_users = static_cast<uint32_t>(users.size()), n_items = static_cast<uint32_t>(items.size());
  all.values = Aggregate(std::move(events), n_users, n_items, options.aggregation);
  all.user_ids = users.TakeIds();
  all.item_ids = items.TakeIds();
  if (options.min_user_items > 1 || options.min_item_users > 1) {
    out.interactions = KeepCore(all, options.min_user_items, options.min_item_users);
  } else {
    out.interactions = std::move(all);
  }
  const Interactions& kept = out.interactions;
  report.users_dropped = n_users - kept.user_ids.size();
  report.items_dropped = n_items - kept.item_ids.size();
  if (kept.user_ids.empty()) {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: of %d users and %d items none is left that has %d items and %d users; loosen --min-user-items or "
        "--min-item-users",
        path, n_users, n_items, options.min_user_items, options.min_item_users));
  }
  for (uint32_t user = 0; user < kept.values.rows; ++user) {
    report.users_below_five += kept.values.RowIndices(user).size() < kRecommendedItems;
  }
  progress->End(absl::StrFormat("%s rows, %s users, %s items, %s interactions", WithThousands(report.rows_read),
                                WithThousands(kept.user_ids.size()), WithThousands(kept.item_ids.size()),
                                WithThousands(kept.values.nnz())));
  return out;
}

}  // namespace kindred
