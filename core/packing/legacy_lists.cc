#include "core/packing/legacy_lists.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <initializer_list>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/id_table.h"
#include "core/packing/csv_reader.h"

namespace kindred {
namespace {

constexpr uint64_t kRowsBetweenQuestions = 1024;
constexpr size_t kLongestMeanList = 1000;
constexpr uint64_t kMostUsers = (uint64_t{1} << 32) - 65;  // that a bundle can have

struct Columns {
  size_t user = 0, item = 0;
  std::optional<size_t> score, rank;
};

struct Row {
  uint32_t user = 0, item = 0;
  double score = 0, rank = 0;
};

absl::StatusOr<Columns> FindColumns(const CsvReader& csv) {
  const auto first = [&](std::initializer_list<std::string_view> names) -> std::optional<size_t> {
    for (std::string_view name : names) {
      if (const std::optional<size_t> column = csv.FindColumn(name)) return column;
    }
    return std::nullopt;
  };
  const auto user = first({"customer_id", "user_id", "user", "customer"});
  const auto item = first({"article_id", "item_id", "product_id", "item", "article"});
  if (!user || !item) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: has columns %s, expected one of customer_id, user_id and one of article_id, item_id, product_id",
        csv.path(), StrJoin(csv.header(), ", ")));
  }
  return Columns{*user, *item, csv.FindColumn("score"), csv.FindColumn("rank")};
}

// The number in a column, 0 where there is no such column.
absl::StatusOr<double> NumberIn(const CsvReader& csv, std::optional<size_t> column) {
  if (!column) return 0.0;
  const std::optional<double> number = ParseNumber(csv.Field(*column));
  if (!number || std::abs(*number) > std::numeric_limits<float>::max()) {
    return csv.ErrorAt(*column, StrCat("found ", Shown(csv.Field(*column)), ", expected a number"));
  }
  return *number;
}

std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> Rows(const std::vector<std::string>& ids) {
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> rows;
  rows.reserve(ids.size());
  for (uint32_t row = 0; row < ids.size(); ++row) rows.emplace(ids[row], row);
  return rows;
}

// Rows by user and place in the list → the list; how many rows name an item that their list has already.
uint64_t MakeLists(std::vector<Row> rows, bool scored, uint64_t n_items, LegacyLists* out) {
  std::stable_sort(rows.begin(), rows.end(), [](const Row& a, const Row& b) {
    if (a.user != b.user) return a.user < b.user;
    return a.score != b.score ? a.score > b.score : a.rank < b.rank;
  });
  uint64_t repeated = 0;
  std::vector<uint32_t> listed_for(n_items, UINT32_MAX);
  for (const Row& row : rows) {
    if (listed_for[row.item] == row.user) {
      ++repeated;
      continue;
    }
    listed_for[row.item] = row.user;
    out->items.push_back(row.item);
    const int64_t place = ++out->offsets[size_t{row.user} + 1];
    out->scores.push_back(scored ? static_cast<float>(row.score) : 1.0f / static_cast<float>(place));
  }
  for (size_t user = 1; user < out->offsets.size(); ++user) out->offsets[user] += out->offsets[user - 1];
  return repeated;
}

}  // namespace

absl::StatusOr<LegacyLists> ReadLegacyLists(const std::string& path, const std::vector<std::string>& user_ids,
                                            const std::vector<std::string>& item_ids, uint64_t max_new_users,
                                            const GoOn& go_on) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path));
  ASSIGN_OR_RETURN(const Columns columns, FindColumns(*csv));
  auto users = Rows(user_ids);
  const auto items = Rows(item_ids);
  LegacyLists out;
  std::vector<Row> rows;
  uint64_t unknown_items = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    if (csv->records() % kRowsBetweenQuestions == 1 && !go_on()) {
      return absl::CancelledError(StrCat(path, ": reading it was given up"));
    }
    Row row;
    ASSIGN_OR_RETURN(row.score, NumberIn(*csv, columns.score));
    ASSIGN_OR_RETURN(row.rank, NumberIn(*csv, columns.rank));
    const auto item = items.find(csv->Field(columns.item));
    if (item == items.end()) {
      ++unknown_items;
      continue;
    }
    row.item = item->second;
    const std::string_view id = csv->Field(columns.user);
    auto user = users.find(id);
    if (user == users.end()) {
      const std::string problem = id.empty() ? "is no id of a user" : IdProblem(id);
      if (!problem.empty()) {
        return csv->ErrorAt(columns.user, StrCat(Shown(id), " ", problem));
      }
      if (users.size() > kMostUsers - 1) return csv->ErrorAt(columns.user, "more users than a bundle can have");
      if (out.new_users.size() >= max_new_users) {
        return csv->ErrorAt(columns.user, absl::StrFormat("is one more than %d users without factors, which is more "
                                                          "than the factors of %d users allow",
                                                          max_new_users, user_ids.size()));
      }
      user = users.emplace(id, static_cast<uint32_t>(users.size())).first;
      out.new_users.emplace_back(id);
    }
    row.user = user->second;
    if (rows.size() >= users.size() * std::min(item_ids.size(), kLongestMeanList)) {
      return csv->ErrorAt(columns.item, absl::StrFormat("is more than the lists of %d users and %d items can hold",
                                                        users.size(), item_ids.size()));
    }
    rows.push_back(row);
  }
  out.offsets.assign(users.size() + 1, 0);
  const uint64_t repeated = MakeLists(std::move(rows), columns.score.has_value(), item_ids.size(), &out);
  uint64_t lists = 0;
  for (size_t user = 1; user < out.offsets.size(); ++user) lists += out.offsets[user] > out.offsets[user - 1] ? 1 : 0;
  out.note = absl::StrFormat(
      "%s: %s rows are lists for %s users, by %s (%s users without factors, who get their list; left out: %s rows of "
      "unknown items, %s of items listed already)",
      std::filesystem::path(path).filename().string(), WithThousands(csv->records()), WithThousands(lists),
      columns.score  ? "score"
      : columns.rank ? "rank"
                     : "the order of the file",
      WithThousands(out.new_users.size()), WithThousands(unknown_items), WithThousands(repeated));
  return out;
}

}  // namespace kindred
