// The promise of the room: TopK equals a plain f32 scan, item for item, in order, score bits included, on every ISA.
#include "core/topk/topk_scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_case.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {
namespace {

class TopKTest : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    const auto found = FindKernels(GetParam());
    if (!found.ok()) GTEST_SKIP() << "SKIPPED LOUDLY: " << found.status().message();
    kernels_ = *found;
    ASSERT_EQ(std::string(kernels_->name), GetParam());
  }
  std::span<const ScoredItem> Search(const ScanSpace& space, const TopKQuery& query) {
    return TopK(*kernels_, space, query, &scratch_, &stats_);
  }
  const KernelTable* kernels_ = nullptr;
  TopKScratch scratch_;
  TopKStats stats_;
};

INSTANTIATE_TEST_SUITE_P(EachIsa, TopKTest, testing::Values("scalar", "avx2", "avx512_vnni"),
                         [](const auto& info) { return info.param; });

TEST_P(TopKTest, EqualsANaiveScanInThousandsOfSeededCases) {
  uint32_t certified = 0;
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    const Case c = MakeCase(seed);
    const ScanSpace space = c.space.View();
    ASSERT_EQ(Difference(Search(space, c.query), NaiveTopK(space, c.query)), "") << c.description;
    if (!stats_.full_scan) ++certified;
  }
  EXPECT_GT(certified, 500u) << "too few of the cases went through the quantized scan to say anything about it";
}

TEST_P(TopKTest, EveryDimensionFrom1To300) {
  std::mt19937_64 rng(7);
  for (uint32_t dim = 1; dim <= 300; ++dim) {
    const uint32_t n = 333;
    std::vector<float> rows = MakeRows(RowKind::kGaussian, n, dim, rng);
    const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
    const TestSpace owner = TestSpace::Make(std::move(rows), n, dim);
    const ScanSpace space = owner.View();
    TopKQuery query;
    query.vector = vector;
    query.k = 10;
    ASSERT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "") << "dim " << dim;
    ASSERT_FALSE(stats_.full_scan) << "dim " << dim;
  }
}

TEST_P(TopKTest, DimensionsBeyond300) {
  std::mt19937_64 rng(8);
  for (const uint32_t dim : {512u, 1000u, 1025u, 4099u}) {
    const uint32_t n = 400;
    std::vector<float> rows = MakeRows(RowKind::kGaussian, n, dim, rng);
    const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
    const TestSpace owner = TestSpace::Make(std::move(rows), n, dim);
    TopKQuery query;
    query.vector = vector;
    query.k = 10;
    ASSERT_EQ(Difference(Search(owner.View(), query), NaiveTopK(owner.View(), query)), "") << "dim " << dim;
    ASSERT_FALSE(stats_.full_scan) << "dim " << dim;
  }
}

TEST_P(TopKTest, ItemCountsAroundTilesAndBlocks) {
  std::mt19937_64 rng(9);
  for (const uint32_t n : {192u, 193u, 207u, 208u, 209u, 223u, 224u, 225u, 255u, 256u, 257u, 1023u, 1024u, 1025u}) {
    const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, 24, rng), n, 24);
    const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, 24, rng);
    for (const uint32_t k : {1u, 7u, 16u}) {
      TopKQuery query;
      query.vector = vector;
      query.k = k;
      ASSERT_EQ(Difference(Search(owner.View(), query), NaiveTopK(owner.View(), query)), "") << n << " items, k " << k;
      ASSERT_FALSE(stats_.full_scan) << n << " items, k " << k;
    }
  }
}

TEST_P(TopKTest, AllTiedItemsComeInIndexOrderThroughTheQuantizedScan) {
  std::mt19937_64 rng(10);
  const uint32_t n = 5000, dim = 20;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kAllTied, n, dim, rng), n, dim);
  const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
  TopKQuery query;
  query.vector = vector;
  query.k = 10;
  const auto found = Search(owner.View(), query);
  ASSERT_EQ(found.size(), 10u);
  for (uint32_t r = 0; r < 10; ++r) EXPECT_EQ(found[r].item, r);
  EXPECT_FALSE(stats_.full_scan);
  EXPECT_EQ(stats_.rescored, n) << "no bound can tell equal rows apart";
}

// More codes than the scan reads whole: plane 0 rules items out first. The cases above are smaller than that.
TEST_P(TopKTest, CataloguesBeyondACacheOfEveryKind) {
  const uint32_t n = 9000, dim = 130;
  uint32_t certified = 0;
  for (int kind = 0; kind < kRowKinds; ++kind) {
    std::mt19937_64 rng(static_cast<uint64_t>(kind));
    const std::vector<float> rows = MakeRows(static_cast<RowKind>(kind), n, dim, rng);
    std::vector<float> prior = MakeRows(RowKind::kGaussian, n, 1, rng);
    const std::vector<uint64_t> allowed = [&] {
      std::vector<uint64_t> words((n + 63) / 64);
      for (uint64_t& word : words) word = rng() % 4 == 0 ? 0 : rng();
      return words;
    }();
    for (int flags = 0; flags < 8; ++flags) {
      const TestSpace owner =
          TestSpace::Make(rows, n, dim, (flags & 1) != 0, (flags & 2) != 0 ? prior : std::vector<float>());
      ASSERT_GT(owner.quantized.codes.size(), size_t{1} << 20);
      const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
      TopKQuery query;
      query.vector = vector;
      query.k = 10;
      query.prior_weight = 0.5f;
      if ((flags & 4) != 0) query.allowed = allowed;
      ASSERT_EQ(Difference(Search(owner.View(), query), NaiveTopK(owner.View(), query)), "")
          << "kind " << kind << " flags " << flags;
      if (!stats_.full_scan) ++certified;
    }
  }
  EXPECT_GT(certified, 90u);
}

// Every selectivity from all to one item, scattered and in a run, with lists of exclusions on both sides of the length
// from which they join the bitmap: each way through the search and each border between them.
TEST_P(TopKTest, MasksOfEverySelectivity) {
  std::mt19937_64 rng(19);
  const uint32_t n = 20000, dim = 24;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const ScanSpace space = owner.View();
  bool certified = false, full = false;
  for (uint32_t wanted = n; wanted > 0; wanted = wanted * 2 / 3) {
    for (const bool clustered : {false, true}) {
      std::vector<uint64_t> allowed((n + 63) / 64);
      const uint32_t begin = static_cast<uint32_t>(rng() % (n - wanted + 1));
      for (uint32_t i = 0; i < n; ++i) {
        const bool in = clustered ? i >= begin && i < begin + wanted : rng() % n < wanted;
        if (in) allowed[i / 64] |= uint64_t{1} << (i % 64);
      }
      for (const uint32_t exclusions : {0u, 1u, 4u, 5u, 300u, 10000u}) {
        const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
        TopKQuery query;
        query.vector = vector;
        query.allowed = allowed;
        // Those that would have come first, as a user's seen items do.
        query.k = exclusions;
        std::vector<uint32_t> excluded;
        for (const ScoredItem& best : Search(space, query)) excluded.push_back(best.item);
        std::sort(excluded.begin(), excluded.end());
        query.excluded = excluded;
        query.k = 10;
        ASSERT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "")
            << wanted << " of " << n << (clustered ? " in a run, " : " scattered, ") << exclusions << " exclusions";
        (stats_.full_scan ? full : certified) = true;
      }
    }
  }
  EXPECT_TRUE(certified);
  EXPECT_TRUE(full);
}

TEST_P(TopKTest, ExclusionsBeyondTheCatalogueAreIgnored) {
  std::mt19937_64 rng(20);
  const uint32_t n = 1000, dim = 8;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const std::vector<float> vector(dim, 1.0f);
  TopKQuery query;
  query.vector = vector;
  query.k = 10;
  const std::vector<ScoredItem> expected = NaiveTopK(owner.View(), query);
  const std::vector<uint32_t> beyond = {n, n + 1, n + 24, n + 64, 1u << 31, 0xffffffff};
  query.excluded = beyond;
  EXPECT_EQ(Difference(Search(owner.View(), query), expected), "");
}

TEST_P(TopKTest, GaussianRowsRescoreOnlyAFew) {
  std::mt19937_64 rng(11);
  const uint32_t n = 20000, dim = 64;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim);
  const ScanSpace space = owner.View();
  for (int i = 0; i < 10; ++i) {
    const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
    TopKQuery query;
    query.vector = vector;
    query.k = 10;
    ASSERT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "");
    EXPECT_FALSE(stats_.full_scan);
    EXPECT_LT(stats_.rescored, 100u);
    EXPECT_GE(stats_.rescored, 10u);
  }
}

TEST_P(TopKTest, CosineFindsTheItemItself) {
  std::mt19937_64 rng(12);
  const uint32_t n = 2000, dim = 32;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kPowerLawNorms, n, dim, rng), n, dim, /*cosine=*/true);
  const ScanSpace space = owner.View();
  for (uint32_t item = 0; item < n; item += 97) {
    TopKQuery query;
    query.vector = space.items.subspan(size_t{item} * dim, dim);
    query.k = 5;
    const auto found = Search(space, query);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].item, item);
    EXPECT_FALSE(stats_.full_scan);
    const uint32_t self[] = {item};
    query.excluded = self;
    EXPECT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "");
  }
}

TEST_P(TopKTest, CosineWithTinyAndHugeRowsStaysExactThroughTheQuantizedScan) {
  std::mt19937_64 rng(13);
  const uint32_t n = 640, dim = 48;
  std::vector<float> rows = MakeRows(RowKind::kGaussian, n, dim, rng);
  for (uint32_t i = 0; i < n; i += 40) {
    // 1e-42 loses nearly all its digits, 1e-19 makes products underflow, 3e37 overflows the inner product.
    static constexpr float kSizes[] = {1e-42f, 1e-30f, 1e-19f, 3e37f};
    for (uint32_t j = 0; j < dim; ++j) rows[size_t{i} * dim + j] *= kSizes[i / 40 % 4];
  }
  const TestSpace owner = TestSpace::Make(std::move(rows), n, dim, /*cosine=*/true);
  const ScanSpace space = owner.View();
  for (const float size : {2e-9f, 1.0f, 1e16f}) {
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
      for (float& x : vector) x *= size;
      TopKQuery query;
      query.vector = vector;
      query.k = 10;
      ASSERT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "") << size;
      EXPECT_FALSE(stats_.full_scan) << size;
    }
  }
}

TEST_P(TopKTest, ScoresThatOverflowHaveATotalOrder) {
  std::mt19937_64 rng(14);
  const uint32_t n = 500, dim = 16;
  std::vector<float> rows = MakeRows(RowKind::kGaussian, n, dim, rng);
  for (uint32_t i = 0; i < n; ++i) {  // by turns all positive, all negative and mixed: +inf, −inf and NaN
    for (uint32_t j = 0; j < dim; ++j) {
      float& x = rows[size_t{i} * dim + j];
      x = 1e30f * (i % 3 == 0 ? std::abs(x) : i % 3 == 1 ? -std::abs(x) : x);
    }
  }
  const TestSpace owner = TestSpace::Make(std::move(rows), n, dim);
  std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
  for (float& x : vector) x = std::abs(x) * 1e30f;
  TopKQuery query;
  query.vector = vector;
  query.k = n;
  const std::vector<ScoredItem> expected = NaiveTopK(owner.View(), query);
  EXPECT_EQ(expected.front().score, std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(expected.back().score));
  EXPECT_EQ(Difference(Search(owner.View(), query), expected), "");
  EXPECT_TRUE(stats_.full_scan);
}

TEST_P(TopKTest, NonFiniteQueryGivesAnEmptyList) {
  std::mt19937_64 rng(15);
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, 300, 8, rng), 300, 8);
  for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                          std::numeric_limits<float>::quiet_NaN()}) {
    for (size_t at = 0; at < 8; ++at) {
      std::vector<float> vector(8, 1.0f);
      vector[at] = bad;
      TopKQuery query;
      query.vector = vector;
      query.k = 10;
      EXPECT_TRUE(Search(owner.View(), query).empty());
      const std::vector<uint32_t> candidates = {1, 2, 3};
      EXPECT_TRUE(TopKOf(owner.View(), query, candidates, &scratch_).empty());
    }
  }
}

TEST_P(TopKTest, NonFinitePriorWeightStillGivesAnOrder) {
  std::mt19937_64 rng(16);
  std::vector<float> prior(300, 1.0f);
  prior[7] = 0;
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, 300, 8, rng), 300, 8, false, prior);
  const std::vector<float> vector(8, 1.0f);
  TopKQuery query;
  query.vector = vector;
  query.k = 300;
  query.prior_weight = std::numeric_limits<float>::infinity();
  EXPECT_EQ(Difference(Search(owner.View(), query), NaiveTopK(owner.View(), query)), "");
}

TEST_P(TopKTest, KZeroNoItemsAndNothingAdmissible) {
  std::mt19937_64 rng(17);
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, 300, 8, rng), 300, 8);
  const std::vector<float> vector(8, 1.0f);
  TopKQuery query;
  query.vector = vector;
  query.k = 0;
  EXPECT_TRUE(Search(owner.View(), query).empty());
  query.k = 10;
  const std::vector<uint64_t> none(5, 0);
  query.allowed = none;
  EXPECT_TRUE(Search(owner.View(), query).empty());
  query.allowed = {};
  std::vector<uint32_t> all(300);
  for (uint32_t i = 0; i < 300; ++i) all[i] = i;
  query.excluded = all;
  EXPECT_TRUE(Search(owner.View(), query).empty());
  const TestSpace empty = TestSpace::Make({}, 0, 8);
  query.excluded = {};
  EXPECT_TRUE(Search(empty.View(), query).empty());
}

TEST_P(TopKTest, UnknownMaxNormMeansAFullScan) {
  std::mt19937_64 rng(18);
  const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, 3000, 8, rng), 3000, 8);
  ScanSpace space = owner.View();
  space.max_norm = 0;
  const std::vector<float> vector(8, 1.0f);
  TopKQuery query;
  query.vector = vector;
  query.k = 10;
  EXPECT_EQ(Difference(Search(space, query), NaiveTopK(space, query)), "");
  EXPECT_TRUE(stats_.full_scan);
}

TEST(TopKOfTest, EqualsTopKWithThoseItemsAllowed) {
  TopKScratch scratch, other;
  for (uint64_t seed = 10000; seed < 10400; ++seed) {
    Case c = MakeCase(seed);
    const ScanSpace space = c.space.View();
    std::mt19937_64 rng(seed);
    std::vector<uint32_t> candidates;
    std::vector<uint64_t> bitmap((space.n_items + 63) / 64);
    for (uint32_t i = 0; i < space.n_items; ++i) {
      if (rng() % 3 != 0) continue;
      candidates.push_back(i);
      bitmap[i / 64] |= uint64_t{1} << (i % 64);
    }
    const auto found = TopKOf(space, c.query, candidates, &scratch);
    TopKQuery same = c.query;
    if (!c.allowed.empty()) {
      for (size_t w = 0; w < bitmap.size(); ++w) bitmap[w] &= c.allowed[w];
    }
    same.allowed = bitmap;
    ASSERT_EQ(Difference(found, NaiveTopK(space, same)), "") << c.description;
  }
}

TEST(ScoreItemTest, IsWhatTopKReports) {
  TopKScratch scratch;
  for (uint64_t seed = 20000; seed < 20200; ++seed) {
    const Case c = MakeCase(seed);
    const ScanSpace space = c.space.View();
    for (const ScoredItem& found : TopK(space, c.query, &scratch)) {
      const float score = ScoreItem(space, c.vector, c.query.prior_weight, found.item);
      ASSERT_TRUE(score == found.score || (std::isnan(score) && std::isnan(found.score))) << c.description;
    }
  }
}

TEST(RanksBeforeTest, IsATotalOrderOverEveryKindOfScore) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  const std::vector<ScoredItem> ordered = {{4, inf}, {0, 1},    {1, 1},   {2, 0.0f}, {3, -0.0f},
                                           {9, -1},  {5, -inf}, {6, nan}, {7, -nan}};
  for (size_t a = 0; a < ordered.size(); ++a) {
    for (size_t b = 0; b < ordered.size(); ++b) {
      EXPECT_EQ(RanksBefore(ordered[a], ordered[b]), a < b) << a << " " << b;
    }
  }
}

}  // namespace
}  // namespace kindred
