// How the scores of a space relate to values that can be compared with a test's.
#pragma once

#include <cstdint>

#include "core/bundle/space_spec.h"

namespace kindred {

// How a score without its prior becomes a value of the test: not at all, as it is, or exp(score) − 1.
enum class ValueScale : uint8_t { kNone, kIdentity, kLog1p };

// Spaces that rank by dot product and whose users are fitted to values predict them, on the scale that they were
// trained on; others do not.
ValueScale ValueScaleOf(const SpaceSpec& spec);

}  // namespace kindred
