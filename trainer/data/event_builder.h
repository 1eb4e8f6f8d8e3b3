// Rows of cells into an EventLog: what every reader of a file format shares. Not thread-safe. Internal to this room.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "trainer/data/id_indexer.h"
#include "trainer/data/read_events.h"

namespace kindred {

// The columns of an event; filters come behind them.
enum Role : uint8_t { kUserRole, kItemRole, kValueRole, kTimeRole, kActionRole, kSessionRole, kRoles };

// One cell as the file has it. `text` lives until the next row.
struct Cell {
  enum class Kind : uint8_t { kMissing, kText, kInteger, kNumber, kTimeMs, kWrongType };
  Kind kind = Kind::kMissing;
  std::string_view text{};  // kWrongType: what was found, for the message
  int64_t integer = 0;      // kInteger, kTimeMs
  double number = 0;
};

class EventBuilder {
 public:
  explicit EventBuilder(const EventReadOptions& options);

  // The column of each role, then of each filter; "" where none is read. `has(name)` says whether the file has a
  // column. INVALID_ARGUMENT when an optional column that files before had is missing here, or the other way round.
  template <typename Has>
  absl::StatusOr<std::vector<std::string>> ColumnsOf(const std::string& path, Has has) {
    std::vector<std::string> columns = WantedColumns();
    for (const auto& [role, usual] : {std::pair(kValueRole, kUsualValue), std::pair(kTimeRole, kUsualTime)}) {
      if (columns[role].empty() && has(usual)) columns[role] = std::string(usual);
      if (columns[role] == kNoColumn) columns[role].clear();
    }
    if (absl::Status status = CheckSameColumns(path, columns); !status.ok()) return status;
    return columns;
  }

  // INVALID_ARGUMENT: the file has no column `name`, the one at `place` of ColumnsOf.
  static absl::Status NoColumn(const std::string& path, size_t place, std::string_view name,
                               const std::vector<std::string>& columns);

  struct Problem {
    size_t column = 0;  // place in ColumnsOf
    std::string what;
  };
  // Adds or skips one row; cells in the order of ColumnsOf. An error when the row is bad.
  std::optional<Problem> Add(std::span<const Cell> cells);
  // A bad row, located: remembers it with skip_bad_rows, else returns it with what to do.
  absl::Status BadRow(const absl::Status& located);

  uint64_t rows_read() const { return report_.rows_read; }
  // The log; FAILED_PRECONDITION when it is empty.
  absl::StatusOr<EventInput> Finish(const std::vector<std::string>& paths);

 private:
  static constexpr std::string_view kUsualValue = "rating";
  static constexpr std::string_view kUsualTime = "timestamp";
  enum Skip : uint8_t {
    kEmptyUser,
    kEmptyItem,
    kEmptyValue,
    kEmptyTime,
    kEmptyAction,
    kEmptySession,
    kZeroValue,
    kTooEarly,
    kTooLate,
    kSkips
  };
  std::vector<std::string> WantedColumns() const;
  absl::Status CheckSameColumns(const std::string& path, const std::vector<std::string>& columns);
  bool IsMissing(const Cell& cell) const;
  bool Keeps(const RowFilter& filter, const Cell& cell) const;
  std::optional<Problem> ReadTime(const Cell& cell, int64_t* time_ms) const;
  std::optional<Problem> ReadValue(const Cell& cell, double* value) const;
  static std::optional<Problem> CheckId(Role role, const Cell& cell);
  static uint32_t IndexOf(const Cell& cell, IdIndexer* ids);
  std::optional<Problem> SkipFor(Skip reason);
  void Cap();
  absl::Status KeepCore(const std::vector<std::string>& paths);

  const EventReadOptions options_;
  EventLog log_;
  IngestReport report_;
  IdIndexer users_, items_, actions_, sessions_;
  std::array<uint64_t, kSkips> skipped_{};
  std::vector<uint64_t> filtered_;
  std::string first_path_;
  std::vector<std::string> first_columns_;
};

}  // namespace kindred
