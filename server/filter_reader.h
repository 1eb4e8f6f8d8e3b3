// kindred.v1.Filter → the engine's ItemFilter. Allocates nothing once *out has its capacity and nothing is wrong.
#pragma once

#include <string_view>

#include "core/engine/item_filter.h"
#include "kindred/v1/filter.pb.h"
#include "server/field_checks.h"

namespace kindred {

// Adds what is wrong to *checks, each with its path ("filter.all_of.filters[2].range.min"); *out is of use only when
// nothing is. Views into `filter`, which outlives *out. Work is bounded by the limits of limits.h, whatever the
// message.
void ReadFilter(std::string_view field, const v1::Filter& filter, FieldChecks* checks, ItemFilter* out);

}  // namespace kindred
