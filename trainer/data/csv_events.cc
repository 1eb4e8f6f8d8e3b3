#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/csv_reader.h"
#include "trainer/data/event_readers.h"

namespace kindred {
namespace {

constexpr uint64_t kProgressRows = 4096;
constexpr size_t kNone = SIZE_MAX;

char DelimiterOf(const std::string& path, char given) {
  if (given != 0) return given;
  return path.ends_with(".tsv") || path.ends_with(".tsv.gz") ? '\t' : ',';
}

}  // namespace

absl::Status ReadCsvEvents(const std::string& path, const EventReadOptions& options, EventBuilder* builder,
                           Progress* progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path, DelimiterOf(path, options.delimiter)));
  ASSIGN_OR_RETURN(const std::vector<std::string> names,
                   builder->ColumnsOf(path, [&](std::string_view name) { return csv->FindColumn(name).has_value(); }));
  std::vector<size_t> columns(names.size(), kNone);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const std::optional<size_t> column = csv->FindColumn(names[i]);
    if (!column) return builder->NoColumn(path, i, names[i], csv->header());
    columns[i] = *column;
  }
  progress->Begin(StrCat("reading ", path), csv->bytes_total(), "bytes");
  std::vector<Cell> cells(names.size());
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    for (size_t i = 0; i < cells.size(); ++i) {
      if (columns[i] != kNone) cells[i] = {.kind = Cell::Kind::kText, .text = csv->Field(columns[i])};
    }
    if (const auto problem = builder->Add(cells)) {
      RETURN_IF_ERROR(builder->BadRow(csv->ErrorAt(columns[problem->column], problem->what)));
    }
    if (csv->records() % kProgressRows == 0) {
      progress->Update(csv->bytes_read(), StrCat(WithThousands(csv->records()), " rows"));
    }
  }
  return absl::OkStatus();
}

}  // namespace kindred
