// Chooses the kernels of this process, once: the best that the CPU has, or the one that KINDRED_ISA names.
#pragma once

#include <span>
#include <string_view>

#include "absl/status/statusor.h"
#include "core/kernels/kernels.h"

namespace kindred {

// The chosen kernels. KINDRED_ISA=scalar|avx2|avx512_vnni overrides; a name this CPU cannot run, or an unknown one,
// falls back to the best with the reason in KernelChoiceNote(). Thread-safe; decided at the first call.
const KernelTable& Kernels();

// Why Kernels() is what it is, for the start-up log: "avx512_vnni (best of scalar, avx2, avx512_vnni)".
std::string_view KernelChoiceNote();

// Those this CPU can run, slowest first. Always has "scalar".
std::span<const KernelTable* const> SupportedKernels();

// NOT_FOUND naming those supported, when `name` is not one of them.
absl::StatusOr<const KernelTable*> FindKernels(std::string_view name);

}  // namespace kindred
