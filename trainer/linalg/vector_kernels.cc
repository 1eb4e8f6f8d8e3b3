#include "trainer/linalg/vector_kernels.h"

#include "trainer/linalg/vector_kernel_table.h"

namespace kindred {

#ifndef KINDRED_X86_KERNELS
const VectorKernelTable* Avx2VectorKernels() { return nullptr; }
#endif

namespace {

const VectorKernelTable& Kernels() {
  static const VectorKernelTable* avx2 = Avx2VectorKernels();
  return avx2 != nullptr ? *avx2 : BaselineVectorKernels();
}

}  // namespace

void SparseTimesDense(const int64_t* offsets, const uint32_t* indices, const float* values, int64_t begin, int64_t end,
                      const float* x, int64_t stride, float* y) {
  Kernels().sparse_times_dense(offsets, indices, values, begin, end, x, stride, y);
}

void MultiplyAdd(int64_t m, int64_t n, int64_t depth, const float* a, int64_t a_row, int64_t a_col, const float* b,
                 int64_t b_stride, float scale, float* c, int64_t c_stride) {
  Kernels().multiply_add(m, n, depth, a, a_row, a_col, b, b_stride, scale, c, c_stride);
}

RowFit ImplicitCgRow(const uint32_t* items, const float* extra, int64_t count, const float* y, const float* gram,
                     int64_t stride, int steps, float* scratch, float* x) {
  return Kernels().implicit_cg_row(items, extra, count, y, gram, stride, steps, scratch, x);
}

double NonNegativeSweep(const float* gram, int64_t gram_stride, int64_t k, const float* b, float* x) {
  return Kernels().non_negative_sweep(gram, gram_stride, k, b, x);
}

}  // namespace kindred
