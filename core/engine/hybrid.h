// Whether a model can answer for what items are, not only for what users did with them (requirements C5 and C8). Pure
// functions.
#pragma once

#include "core/engine/model.h"

namespace kindred {

// It has a content space, or a blend with all its parts. One that has neither is ready all the same, and goes on
// without.
bool IsHybridReady(const Model& model);

}  // namespace kindred
