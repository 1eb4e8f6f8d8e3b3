// Every limit of the API, in one place. docs/operations.md lists them for users, each with its name and value, and
// tests/check_limits.py holds the two against one another.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kindred::limits {

// Bytes of a user or item id (as in a bundle).
inline constexpr size_t kMaxIdBytes = 1024;
// Bytes of a model's or a space's name.
inline constexpr size_t kMaxNameBytes = 256;
inline constexpr size_t kMaxActionBytes = 64;
inline constexpr size_t kMaxUpdateIdBytes = 64;

// Events of one UpdateProfile, of an inline history, and kept in a profile.
inline constexpr int kMaxEvents = 256;
// Bytes of a profile token; of a profile that is larger it holds the last events.
inline constexpr size_t kMaxProfileTokenBytes = 16u << 10;
// Users of one BatchGetProfile.
inline constexpr int kMaxBatchProfiles = 1'000;
// exclude_item_ids, candidate_item_ids and the lists of SetAvailability, each.
inline constexpr int kMaxFilterIds = 10'000;

// Of a filter: how deep it may be nested, how many conditions it may have, and how many names in all of them.
inline constexpr int kMaxFilterDepth = 8;
inline constexpr int kMaxFilterConditions = 64;
inline constexpr int kMaxFilterNames = 1'000;

// Boosts of a request, and the largest amount of one and weight in a blend; spaces of a blend.
inline constexpr int kMaxBoosts = 100;
inline constexpr double kMaxBoost = 1e6;
inline constexpr int kMaxBlendSpaces = 16;

// Items that pages of one list may reach: offset and page size together.
inline constexpr uint32_t kMaxListDepth = 10'000;
inline constexpr size_t kMaxPageTokenBytes = 1'024;

// Of one BatchRecommend: subjects, and subjects × page_size; of one StreamRecommend.
inline constexpr int kMaxBatchSubjects = 1'000;
inline constexpr int kMaxBatchItems = 20'000;
inline constexpr int kMaxStreamSubjects = 100'000;
// Of one ScoreItems: queries, items of one and of all together; of one GetVectors: ids and tokens.
inline constexpr int kMaxScoreQueries = 1'000;
inline constexpr int kMaxScoredItems = 100'000;
inline constexpr int kMaxVectors = 1'000;

inline constexpr int32_t kDefaultPageSize = 10;
inline constexpr int32_t kMaxPageSize = 1'000;
// With `explain`, where an item carries a term for every dimension.
inline constexpr int32_t kMaxExplainedPageSize = 100;
// Items of GetProfileResponse.trained_items.
inline constexpr size_t kMaxTrainedItems = 1'000;

// Profiles of one ImportProfiles, users of one DeleteProfiles and of an ExportProfiles that names them.
inline constexpr int kMaxImportProfiles = 1'000;
// The largest version and epoch of a profile that is imported: half of what every JSON reader takes for a whole number
// (kMaxProfileCount), so that both go on counting for longer than anybody lives.
inline constexpr uint64_t kMaxImportVersion = 1ull << 52;

// Items that are out at a time.
inline constexpr size_t kMaxUnavailableItems = 1'000'000;
// ListUnavailableItems.
inline constexpr int32_t kDefaultItemPageSize = 1'000;
inline constexpr int32_t kMaxItemPageSize = 10'000;
inline constexpr size_t kMaxItemPageTokenBytes = 2u << 10;
// The largest request on the admin gRPC port: a SetAvailability whose every id is as long as it may be.
inline constexpr size_t kMaxAdminRequestBytes = 24u << 20;

// The largest answer: gRPC clients refuse messages above 4 MiB unless told otherwise.
inline constexpr size_t kMaxResponseBytes = 4u << 20;
// Default of serving.max_request_bytes.
inline constexpr size_t kMaxRequestBytes = 4u << 20;

// Age of a connection, in ms, at which it is to be made anew, and how long calls that it still has may go on; gRPC
// varies the first by a tenth. A stream that nobody reads would keep its generation of the model in memory for ever.
inline constexpr int64_t kMaxConnectionAgeMs = 3'600'000;
inline constexpr int64_t kMaxConnectionGraceMs = 600'000;

// Field violations of one error, so that its details stay well below the 8 KiB of metadata that gRPC clients accept.
inline constexpr int kMaxViolations = 8;

// First block of a call's arena: a request and a response of ten items fit with room to spare.
inline constexpr size_t kCallArenaBytes = 8u << 10;

}  // namespace kindred::limits
