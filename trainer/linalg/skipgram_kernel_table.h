// The kernel of skipgram_kernels.h for one instruction set, and the sets that there are.
#pragma once

#include "trainer/linalg/skipgram_kernels.h"

namespace kindred {

using SkipGramKernel = decltype(&SkipGramStep);

SkipGramKernel BaselineSkipGramKernel();
// nullptr where the machine or the build has none.
SkipGramKernel Avx2SkipGramKernel();

}  // namespace kindred
