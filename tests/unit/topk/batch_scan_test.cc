// The promise of the batch: every answer is that of TopK, and of a naive scan, bit for bit, on every ISA.
#include "core/topk/batch_scan.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_case.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {
namespace {

// Queries of every kind over one space, with what they view.
struct Batch {
  struct Owned {
    std::vector<float> vector;
    std::vector<uint64_t> allowed;
    std::vector<uint32_t> excluded;
  };
  std::vector<Owned> owned;
  std::vector<TopKQuery> queries;
};

Batch MakeBatch(const TestSpace& space, size_t count, std::mt19937_64& rng) {
  static constexpr uint32_t kKs[] = {0, 1, 2, 10, 10, 10, 37, 100, 1000, 0x7fffffff};
  static constexpr double kDensities[] = {0, 0.001, 0.01, 0.1, 0.5, 1};
  const uint32_t n = space.quantized.n_items, dim = space.quantized.dim;
  std::uniform_real_distribution<double> uniform(0, 1);
  Batch batch;
  batch.owned.resize(count);
  batch.queries.resize(count);
  for (size_t i = 0; i < count; ++i) {
    Batch::Owned& owned = batch.owned[i];
    TopKQuery& query = batch.queries[i];
    owned.vector = MakeQuery(space.items, n, dim, rng);
    if (rng() % 20 == 0) owned.vector[rng() % dim] = std::numeric_limits<float>::quiet_NaN();
    if (rng() % 40 == 0) owned.vector[rng() % dim] = std::numeric_limits<float>::infinity();
    if (rng() % 3 == 0) {
      const double density = kDensities[rng() % 6];
      owned.allowed.resize((n + 63) / 64);
      for (uint64_t& word : owned.allowed) {
        for (int bit = 0; bit < 64; ++bit) word |= static_cast<uint64_t>(uniform(rng) < density) << bit;
      }
      query.allowed = owned.allowed;
    }
    if (rng() % 2 == 0) {
      const uint64_t leave_out_one_in = 1 + rng() % 50;
      for (uint32_t item = 0; item < n; ++item) {
        if (rng() % leave_out_one_in == 0) owned.excluded.push_back(item);
      }
      query.excluded = owned.excluded;
    }
    query.vector = owned.vector;
    query.k = rng() % 10 == 0 ? n : kKs[rng() % 10];
    if (!space.prior.empty()) query.prior_weight = rng() % 4 == 0 ? 0 : 0.3f;
  }
  return batch;
}

TestSpace MakeSpace(RowKind kind, uint32_t n, uint32_t dim, std::mt19937_64& rng) {
  std::vector<float> prior;
  if (rng() % 2 == 0) prior = MakeRows(RowKind::kIntegers, n, 1, rng);
  return TestSpace::Make(MakeRows(kind, n, dim, rng), n, dim, rng() % 3 == 0, std::move(prior));
}

class TopKBatchTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = FindKernels(GetParam());
    if (!found.ok()) GTEST_SKIP() << "SKIPPED LOUDLY: " << found.status().message();
    kernels_ = *found;
  }

  // Answers the batch and compares each answer with TopK and, unless the query is not finite, with the naive scan.
  // Counts those that went through the quantized scan.
  void Check(const ScanSpace& space, std::span<const TopKQuery> queries, const std::string& description) {
    std::vector<TopKStats> stats(queries.size());
    const auto answers = TopKBatch(*kernels_, space, queries, &batch_scratch_, stats);
    ASSERT_EQ(answers.size(), queries.size());
    for (size_t i = 0; i < queries.size(); ++i) {
      TopKStats alone;
      const auto expected = TopK(*kernels_, space, queries[i], &scratch_, &alone);
      ASSERT_EQ(Difference(answers[i], {expected.begin(), expected.end()}), "") << description << ", query " << i;
      ASSERT_EQ(stats[i].full_scan, alone.full_scan) << description << ", query " << i;
      ASSERT_EQ(stats[i].rescored, alone.rescored) << description << ", query " << i;
      if (expected.empty()) continue;
      ASSERT_EQ(Difference(answers[i], NaiveTopK(space, queries[i])), "") << description << ", query " << i;
      (stats[i].full_scan ? full_ : certified_) += 1;
    }
  }

  const KernelTable* kernels_ = nullptr;
  TopKBatchScratch batch_scratch_;
  TopKScratch scratch_;
  uint32_t certified_ = 0, full_ = 0;
};

INSTANTIATE_TEST_SUITE_P(EachIsa, TopKBatchTest, testing::Values("scalar", "avx2", "avx512_vnni"),
                         [](const auto& info) { return info.param; });

TEST_P(TopKBatchTest, EqualsTopKAndANaiveScanInSeededBatches) {
  for (uint64_t seed = 0; seed < 150; ++seed) {
    std::mt19937_64 rng(seed);
    const auto kind = static_cast<RowKind>(rng() % kRowKinds);
    const uint32_t dim = 1 + static_cast<uint32_t>(rng() % (rng() % 4 == 0 ? 200 : 40));
    const uint32_t n = 1 + static_cast<uint32_t>(rng() % (rng() % 3 == 0 ? 3000 : 700));
    const TestSpace owner = MakeSpace(kind, n, dim, rng);
    const Batch batch = MakeBatch(owner, rng() % 50, rng);
    Check(owner.View(), batch.queries,
          "seed " + std::to_string(seed) + " n " + std::to_string(n) + " dim " + std::to_string(dim));
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(certified_, 400u) << "too few went through the quantized scan to say anything about it";
  EXPECT_GT(full_, 400u);
}

// Several blocks, and codes whose plane 0 rules tiles out first.
TEST_P(TopKBatchTest, CataloguesOfManyBlocksOfEveryKind) {
  const uint32_t n = 9000, dim = 130;
  for (int kind = 0; kind < kRowKinds; ++kind) {
    std::mt19937_64 rng(static_cast<uint64_t>(kind));
    const TestSpace owner = MakeSpace(static_cast<RowKind>(kind), n, dim, rng);
    ASSERT_GT(owner.quantized.codes.size(), size_t{1} << 20);
    const Batch batch = MakeBatch(owner, 20, rng);
    Check(owner.View(), batch.queries, "kind " + std::to_string(kind));
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(certified_, 50u);
}

TEST_P(TopKBatchTest, TiedItemsComeInIndexOrder) {
  std::mt19937_64 rng(1);
  const uint32_t n = 5000, dim = 20;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kAllTied, n, dim, rng), n, dim);
  const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
  std::vector<TopKQuery> queries(19);
  for (size_t i = 0; i < queries.size(); ++i) {
    queries[i].vector = vector;
    queries[i].k = static_cast<uint32_t>(i + 1);
  }
  const auto answers = TopKBatch(*kernels_, owner.View(), queries, &batch_scratch_);
  for (size_t i = 0; i < queries.size(); ++i) {
    ASSERT_EQ(answers[i].size(), i + 1);
    for (uint32_t r = 0; r <= i; ++r) ASSERT_EQ(answers[i][r].item, r);
  }
}

TEST_P(TopKBatchTest, GroupsOfEverySize) {
  std::mt19937_64 rng(2);
  const uint32_t n = 2000, dim = 24;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const std::vector<float> vectors = MakeRows(RowKind::kGaussian, 3 * kBatchGroup + 1, dim, rng);
  std::vector<TopKQuery> queries;
  for (size_t count = 0; count <= 3 * kBatchGroup; ++count) {
    Check(owner.View(), queries, std::to_string(count) + " queries");
    if (HasFatalFailure()) return;
    queries.emplace_back();
    queries.back().vector = std::span(vectors).subspan(count * dim, dim);
    queries.back().k = 10;
  }
  EXPECT_EQ(full_, 0u);
}

TEST_P(TopKBatchTest, EmptyCataloguesAndEmptyQueries) {
  const TestSpace empty = TestSpace::Make({}, 0, 8);
  const std::vector<float> vector(8, 1.0f);
  std::vector<TopKQuery> queries(3);
  for (TopKQuery& query : queries) query.vector = vector;
  queries[1].k = 10;
  for (const auto answer : TopKBatch(*kernels_, empty.View(), queries, &batch_scratch_)) EXPECT_TRUE(answer.empty());
  EXPECT_TRUE(TopKBatch(*kernels_, empty.View(), {}, &batch_scratch_).empty());
}

TEST_P(TopKBatchTest, AScratchServesSpacesByTurns) {
  std::mt19937_64 rng(3);
  const TestSpace small = MakeSpace(RowKind::kGaussian, 300, 9, rng);
  const TestSpace large = MakeSpace(RowKind::kIntegers, 4000, 33, rng);
  for (int turn = 0; turn < 3; ++turn) {
    for (const TestSpace* owner : {&small, &large}) {
      const Batch batch = MakeBatch(*owner, 20, rng);
      Check(owner->View(), batch.queries, "turn " + std::to_string(turn));
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace kindred
