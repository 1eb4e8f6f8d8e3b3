#include "core/bundle/metadata.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/time/time.h"
#include "core/base/str_cat.h"
#include "core/bundle/strict_json.h"
#include "core/bundle/tensor_names.h"

namespace kindred {
namespace {

constexpr size_t kMaxTextBytes = 256;

absl::Status MetadataError(std::string_view key, std::string_view found, std::string_view expected) {
  return absl::InvalidArgumentError(
      StrCat("header, metadata key ", Quoted(key), ": found ", found, ", expected ", expected));
}

}  // namespace

absl::Status ReadMetadata(BundleInfo* info) {
  const auto& metadata = info->header.metadata;
  const auto find = [&](std::string_view key) -> const std::string* {
    const auto it = metadata.find(key);
    return it == metadata.end() ? nullptr : &it->second;
  };
  for (const auto& [key, value] : metadata) {
    // Keys that are not ours belong to other tools ("format": "pt") and are theirs to read.
    if (!key.starts_with(names::kKeyPrefix)) continue;
    if (std::find(std::begin(names::kMetadataKeys), std::end(names::kMetadataKeys), key) ==
        std::end(names::kMetadataKeys)) {
      return MetadataError(
          key, "an unknown key",
          StrCat("one of ", StrJoin(names::kMetadataKeys, ", "), "; a newer Kindred may have written this bundle"));
    }
  }

  const std::string* format = find(names::kFormat);
  if (format != nullptr && *format != names::kFormatVersion) {
    return MetadataError(names::kFormat, Quoted(*format),
                         StrCat("\"", names::kFormatVersion, "\", the format this build reads"));
  }
  info->sealed = find(names::kChecksums) != nullptr || find(names::kDigest) != nullptr;
  if (info->sealed) {
    for (std::string_view key :
         {names::kFormat, names::kChecksums, names::kDigest, names::kSpaces, names::kDefaultSpace}) {
      if (find(key) == nullptr) return MetadataError(key, "nothing", "this key in a sealed bundle");
    }
  }

  struct Text {
    std::string_view key;
    std::string* out;
  };
  for (const Text& text : {Text{names::kFormat, &info->format_version}, Text{names::kModel, &info->model},
                           Text{names::kVersion, &info->version}, Text{names::kSource, &info->source},
                           Text{names::kCreatedAt, &info->created_at}, Text{names::kDefaultSpace, &info->default_space},
                           Text{names::kDigest, &info->digest}}) {
    const std::string* value = find(text.key);
    if (value == nullptr) continue;
    if (value->size() > kMaxTextBytes) {
      return MetadataError(text.key, StrCat(value->size(), " bytes"), StrCat("at most ", kMaxTextBytes));
    }
    *text.out = *value;
  }
  if (find(names::kCreatedAt) != nullptr) {
    absl::Time time;
    if (!info->created_at.ends_with('Z') || !absl::ParseTime(absl::RFC3339_full, info->created_at, &time, nullptr)) {
      return MetadataError(names::kCreatedAt, Quoted(info->created_at), "RFC 3339 in UTC, as 2026-01-31T12:00:00Z");
    }
  }
  if (const std::string* training = find(names::kTraining); training != nullptr && !nlohmann::json::accept(*training)) {
    return MetadataError(names::kTraining, Quoted(*training), "JSON");
  }
  return absl::OkStatus();
}

}  // namespace kindred
