#include "core/bundle/bundle_writer.h"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <vector>

#include "core/base/checked_math.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"
#include "core/bundle/atomic_file.h"
#include "core/bundle/header.h"
#include "core/bundle/seal.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr size_t kLengthBytes = 8;
constexpr size_t kDataAlignment = 64;

using Entry = TensorMap::value_type;

absl::Status CheckInput(const TensorMap& tensors, const Metadata& metadata) {
  for (const auto& [name, tensor] : tensors) {
    uint64_t size = DTypeSize(tensor.dtype);
    bool fits = true;
    for (uint64_t extent : tensor.shape) fits = fits && CheckedMul(size, extent, &size);
    if (!fits || size != tensor.bytes.size()) {
      return absl::InvalidArgumentError(StrCat("tensor ", Quoted(name), " has ", tensor.bytes.size(),
                                               " bytes, expected as many as ", DTypeName(tensor.dtype), " [",
                                               StrJoin(tensor.shape, ", "), "] takes"));
    }
    if (tensor.shape.size() > kMaxRank) {
      return absl::InvalidArgumentError(StrCat("tensor ", Quoted(name), " has ", tensor.shape.size(),
                                               " dimensions, expected at most ", kMaxRank, " dimensions"));
    }
    if (name.empty() || name.size() > kMaxNameBytes || name == "__metadata__" || !IsValidUtf8(name)) {
      return absl::InvalidArgumentError(StrCat("tensor name ", Quoted(name), ", expected 1 to ", kMaxNameBytes,
                                               " bytes of UTF-8 and not \"__metadata__\""));
    }
  }
  for (const auto& [key, value] : metadata) {
    if (key.starts_with(names::kKeyPrefix) &&
        std::find(std::begin(names::kMetadataKeys), std::end(names::kMetadataKeys), key) ==
            std::end(names::kMetadataKeys)) {
      return absl::InvalidArgumentError(StrCat("metadata key ", Quoted(key), ", expected one of ",
                                               StrJoin(names::kMetadataKeys, ", "), " or a key outside \"",
                                               names::kKeyPrefix, "\""));
    }
    if (!IsValidUtf8(key) || !IsValidUtf8(value)) {
      return absl::InvalidArgumentError(StrCat("metadata key ", Quoted(key), " = ", Quoted(value), ", expected UTF-8"));
    }
  }
  return absl::OkStatus();
}

std::vector<const Entry*> FileOrder(const TensorMap& tensors) {
  std::vector<const Entry*> order;
  for (const Entry& entry : tensors) order.push_back(&entry);
  const auto key = [](const Entry* entry) {
    const bool ragged = entry->second.bytes.size() % kDataAlignment != 0;
    return std::tuple(ragged, ragged ? kDataAlignment - DTypeSize(entry->second.dtype) : 0);
  };
  // Stable: equal keys stay in order of name.
  std::stable_sort(order.begin(), order.end(), [&](const Entry* a, const Entry* b) { return key(a) < key(b); });
  return order;
}

// Length bytes and JSON, sealed.
std::string MakeHeader(const std::vector<const Entry*>& order, Metadata metadata) {
  Metadata checksums;
  for (const Entry* entry : order) checksums.emplace(entry->first, TensorChecksum(entry->second.bytes));
  const auto json_object = [](const Metadata& values) {
    std::string json = "{";
    for (const auto& [key, value] : values) {
      StrAppend(&json, json.size() > 1 ? "," : "", JsonString(key), ":", JsonString(value));
    }
    return json + "}";
  };
  metadata.insert_or_assign(std::string(names::kFormat), std::string(names::kFormatVersion));
  metadata.insert_or_assign(std::string(names::kChecksums), json_object(checksums));
  metadata.insert_or_assign(std::string(names::kDigest), UnsealedDigest());

  std::string header(kLengthBytes, '\0');
  StrAppend(&header, "{\"__metadata__\":", json_object(metadata));
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const TensorView& tensor = entry->second;
    StrAppend(&header, ",", JsonString(entry->first), ":{\"dtype\":\"", DTypeName(tensor.dtype), "\",\"shape\":[",
              StrJoin(tensor.shape, ","), "],\"data_offsets\":[", offset, ",", offset + tensor.bytes.size(), "]}");
    offset += tensor.bytes.size();
  }
  header.push_back('}');
  header.resize(RoundUp(header.size(), kDataAlignment), ' ');
  const uint64_t length = header.size() - kLengthBytes;
  std::memcpy(header.data(), &length, kLengthBytes);
  SealHeader(header);
  return header;
}

}  // namespace

absl::Status WriteBundle(const std::string& path, const TensorMap& tensors, const Metadata& metadata) {
  if (absl::Status status = CheckInput(tensors, metadata); !status.ok()) {
    return absl::InvalidArgumentError(StrCat("cannot write ", path, ": ", status.message()));
  }
  const std::vector<const Entry*> order = FileOrder(tensors);
  const std::string header = MakeHeader(order, metadata);
  std::vector<std::span<const std::byte>> parts = {std::as_bytes(std::span(header))};
  for (const Entry* entry : order) parts.push_back(entry->second.bytes);
  return WriteFileAtomically(path, parts);
}

}  // namespace kindred
