// The half of schema.h that reads tensors.
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "core/base/checksum.h"
#include "core/base/parallel_checks.h"
#include "core/base/read_once.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"
#include "core/bundle/id_table.h"
#include "core/bundle/row_checks.h"
#include "core/bundle/schema.h"
#include "core/bundle/schema_table.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

// The first element outside [low, high]; NaN is outside. Scans blocks without a branch inside, so that the compiler
// vectorizes: every float of a bundle passes through here at load.
template <typename T>
size_t FindOutside(std::span<const T> values, T low, T high) {
  constexpr size_t kBlock = 1024;
  for (size_t begin = 0; begin < values.size(); begin += kBlock) {
    const size_t end = std::min(values.size(), begin + kBlock);
    unsigned outside = 0;
    for (size_t i = begin; i < end; ++i)
      outside |= static_cast<unsigned>(!(values[i] >= low)) | static_cast<unsigned>(!(values[i] <= high));
    if (outside == 0) continue;
    for (size_t i = begin; i < end; ++i) {
      if (!(values[i] >= low && values[i] <= high)) return i;
    }
  }
  return values.size();
}

template <typename T>
absl::Status CheckRange(std::string_view name, const TensorView& tensor, T low, std::string_view expected) {
  const std::span<const T> values = tensor.As<T>();
  const size_t at = FindOutside<T>(values, low, std::numeric_limits<T>::max());
  if (at == values.size()) return absl::OkStatus();
  return ElementError(name, tensor, at, "found ", values[at], ", expected ", expected);
}

absl::Status CheckNumbers(std::string_view name, const TensorView& tensor, bool negative_allowed) {
  const std::string_view expected = negative_allowed ? "a finite number" : "a finite number >= 0";
  if (tensor.dtype == DType::kF64) {
    return CheckRange<double>(name, tensor, negative_allowed ? std::numeric_limits<double>::lowest() : 0, expected);
  }
  return CheckRange<float>(name, tensor, negative_allowed ? std::numeric_limits<float>::lowest() : 0, expected);
}

absl::Status CheckFiniteOrNan(std::string_view name, const TensorView& tensor) {
  const std::span<const float> values = tensor.As<float>();
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::abs(values[i]) <= std::numeric_limits<float>::max() || std::isnan(values[i])) continue;
    return ElementError(name, tensor, i, "found ", values[i], ", expected a finite number, or NaN for unknown");
  }
  return absl::OkStatus();
}

absl::Status CheckPermutation(std::string_view name, const TensorView& tensor, uint64_t n) {
  RETURN_IF_ERROR(CheckIndices(name, tensor, n, "n_items"));
  const std::span<const uint32_t> values = tensor.As<uint32_t>();
  std::vector<bool> met(n);
  for (size_t i = 0; i < values.size(); ++i) {
    const uint32_t value = ReadOnce(values[i]);
    if (value >= n || met[value]) {
      return ElementError(name, tensor, i, "found ", value, " a second time, expected each item once");
    }
    met[value] = true;
  }
  return absl::OkStatus();
}

absl::Status CheckBitmaps(std::string_view name, const TensorView& tensor, uint64_t n_items) {
  const uint64_t words = (n_items + 63) / 64;
  const std::span<const uint64_t> values = tensor.As<uint64_t>();
  const uint64_t past = n_items % 64 == 0 ? 0 : ~uint64_t{0} << (n_items % 64);
  for (size_t i = words - 1; i < values.size(); i += words) {
    if ((values[i] & past) != 0) {
      return ElementError(name, tensor, i, "has bits at or past n_items = ", n_items, ", expected none");
    }
  }
  return absl::OkStatus();
}

// Every id has its own filled slot, reached from its hash, and nothing else fills one: so Find ends and answers right.
absl::Status CheckIndex(std::string_view name, const TensorView& tensor, const IdTable& ids,
                        std::span<const int64_t> offsets) {
  const std::span<const uint64_t> words = tensor.As<uint64_t>();
  const uint64_t slots = words.size() / 2;
  uint64_t filled = 0;
  for (uint64_t slot = 0; slot < slots; ++slot) {
    const uint64_t word = words[2 * slot];
    if (word == 0) {
      if (words[2 * slot + 1] == 0) continue;
      return ElementError(name, tensor, 2 * slot + 1, "found ", words[2 * slot + 1], " in an empty slot, expected 0");
    }
    ++filled;
    const uint64_t row = (word & 0xffffffff) - 1;
    if ((word & 0xffffffff) == 0 || row >= ids.size()) {
      return ElementError(name, tensor, 2 * slot, "names row ", row, ", expected less than ", ids.size());
    }
    const uint64_t begin = static_cast<uint64_t>(offsets[row]);
    const uint64_t place = begin << 16 | static_cast<uint64_t>(offsets[row + 1] - offsets[row]);
    if (words[2 * slot + 1] != place) {
      return ElementError(name, tensor, 2 * slot + 1, "found ", words[2 * slot + 1], ", expected ", place,
                          ", the place of row ", row);
    }
  }
  if (filled != ids.size()) {
    return ElementError(name, tensor, 0, "the index has ", filled, " filled slots, expected ", ids.size(),
                        ", one for each id");
  }
  const uint64_t mask = slots - 1;
  for (uint32_t row = 0; row < ids.size(); ++row) {
    const std::string_view id = ids.Id(row);
    const uint64_t hash = Xxh3(std::as_bytes(std::span(id)));
    uint64_t slot = hash & mask;
    for (uint64_t probes = 0;; ++probes, slot = (slot + 1) & mask) {
      const uint64_t word = words[2 * slot];
      if (word == 0 || probes > kMaxIdProbes) {
        return ElementError(name, tensor, 2 * slot, "row ", row, " = ", Quoted(id), " is not found from its hash",
                            word == 0 ? "" : " within the probe limit", ", expected a slot in its probe sequence");
      }
      if (((word ^ hash) >> 32) != 0) continue;
      const uint32_t found = static_cast<uint32_t>(word) - 1;
      if (found == row) break;
      if (ids.Id(found) == id) {
        return ElementError(name, tensor, 2 * slot, "rows ", found, " and ", row, " are both ", Quoted(id),
                            ", expected distinct ids");
      }
    }
  }
  return absl::OkStatus();
}

absl::Status CheckIdTable(const TensorMap& tensors, std::string_view table) {
  const std::string bytes_name = names::Bytes(table), offsets_name = names::Offsets(table);
  const TensorView* bytes = FindTensor(tensors, bytes_name);
  const TensorView* offsets_view = FindTensor(tensors, offsets_name);
  if (bytes == nullptr || offsets_view == nullptr) return absl::OkStatus();
  RETURN_IF_ERROR(CheckOffsets(offsets_name, *offsets_view, bytes_name, bytes->bytes.size()));
  const IdTable ids = IdTableFrom(tensors, table);
  const std::span<const int64_t> offsets = offsets_view->As<int64_t>();
  const bool are_names = table == names::kItemNames;
  const bool ascii = IsAscii({reinterpret_cast<const char*>(bytes->bytes.data()), bytes->bytes.size()});
  for (uint32_t row = 0; row < ids.size(); ++row) {
    const std::string_view id = ids.Id(row);
    if (id.size() > kMaxIdBytes || (id.empty() && !are_names)) {
      return ElementError(offsets_name, *offsets_view, row, "row ", row, " has ", id.size(), " bytes, expected ",
                          are_names ? 0 : 1, " to ", kMaxIdBytes);
    }
    if (!ascii && !IsValidUtf8(id)) {
      return ElementError(bytes_name, *bytes, static_cast<uint64_t>(offsets[row]), "row ", row, " is ", Quoted(id),
                          ", expected UTF-8");
    }
  }
  if (are_names) return absl::OkStatus();
  if (const TensorView* index = FindTensor(tensors, names::Index(table)); index != nullptr) {
    return CheckIndex(names::Index(table), *index, ids, offsets);
  }
  // Without an index to look in, building one finds what is not distinct.
  const absl::StatusOr<OwnedTensor> built = MakeIdIndex(table, ids);
  if (built.ok()) return absl::OkStatus();
  return absl::InvalidArgumentError(StrCat("tensor \"", bytes_name, "\", bytes ", bytes->file_offset, "..",
                                           bytes->file_offset + bytes->bytes.size(), ": ", built.status().message()));
}

// Of a tensor on its own.
absl::Status CheckElements(const BundleInfo& info, std::string_view name, const TensorView& tensor, Content content) {
  switch (content) {
    case Content::kFinite:
      return CheckNumbers(name, tensor, /*negative_allowed=*/true);
    case Content::kNotNegative:
      return CheckNumbers(name, tensor, /*negative_allowed=*/false);
    case Content::kFiniteOrNan:
      return CheckFiniteOrNan(name, tensor);
    case Content::kItemIndices:
      return CheckIndices(name, tensor, info.n_items, "n_items");
    case Content::kPermutation:
      return CheckPermutation(name, tensor, info.n_items);
    case Content::kItemBitmaps:
      return CheckBitmaps(name, tensor, info.n_items);
    case Content::kFree:
    case Content::kIdBytes:
    case Content::kIdOffsets:
    case Content::kIdIndex:
    case Content::kRowOffsets:
    case Content::kRowValues:
      break;
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckContents(const BundleInfo& info, const TensorMap& tensors, const GoOn& go_on) {
  std::vector<std::function<absl::Status()>> checks;
  for (std::string_view table : {names::kItemIds, names::kUserIds, names::kCategoryIds, names::kTokenIds,
                                 names::kActionIds, names::kItemNames}) {
    checks.emplace_back([&, table] { return CheckIdTable(tensors, table); });
  }
  checks.emplace_back([&] { return CheckRows(tensors, names::kSeen, info.n_items, "n_items"); });
  checks.emplace_back([&] { return CheckRankedRows(tensors, names::kRecommendations, info.n_items, "n_items"); });
  checks.emplace_back([&] { return CheckRows(tensors, names::kItemCategories, info.n_categories, "n_categories"); });
  for (const auto& entry : info.spaces) {
    checks.emplace_back([&] {
      const auto& [space, spec] = entry;
      RETURN_IF_ERROR(CheckRows(tensors, names::Space(space, names::kRows), spec.dim, "d"));
      return CheckRows(tensors, names::Space(space, names::kColumns), info.n_items, "n_items");
    });
  }
  for (const auto& entry : tensors) {
    std::string_view space;
    const TensorRule* rule = FindTensorRule(entry.first, &space);
    if (rule == nullptr) continue;
    checks.emplace_back([&, rule] { return CheckElements(info, entry.first, entry.second, rule->content); });
  }
  return RunChecks(checks, CheckThreads(), go_on);
}

}  // namespace kindred
