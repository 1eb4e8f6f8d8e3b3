#include "core/kernels/dispatch.h"

#include <cstdlib>
#include <set>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace kindred {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(Dispatch, ScalarIsAlwaysThereAndFirst) {
  ASSERT_FALSE(SupportedKernels().empty());
  EXPECT_EQ(SupportedKernels().front()->name, "scalar");
}

TEST(Dispatch, EachTableIsWholeAndNamedOnce) {
  std::set<std::string> names;
  for (const KernelTable* table : SupportedKernels()) {
    EXPECT_TRUE(names.insert(std::string(table->name)).second) << table->name;
    EXPECT_NE(table->scan_until_hit, nullptr);
    EXPECT_NE(table->dot, nullptr);
    EXPECT_NE(table->dot_rows, nullptr);
    EXPECT_NE(table->dot_all, nullptr);
  }
}

TEST(Dispatch, WhatTheCpuHasIsOffered) {
#if defined(__x86_64__)
  EXPECT_EQ(FindKernels("avx2").ok(), static_cast<bool>(__builtin_cpu_supports("avx2")));
  const bool vnni = __builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512bw") &&
                    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  EXPECT_EQ(FindKernels("avx512_vnni").ok(), vnni);
#endif
}

TEST(Dispatch, AnUnknownNameIsNotFoundAndTheErrorListsThoseThatAre) {
  const auto found = FindKernels("sse9");
  ASSERT_EQ(found.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("sse9"));
  EXPECT_THAT(std::string(found.status().message()), HasSubstr("scalar"));
}

// ctest runs this with KINDRED_ISA unset, set to each name, and set to nonsense.
TEST(DispatchFromEnvironment, RunsWhatKindredIsaNames) {
  const char* wanted = std::getenv("KINDRED_ISA");
  const std::string note(KernelChoiceNote());
  const std::string best(SupportedKernels().back()->name);
  RecordProperty("kernels", std::string(Kernels().name));
  if (wanted == nullptr || *wanted == '\0') {
    EXPECT_EQ(Kernels().name, best);
    EXPECT_THAT(note, StartsWith(best + " (best of scalar"));
  } else if (FindKernels(wanted).ok()) {
    EXPECT_EQ(Kernels().name, wanted);
    EXPECT_THAT(note, StartsWith(std::string(wanted) + " (KINDRED_ISA"));
  } else {
    EXPECT_EQ(Kernels().name, best) << "falls back to the best";
    EXPECT_THAT(note, HasSubstr("KINDRED_ISA ignored"));
    EXPECT_THAT(note, HasSubstr(wanted));
    if (std::string(wanted) != "nonsense") GTEST_SKIP() << "SKIPPED LOUDLY: this CPU cannot run " << wanted;
  }
}

}  // namespace
}  // namespace kindred
