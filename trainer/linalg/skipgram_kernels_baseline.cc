#include "trainer/linalg/skipgram_kernels_impl.h"

namespace kindred {

SkipGramKernel BaselineSkipGramKernel() { return &Step; }

}  // namespace kindred
