#include "core/packing/legacy_articles.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "absl/strings/str_format.h"
#include "core/base/checked_math.h"
#include "core/base/status_macros.h"
#include "core/packing/mapping.h"
#include "core/packing/npy.h"

namespace kindred {

uint64_t MostNumbers(uint64_t held) {
  constexpr uint64_t kAlways = uint64_t{1} << 28, kTimes = 64;
  uint64_t most = 0;
  return CheckedMul(held, kTimes, &most) ? std::max(most, kAlways) : held;
}

absl::StatusOr<LegacyArticles> ReadLegacyArticles(const std::string& embeddings, const std::string& mapping,
                                                  const std::vector<std::string>& item_ids, const GoOn& go_on) {
  ASSIGN_OR_RETURN(const NpyMatrix matrix, ReadNpyMatrix(embeddings, go_on));
  const uint64_t most = MostNumbers(matrix.values.size());
  uint64_t numbers = 0;
  if (!CheckedMul(item_ids.size(), matrix.cols, &numbers) || numbers > most) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: has %d columns, which for the %d items of item_mapping make more than %d numbers; expected vectors of "
        "most items and of at most some thousand dimensions",
        embeddings, matrix.cols, item_ids.size(), most));
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> ids, ReadMapping(mapping, matrix.rows, go_on));
  std::unordered_map<std::string_view, size_t> row_of;
  row_of.reserve(item_ids.size());
  for (size_t row = 0; row < item_ids.size(); ++row) row_of.emplace(item_ids[row], row);
  LegacyArticles out;
  out.dim = static_cast<uint32_t>(matrix.cols);
  out.items.assign(numbers, 0.0f);
  for (size_t article = 0; article < ids.size(); ++article) {
    const auto item = row_of.find(ids[article]);
    if (item == row_of.end()) {
      ++out.left_out;
      continue;
    }
    std::copy_n(matrix.values.begin() + article * matrix.cols, matrix.cols,
                out.items.begin() + item->second * matrix.cols);
  }
  if (out.left_out == ids.size()) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "%s: none of its %d ids is an item of item_mapping; expected ids of the same form", mapping, ids.size()));
  }
  return out;
}

}  // namespace kindred
