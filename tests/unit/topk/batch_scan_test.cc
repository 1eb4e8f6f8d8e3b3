// The promise: each answer of a batch is TopK's own, bit by bit, on every ISA, whatever stands beside it.
#include "core/topk/batch_scan.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {
namespace {

class BatchScanTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = FindKernels(GetParam());
    if (!found.ok()) GTEST_SKIP() << "SKIPPED LOUDLY: " << found.status().message();
    kernels_ = *found;
    ASSERT_EQ(std::string(kernels_->name), GetParam());
  }
  const KernelTable* kernels_ = nullptr;
  BatchScanScratch scratch_;
  TopKScratch alone_;
};

INSTANTIATE_TEST_SUITE_P(EachIsa, BatchScanTest, testing::Values("scalar", "avx2", "avx512_vnni"),
                         [](const auto& info) { return info.param; });

TEST_P(BatchScanTest, EachAnswerIsThatOfASearchAlone) {
  std::mt19937_64 rng(5);
  std::normal_distribution<float> normal;
  for (int round = 0; round < 250; ++round) {
    // Catalogues below the tiny scan, of some blocks, and of many.
    const auto n = static_cast<uint32_t>(1 + rng() % (round % 10 == 0 ? 9'000 : 900));
    const auto dim = static_cast<uint32_t>(1 + rng() % 40);
    const bool cosine = rng() % 2 == 0;
    std::vector<float> prior;
    if (rng() % 2 == 0) {
      prior.resize(n);
      for (float& b : prior) b = normal(rng);
    }
    const TestSpace owner =
        TestSpace::Make(MakeRows(static_cast<RowKind>(rng() % kRowKinds), n, dim, rng), n, dim, cosine, prior);
    const ScanSpace space = owner.View();
    const size_t count = rng() % (kBatchGroup + 1);
    std::vector<std::vector<float>> vectors(count);
    std::vector<std::vector<uint64_t>> allowed(count);
    std::vector<std::vector<uint32_t>> excluded(count);
    std::vector<TopKQuery> queries(count);
    for (size_t i = 0; i < count; ++i) {
      vectors[i].resize(dim);
      for (float& x : vectors[i]) x = normal(rng) * (rng() % 7 == 0 ? 1e18f : 1.0f);
      if (rng() % 15 == 0) vectors[i][0] = std::nanf("");
      if (rng() % 3 == 0) {
        allowed[i].resize((n + 63) / 64);
        for (uint64_t& word : allowed[i]) word = rng() & (rng() % 3 == 0 ? rng() & rng() : ~uint64_t{0});
      }
      if (rng() % 2 == 0) {
        for (uint32_t item = 0; item < n; ++item) {
          if (rng() % 9 == 0) excluded[i].push_back(item);
        }
      }
      queries[i].vector = vectors[i];
      queries[i].prior_weight = rng() % 2 == 0 ? 0.5f : 0.0f;
      queries[i].k = static_cast<uint32_t>(rng() % 6 == 0 ? rng() % (2 * n) : rng() % 30);
      queries[i].allowed = allowed[i];
      queries[i].excluded = excluded[i];
    }
    std::vector<std::span<const ScoredItem>> results(count);
    TopKBatch(*kernels_, space, queries, &scratch_, results);
    for (size_t i = 0; i < count; ++i) {
      const auto expected = TopK(*kernels_, space, queries[i], &alone_);
      ASSERT_EQ(Difference(results[i], {expected.begin(), expected.end()}), "")
          << "round " << round << ", query " << i << " of " << count << ", " << n << " × " << dim;
      if (round % 5 == 0 && !std::isnan(vectors[i][0])) {
        ASSERT_EQ(Difference(results[i], NaiveTopK(space, queries[i])), "") << "round " << round << ", query " << i;
      }
    }
  }
}

TEST_P(BatchScanTest, NoQueriesAndNoItems) {
  const TestSpace owner = TestSpace::Make(std::vector<float>(3, 1.0f), 1, 3);
  TopKBatch(*kernels_, owner.View(), {}, &scratch_, {});
  const std::vector<float> vector = {1, 2, 3};
  TopKQuery query;
  query.vector = vector;
  std::span<const ScoredItem> result;
  TopKBatch(*kernels_, owner.View(), std::span(&query, 1), &scratch_, std::span(&result, 1));
  EXPECT_TRUE(result.empty()) << "k = 0";
}

}  // namespace
}  // namespace kindred
