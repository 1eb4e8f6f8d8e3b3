#include "trainer/linalg/vector_kernels_impl.h"

namespace kindred {

const VectorKernelTable& BaselineVectorKernels() { return kTable; }

}  // namespace kindred
