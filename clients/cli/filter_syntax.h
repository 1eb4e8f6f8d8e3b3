// Filters as they are written on a command line, such as
//   category:"department:GROCERY" and price 1..5 and not flag:organic
// Pure, thread-safe.
//
//   category:A            has category A; category:A,B has one of the two
//   price 1..5            1 ≤ price ≤ 5; either bound may be left out: price 1.. or price ..5
//   price >= 1, price <= 5, price = 3
//   flag:organic          organic is not 0; flag:organic=no: it is 0 (an unknown value meets neither)
//   not C, C and D, C or D, ( … )
//
// `not` binds closest, then `and`, then `or`. Names with spaces, signs or a keyword's name go into "…", in which \" and
// \\ stand for " and \ themselves.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "kindred/v1/filter.pb.h"

namespace kindred {

// INVALID_ARGUMENT, with a mark under the place, for what is none of the above. Limits of a filter and names of
// attributes are the server's to check.
absl::StatusOr<v1::Filter> ParseFilterSyntax(std::string_view text);

// kindred.v1.Filter as JSON, with the field names of filter.proto. INVALID_ARGUMENT saying what is wrong.
absl::StatusOr<v1::Filter> ParseFilterJson(std::string_view json);

}  // namespace kindred
