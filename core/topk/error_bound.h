// The certificate of the quantized scan: how far an approximate score can be from the f32 score it stands for.
// Pure functions.
#pragma once

#include "core/kernels/kernels.h"
#include "core/topk/quantizer.h"
#include "core/topk/topk_scan.h"

namespace kindred {

// Sets the weights and slack of `input` so that for every item |f32 score − approx| ≤ width of its block, even as the
// kernel and TopK compute approx ± width in f32. False, with `input` untouched, when that cannot be promised: the norms
// of query and items are so large, or so small under multipliers, that f32 could overflow or underflow on the way.
bool SetErrorBound(const ScanSpace& space, float prior_weight, const QuantizedQuery& query, ScanInput* input);

}  // namespace kindred
