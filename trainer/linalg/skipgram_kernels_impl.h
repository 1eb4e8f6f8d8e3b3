// The text of the kernel of skipgram_kernels.h, compiled once an instruction set, with that file's flags; all of it in
// an unnamed namespace and without library functions, so that no copy stands in for another's.
#pragma once

#include <cstdint>

#include "trainer/linalg/skipgram_kernel_table.h"

// GCC warns of how vectors would be passed between functions; here they never are, all is one function in the end.
#define KINDRED_INLINE inline __attribute__((always_inline))
// Threads race on rows on purpose.
#define KINDRED_RACES __attribute__((no_sanitize("thread")))

namespace kindred {
namespace {

// One AVX2 register, or two of SSE; may lie anywhere.
typedef float Lanes __attribute__((vector_size(4 * kSkipGramLanes), aligned(4), may_alias));
typedef int32_t IntLanes __attribute__((vector_size(4 * kSkipGramLanes)));

KINDRED_INLINE KINDRED_RACES float Sum(const Lanes& v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

// 1 / (1 + exp(z)). exp by 2^i · e^f with the degree-5 polynomial of Cephes' expf: relative error below 1e-6, far below
// what a step of stochastic gradient ascent can tell.
KINDRED_INLINE KINDRED_RACES void Falloff(Lanes* values) {
  Lanes z = *values;
  const Lanes limit = Lanes{} + 30.0f;
  z = z > limit ? limit : z;
  z = z < -limit ? -limit : z;
  // Shifted above 0, so that truncation is rounding.
  const IntLanes whole = __builtin_convertvector(z * 1.44269504088896341f + 128.5f, IntLanes) - 128;
  const Lanes i = __builtin_convertvector(whole, Lanes);
  const Lanes f = (z - i * 0.693359375f) + i * 2.12194440e-4f;
  Lanes p = f * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * (f * f) + f + 1.0f;
  const IntLanes bits = (whole + 127) << 23;
  Lanes power;
  __builtin_memcpy(&power, &bits, sizeof(power));
  *values = 1.0f / (1.0f + p * power);
}

// N: chunks of a row, or 0 when only `chunks` knows.
template <size_t N>
KINDRED_INLINE KINDRED_RACES void StepOf(float* input, float* const* outputs, size_t n_targets, size_t chunks,
                                         float rate) {
  const size_t n = N > 0 ? N : chunks;
  Lanes* x = reinterpret_cast<Lanes*>(input);
  Lanes weights[kMaxSkipGramTargets / kSkipGramLanes];
  float* weight = reinterpret_cast<float*>(weights);
  const size_t groups = (n_targets + kSkipGramLanes - 1) / kSkipGramLanes;
  weights[groups - 1] = Lanes{};
  for (size_t t = 0; t < n_targets; ++t) {
    const Lanes* y = reinterpret_cast<const Lanes*>(outputs[t]);
    Lanes even = x[0] * y[0], odd = {};
    size_t j = 1;
    for (; j + 1 < n; j += 2) {
      odd += x[j] * y[j];
      even += x[j + 1] * y[j + 1];
    }
    if (j < n) odd += x[j] * y[j];
    weight[t] = Sum(even + odd);
  }
  // Each weight becomes rate · (label − σ(product)): σ(−z) = 1 − σ(z) gives the positive one.
  weight[0] = -weight[0];
  for (size_t g = 0; g < groups; ++g) {
    weights[g] = -weights[g];
    Falloff(&weights[g]);
    weights[g] *= -rate;
  }
  weight[0] = -weight[0];

  for (size_t j = 0; j < n; ++j) {
    const Lanes before = x[j];
    Lanes step = {};
    for (size_t t = 0; t < n_targets; ++t) {
      Lanes* y = reinterpret_cast<Lanes*>(outputs[t]) + j;
      const Lanes old = *y;
      step += weight[t] * old;
      *y = old + weight[t] * before;
    }
    x[j] = before + step;
  }
}

KINDRED_RACES void Step(float* input, float* const* outputs, size_t n_targets, size_t stride, float rate) {
  const size_t chunks = stride / kSkipGramLanes;
  switch (chunks) {
    case 4:
      return StepOf<4>(input, outputs, n_targets, chunks, rate);
    case 8:
      return StepOf<8>(input, outputs, n_targets, chunks, rate);
    case 16:
      return StepOf<16>(input, outputs, n_targets, chunks, rate);
    default:
      return StepOf<0>(input, outputs, n_targets, chunks, rate);
  }
}

}  // namespace
}  // namespace kindred
