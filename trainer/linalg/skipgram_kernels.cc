#include "trainer/linalg/skipgram_kernels.h"

#include "trainer/linalg/skipgram_kernel_table.h"

namespace kindred {

#ifndef KINDRED_X86_KERNELS
SkipGramKernel Avx2SkipGramKernel() { return nullptr; }
#endif

void SkipGramStep(float* input, float* const* outputs, size_t n_targets, size_t stride, float rate) {
  static const SkipGramKernel kernel =
      Avx2SkipGramKernel() != nullptr ? Avx2SkipGramKernel() : BaselineSkipGramKernel();
  kernel(input, outputs, n_targets, stride, rate);
}

}  // namespace kindred
