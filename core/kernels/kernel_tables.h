// The tables that the per-ISA files define and dispatch.cc chooses from. Internal to this room: call Kernels().
#pragma once

#include "core/kernels/kernels.h"

namespace kindred {

extern const KernelTable kScalarKernels;
extern const KernelTable kAvx2Kernels;
extern const KernelTable kAvx512VnniKernels;

}  // namespace kindred
