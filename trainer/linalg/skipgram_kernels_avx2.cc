#include "trainer/linalg/skipgram_kernels_impl.h"

namespace kindred {

SkipGramKernel Avx2SkipGramKernel() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &Step : nullptr;
}

}  // namespace kindred
