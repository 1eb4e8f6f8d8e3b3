// The kernels of vector_kernels.h for one instruction set, and the sets that there are.
#pragma once

#include "trainer/linalg/vector_kernels.h"

namespace kindred {

struct VectorKernelTable {
  decltype(&SparseTimesDense) sparse_times_dense;
  decltype(&MultiplyAdd) multiply_add;
  decltype(&ImplicitCgRow) implicit_cg_row;
  decltype(&NonNegativeSweep) non_negative_sweep;
};

const VectorKernelTable& BaselineVectorKernels();
// nullptr where the machine or the build has none.
const VectorKernelTable* Avx2VectorKernels();

}  // namespace kindred
