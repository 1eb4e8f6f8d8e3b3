// The inner loop of skip-gram with negative sampling on 32-bit floats, compiled for AVX2 with FMA beside the baseline;
// the first call takes what the machine has. Plain pointers. The same bits on the same machine; another instruction set
// rounds otherwise. Several threads may work on the same rows at once (Hogwild: Niu et al. 2011): updates may then be
// lost, and the bits depend on the timing.
#pragma once

#include <cstddef>

namespace kindred {

// Rows are padded with zeros to a multiple of this many floats.
inline constexpr size_t kSkipGramLanes = 8;
// Most targets of one step: one positive and the negatives.
inline constexpr size_t kMaxSkipGramTargets = 64;

// One step of gradient ascent on log σ(x·y_0) + Σ_{t ≥ 1} log σ(−x·y_t), x = `input`, y_t = `outputs[t]`: all products
// are taken first, then x and every y_t move by `rate` times their gradient, each y_t with the x before the step, and x
// with the y_t before the step (a row that is among the targets twice: before its second update).
// REQUIRES: 1 ≤ n_targets ≤ kMaxSkipGramTargets; stride a multiple of kSkipGramLanes.
void SkipGramStep(float* input, float* const* outputs, size_t n_targets, size_t stride, float rate);

}  // namespace kindred
