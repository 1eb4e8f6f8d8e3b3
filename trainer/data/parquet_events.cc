#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/input_file_size.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/event_readers.h"
#include "trainer/data/parquet_plugin.h"

namespace kindred {
namespace {

constexpr char kLibraryVariable[] = "KINDRED_PARQUET_LIBRARY";
constexpr std::string_view kLibraryName = "kindred_parquet.so";

// Where the plugin is looked for, in order.
std::vector<std::string> LibraryPaths() {
  if (const char* given = std::getenv(kLibraryVariable); given != nullptr) return {given};
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", error).parent_path();
  return {(folder / kLibraryName).string(), (folder / "../lib/kindred" / kLibraryName).lexically_normal().string()};
}

// The plugin's entry; stays loaded.
absl::StatusOr<OpenParquetFunction> LoadPlugin() {
  std::string problem;
  for (const std::string& path : LibraryPaths()) {
    std::error_code error;
    if (!std::filesystem::exists(path, error)) {
      StrAppend(&problem, problem.empty() ? "" : ", ", "there is no ", path);
      continue;
    }
    void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    void* entry = library == nullptr ? nullptr : dlsym(library, kParquetPluginEntry);
    if (entry != nullptr) return reinterpret_cast<OpenParquetFunction>(entry);
    StrAppend(&problem, problem.empty() ? "" : ", ", dlerror());
  }
  return absl::UnimplementedError(problem);
}

absl::Status NoParquet(const std::string& path, std::string_view why) {
  return absl::UnimplementedError(absl::StrFormat(
      "%s: is Parquet, and this build of kindred was made without Arrow (%s). scripts/fetch_arrow.sh, then "
      "scripts/build.sh release, adds it (docs/data.md); or write the table as CSV: python3 -c \"import pandas; "
      "pandas.read_parquet('%s').to_csv('events.csv.gz', index=False)\"",
      path, why, path));
}

Cell CellOf(const ParquetColumn& column, int64_t row, const char* type) {
  if (column.valid != nullptr && column.valid[row] == 0) return {};
  switch (column.kind) {
    case ParquetColumn::kText:
      return {.kind = Cell::Kind::kText,
              .text = std::string_view(column.texts[row], static_cast<size_t>(column.lengths[row]))};
    case ParquetColumn::kInteger:
      return {.kind = Cell::Kind::kInteger, .integer = column.integers[row]};
    case ParquetColumn::kNumber:
      return {.kind = Cell::Kind::kNumber, .number = column.numbers[row]};
    case ParquetColumn::kTimeMs:
      return {.kind = Cell::Kind::kTimeMs, .integer = column.integers[row]};
    case ParquetColumn::kWrongType:
      break;
  }
  return {.kind = Cell::Kind::kWrongType, .text = type};
}

}  // namespace

absl::Status ReadParquetEvents(const std::string& path, EventBuilder* builder, Progress* progress) {
  RETURN_IF_ERROR(InputFileSize(path).status());
  static const absl::StatusOr<OpenParquetFunction> open = LoadPlugin();
  if (!open.ok()) return NoParquet(path, std::string(open.status().message()));
  const std::unique_ptr<ParquetSource> source((*open)(path.c_str(), kParquetPluginVersion));
  if (source == nullptr) return NoParquet(path, "its kindred_parquet.so is of another version");
  const auto failed = [&] {
    return absl::DataLossError(
        absl::StrFormat("%s: is no whole Parquet file, write or fetch it again: %s", path, source->error()));
  };
  if (*source->error() != '\0') return failed();

  std::vector<std::string> columns;
  columns.reserve(source->columns());
  for (int32_t i = 0; i < source->columns(); ++i) columns.emplace_back(source->name(i));
  const auto has = [&](std::string_view name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  ASSIGN_OR_RETURN(const std::vector<std::string> names, builder->ColumnsOf(path, has));
  std::vector<int32_t> selected, place(names.size(), -1);
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) continue;
    const auto found = std::find(columns.begin(), columns.end(), names[i]);
    if (found == columns.end()) return builder->NoColumn(path, i, names[i], columns);
    if (std::find(found + 1, columns.end(), names[i]) != columns.end()) {
      return absl::InvalidArgumentError(absl::StrFormat("%s: has several columns %s", path, Shown(names[i])));
    }
    place[i] = static_cast<int32_t>(selected.size());
    selected.push_back(static_cast<int32_t>(found - columns.begin()));
  }
  source->Select(selected.data(), static_cast<int32_t>(selected.size()));
  if (*source->error() != '\0') return failed();

  progress->Begin(StrCat("reading ", path), static_cast<uint64_t>(source->rows()), "rows");
  std::vector<Cell> cells(names.size());
  int64_t done = 0;
  while (true) {
    const int64_t rows = source->Next();
    if (rows < 0) return failed();
    if (rows == 0) return absl::OkStatus();
    for (int64_t row = 0; row < rows; ++row) {
      for (size_t i = 0; i < cells.size(); ++i) {
        if (place[i] >= 0) cells[i] = CellOf(source->column(place[i]), row, source->type(selected[place[i]]));
      }
      if (const auto problem = builder->Add(cells)) {
        RETURN_IF_ERROR(builder->BadRow(absl::InvalidArgumentError(absl::StrFormat(
            "%s, row %d, column '%s': %s", path, done + row + 1, names[problem->column], problem->what))));
      }
    }
    done += rows;
    progress->Update(static_cast<uint64_t>(done));
  }
}

}  // namespace kindred
