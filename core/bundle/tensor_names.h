// The names of a bundle's tensors and metadata keys: the vocabulary of docs/bundle_format.md, in one place.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/str_format.h"

namespace kindred::names {

// Tables of strings ("id tables"): `<table>.bytes` U8, `<table>.offsets` I64 [n+1], `<table>.index` U64 [slots × 2].
inline constexpr std::string_view kItemIds = "items.ids";
inline constexpr std::string_view kUserIds = "users.ids";
inline constexpr std::string_view kCategoryIds = "categories.ids";
inline constexpr std::string_view kTokenIds = "tokens.ids";    // "<action>_<item>", or "<item>" without actions
inline constexpr std::string_view kActionIds = "actions.ids";  // "view", "purchase", …
inline constexpr std::string_view kItemNames = "items.names";  // display names; no index
inline std::string Bytes(std::string_view table) { return absl::StrFormat("%s.bytes", table); }
inline std::string Offsets(std::string_view table) { return absl::StrFormat("%s.offsets", table); }
inline std::string Index(std::string_view table) { return absl::StrFormat("%s.index", table); }

// Compressed sparse rows: `.offsets` I64 [rows+1], `.values` U32.
inline constexpr std::string_view kSeen = "users.seen";                        // user → items, ascending
inline constexpr std::string_view kItemCategories = "items.categories";        // item → categories, ascending
inline constexpr std::string_view kRecommendations = "users.recommendations";  // user → items by rank, with scores
inline std::string Values(std::string_view csr) { return absl::StrFormat("%s.values", csr); }
inline std::string Weights(std::string_view csr) { return absl::StrFormat("%s.weights", csr); }  // F32, one a value

inline constexpr std::string_view kCategoryBitmaps = "categories.bitmaps";      // U64 [n_categories × words(n_items)]
inline constexpr std::string_view kPopularity = "items.popularity";             // F32 [n_items], interactions per item
inline constexpr std::string_view kPopularityOrder = "items.popularity_order";  // U32 [n_items], most popular first
inline constexpr std::string_view kItemPrior = "items.prior";         // F32 [n_items], b of score = q·x + β·b
inline constexpr std::string_view kAttributePrefix = "items.attr.";   // F32 [n_items], NaN = unknown
inline constexpr std::string_view kGoldenQueries = "golden.queries";  // U8, JSON (docs/bundle_format.md)

// Tensors of a space: `space.<name>.<part>`.
inline std::string Space(std::string_view space, std::string_view part) {
  return absl::StrFormat("space.%s.%s", space, part);
}
inline constexpr std::string_view kSpacePrefix = "space.";
inline constexpr std::string_view kItems = "items";             // F32 [n_items × d]
inline constexpr std::string_view kUsers = "users";             // F32 [n_users × d]
inline constexpr std::string_view kAverage = "average";         // F32 [d], mean user vector
inline constexpr std::string_view kGram = "gram";               // F64 [d × d], XᵀX of the item matrix, for fold-ins
inline constexpr std::string_view kTraitItems = "trait_items";  // U32 [d × kTraitItemCount], strongest items per trait
inline constexpr std::string_view kCodes = "q.codes";           // U8 [2 × tiles × 2·d4 × 64], nibbles of int8 codes
inline constexpr std::string_view kScales = "q.scales";         // F32 [tiles*64]
inline constexpr std::string_view kBounds = "q.bounds";         // F32 [tiles*4 × 2]
inline constexpr std::string_view kInverseNorms = "inverse_norms";    // F32 [n_items], 1/‖x‖, 0 for a zero row
inline constexpr std::string_view kCosineScales = "q.cosine_scales";  // F32 [tiles*64]
inline constexpr std::string_view kCosineBounds = "q.cosine_bounds";  // F32 [tiles*4 × 2]

// Of token embeddings (d_e columns) and the traits made of them.
inline constexpr std::string_view kTokens = "tokens";                     // F32 [n_tokens × d_e]
inline constexpr std::string_view kBasis = "basis";                       // F32 [d × d_e], H
inline constexpr std::string_view kAverageProfile = "average_profile";    // F32 [d], p̄
inline constexpr std::string_view kCategoryVectors = "category_vectors";  // F32 [n_categories × d_e]
inline constexpr std::string_view kActionVectors = "action_vectors";      // F32 [n_actions × d_e]
inline constexpr std::string_view kSources = "sources";                   // F32 [n_items × d], what `mean` averages
// Compressed sparse rows with weights, `space.<name>.rows.offsets` and so on.
inline constexpr std::string_view kRows = "rows";        // [n_items × d], in the place of `items`
inline constexpr std::string_view kColumns = "columns";  // [d × n_items], its transpose

inline constexpr uint64_t kTraitItemCount = 8;

// Metadata keys. A file with kDigest is sealed (packed by Kindred); one with none of ours is raw.
inline constexpr std::string_view kKeyPrefix = "kindred.";
inline constexpr std::string_view kFormat = "kindred.format";  // "1"
inline constexpr std::string_view kModel = "kindred.model";
inline constexpr std::string_view kVersion = "kindred.version";
inline constexpr std::string_view kSource = "kindred.source";
inline constexpr std::string_view kCreatedAt = "kindred.created_at";  // RFC 3339, UTC
inline constexpr std::string_view kCounts = "kindred.counts";  // JSON {"users":…,"items":…,"interactions":…}
inline constexpr std::string_view kSpaces = "kindred.spaces";  // JSON {"<space>": SpaceSpec}
inline constexpr std::string_view kDefaultSpace = "kindred.default_space";
inline constexpr std::string_view kTraining = "kindred.training";    // JSON, free: hyper-parameters and figures
inline constexpr std::string_view kChecksums = "kindred.checksums";  // JSON {"<tensor>": "xxh3:<16 hex>"}
inline constexpr std::string_view kDigest = "kindred.digest";        // "xxh128:<32 hex>" over the header
// All of them; any other key under kKeyPrefix is an error.
inline constexpr std::string_view kMetadataKeys[] = {kFormat, kModel,        kVersion,  kSource,    kCreatedAt, kCounts,
                                                     kSpaces, kDefaultSpace, kTraining, kChecksums, kDigest};
inline constexpr std::string_view kFormatVersion = "1";  // the value of kFormat

}  // namespace kindred::names
