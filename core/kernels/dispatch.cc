#include "core/kernels/dispatch.h"

#include <array>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/kernels/kernel_tables.h"

namespace kindred {
namespace {

struct Supported {
  std::array<const KernelTable*, 3> tables = {};
  size_t count = 0;

  Supported() {
    tables[count++] = &kScalarKernels;
#ifdef KINDRED_X86_KERNELS
    // __builtin_cpu_supports also asks whether the operating system saves the wide registers.
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2")) tables[count++] = &kAvx2Kernels;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")) {
      tables[count++] = &kAvx512VnniKernels;
    }
#endif
  }
};

std::string SupportedNames() {
  return absl::StrJoin(SupportedKernels(), ", ",
                       [](std::string* out, const KernelTable* table) { out->append(table->name); });
}

struct Choice {
  const KernelTable* table;
  std::string note;

  Choice() : table(SupportedKernels().back()) {
    note = absl::StrCat(std::string(table->name), " (best of ", SupportedNames(), ")");
    const char* wanted = std::getenv("KINDRED_ISA");
    if (wanted == nullptr || *wanted == '\0') return;
    const absl::StatusOr<const KernelTable*> found = FindKernels(wanted);
    if (found.ok()) {
      table = *found;
      note = absl::StrCat(std::string(table->name), " (KINDRED_ISA; this CPU runs ", SupportedNames(), ")");
    } else {
      absl::StrAppend(&note, "; KINDRED_ISA ignored: ", found.status().message());
    }
  }
};

const Choice& Chosen() {
  static const Choice* const choice = new Choice();
  return *choice;
}

}  // namespace

const KernelTable& Kernels() {
  static const KernelTable& table = *Chosen().table;
  return table;
}

std::string_view KernelChoiceNote() { return Chosen().note; }

std::span<const KernelTable* const> SupportedKernels() {
  static const Supported supported;
  return {supported.tables.data(), supported.count};
}

absl::StatusOr<const KernelTable*> FindKernels(std::string_view name) {
  for (const KernelTable* table : SupportedKernels()) {
    if (table->name == name) return table;
  }
  return absl::NotFoundError(
      absl::StrCat("no kernels named \"", std::string(name), "\"; this CPU runs ", SupportedNames()));
}

}  // namespace kindred
