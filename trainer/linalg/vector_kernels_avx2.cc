#include "trainer/linalg/vector_kernels_impl.h"

namespace kindred {

const VectorKernelTable* Avx2VectorKernels() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? &kTable : nullptr;
}

}  // namespace kindred
