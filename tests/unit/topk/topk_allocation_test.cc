// Counts every allocation of this binary: a search in a space that was reserved makes none.
#include <atomic>
#include <cstdlib>
#include <new>
#include <random>
#include <vector>

#include "core/kernels/dispatch.h"
#include "core/topk/batch_scan.h"
#include "core/topk/topk_scan.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_space.h"

namespace {
std::atomic<int64_t> allocations{0};

void* CountedAllocate(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* p = std::malloc(size == 0 ? 1 : size);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}
}  // namespace

void* operator new(size_t size) { return CountedAllocate(size); }
void* operator new[](size_t size) { return CountedAllocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept { return CountedAllocate(size); }
void* operator new[](size_t size, const std::nothrow_t&) noexcept { return CountedAllocate(size); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }
void operator delete[](void* p, size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }

namespace kindred {
namespace {

class Allocations {
 public:
  int64_t made() const { return allocations.load() - before_; }

 private:
  int64_t before_ = allocations.load();
};

TEST(TopKAllocation, TheCounterCounts) {
  const Allocations count;
  const std::vector<int> something(100);
  EXPECT_EQ(count.made(), 1);
}

TEST(TopKAllocation, NoneOnceReserved) {
  std::mt19937_64 rng(1);
  const uint32_t n = 3000, dim = 37;
  std::vector<float> prior(n, 0.25f);
  const TestSpace gaussian = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const TestSpace tied = TestSpace::Make(MakeRows(RowKind::kAllTied, n, dim, rng), n, dim, /*cosine=*/true, prior);
  const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
  const std::vector<uint64_t> dense(47, 0x5555555555555555), sparse(47, 1);
  const std::vector<uint32_t> excluded = {1, 2, 3, 1000, 2999};
  std::vector<uint32_t> candidates(n);
  for (uint32_t i = 0; i < n; ++i) candidates[i] = i;
  TopKScratch scratch;
  scratch.Reserve(gaussian.View());
  Kernels();  // chosen once a process, which keeps a note of why

  bool certified = false, full = false;
  const Allocations count;
  for (const TestSpace* owner : {&gaussian, &tied}) {
    const ScanSpace space = owner->View();
    for (const uint32_t k : {1u, 10u, 100u, n - 1, n, n + 1}) {
      for (const std::span<const uint64_t> allowed :
           {std::span<const uint64_t>(), std::span(dense), std::span(sparse)}) {
        TopKQuery query;
        query.vector = vector;
        query.prior_weight = 0.5f;
        query.k = k;
        query.allowed = allowed;
        query.excluded = excluded;
        TopKStats stats;
        ASSERT_FALSE(TopK(space, query, &scratch, &stats).empty());
        (stats.full_scan ? full : certified) = true;
        ASSERT_FALSE(TopKOf(space, query, candidates, &scratch).empty());
      }
    }
  }
  EXPECT_EQ(count.made(), 0);
  EXPECT_TRUE(certified);
  EXPECT_TRUE(full);
}

TEST(TopKAllocation, NoneInABatchOnceWarm) {
  std::mt19937_64 rng(3);
  const uint32_t n = 3000, dim = 37;
  const TestSpace gaussian = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const TestSpace tied = TestSpace::Make(MakeRows(RowKind::kAllTied, n, dim, rng), n, dim);
  const std::vector<float> vectors = MakeRows(RowKind::kGaussian, 40, dim, rng);
  const std::vector<uint64_t> dense(47, 0x5555555555555555), sparse(47, 1);
  const std::vector<uint32_t> few = {1, 2999}, many = {1, 2, 3, 1000, 2998, 2999};
  std::vector<TopKQuery> queries(40);
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i].vector = std::span(vectors).subspan(i * dim, dim);
    queries[i].k = i % 7 == 0 ? n : 10;
    if (i % 3 != 0) queries[i].allowed = i % 3 == 1 ? dense : sparse;
    if (i % 2 != 0) queries[i].excluded = i % 4 == 1 ? few : many;
  }
  Kernels();  // chosen once a process, which keeps a note of why
  TopKBatchScratch scratch;
  for (int warm_up = 0; warm_up < 3; ++warm_up) {
    TopKBatch(gaussian.View(), queries, &scratch);
    TopKBatch(tied.View(), queries, &scratch);
  }
  const Allocations count;
  for (const TestSpace* owner : {&tied, &gaussian}) {
    ASSERT_EQ(TopKBatch(owner->View(), queries, &scratch).size(), queries.size());
    ASSERT_EQ(TopKBatch(owner->View(), std::span(queries).first(5), &scratch).size(), 5u);
  }
  EXPECT_EQ(count.made(), 0);
}

TEST(TopKAllocation, ABatchNeedsNoRoomForEveryItemOfEveryQuery) {
  std::mt19937_64 rng(4);
  const uint32_t n = 50000, dim = 16;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const std::vector<float> vectors = MakeRows(RowKind::kGaussian, kBatchGroup, dim, rng);
  std::vector<TopKQuery> queries(kBatchGroup);
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i].vector = std::span(vectors).subspan(i * dim, dim);
    queries[i].k = 10;
  }
  TopKBatchScratch scratch;
  TopKBatch(owner.View(), queries, &scratch);
  for (const TopKScratch& slot : scratch.slots) EXPECT_LE(slot.candidates.capacity(), 2048u);
}

TEST(TopKAllocation, AScratchGrowsToTheLargestSpaceOnly) {
  std::mt19937_64 rng(2);
  const TestSpace large = TestSpace::Make(MakeRows(RowKind::kGaussian, 2000, 20, rng), 2000, 20);
  const TestSpace small = TestSpace::Make(MakeRows(RowKind::kGaussian, 500, 9, rng), 500, 9);
  TopKScratch scratch;
  TopKQuery query;
  query.k = 10;
  const std::vector<float> a(20, 1.0f), b(9, 1.0f);
  query.vector = a;
  ASSERT_EQ(TopK(large.View(), query, &scratch).size(), 10u);
  const Allocations count;
  query.vector = b;
  const ScanSpace space = small.View();
  ASSERT_EQ(TopK(space, query, &scratch).size(), 10u);
  EXPECT_EQ(count.made(), 0);
}

}  // namespace
}  // namespace kindred
