// Parts of a request as they are written on a command line. Pure, thread-safe. Whether ids, weights and amounts are
// acceptable is the server's to say.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// "ID,ID,…=AMOUNT" or "category:NAME=AMOUNT": a boost of items, or of all items of a category. The last '=' counts. Ids
// with a comma in them, and such as begin with "category:", go into "…", where \" and \\ stand for " and \.
// INVALID_ARGUMENT saying what was expected.
absl::StatusOr<v1::Boost> ParseBoostArgument(std::string_view text);

// "SPACE=WEIGHT,SPACE=WEIGHT,…". INVALID_ARGUMENT likewise.
absl::StatusOr<std::vector<v1::SpaceWeight>> ParseBlendArgument(std::string_view text);

// A profile token in Base64, as `kindred query update --json` prints it; URL-safe Base64 will do. INVALID_ARGUMENT.
absl::StatusOr<std::string> ParseTokenArgument(std::string_view text);
std::string TokenText(const std::string& token);

}  // namespace kindred
