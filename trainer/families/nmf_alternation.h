// The iterations of NMF between its start and its tidying up (nmf.h).
#pragma once

#include "trainer/families/nmf.h"

namespace kindred {

// Improves result->users and result->items, given as the start, until the tolerance or the most iterations; fills in
// the figures. Large matrices are worked on in 32-bit floats as long as those can tell one iteration from the next; the
// last solve and the figures are in doubles. REQUIRES: a checked matrix and options.
void Alternate(const SparseMatrix& r, const NmfOptions& options, NmfResult* result, Progress* progress);

}  // namespace kindred
