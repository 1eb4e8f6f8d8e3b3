// The certificate itself: no f32 score lies outside approx ± width. Searches alone would hardly notice a bound that is
// a little too small, so the cases here drive each of its terms to where it is needed.
#include "core/topk/error_bound.h"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/kernels/dispatch.h"
#include "gtest/gtest.h"
#include "tests/unit/topk/topk_test_space.h"

namespace kindred {
namespace {

struct Certified {
  bool promised = false;  // SetErrorBound said yes
  uint32_t checked = 0;   // items
  float tightest = 0;     // largest |score − approx| / width among them
  std::string violation;  // "" or the first item outside its bounds
};

Certified Check(const TestSpace& owner, std::span<const float> vector, float prior_weight) {
  const ScanSpace space = owner.View();
  AlignedBuffer<int8_t> codes(owner.quantized.d4 * 4);
  const QuantizedQuery query = QuantizeQuery(vector, codes.span());
  ScanInput input;
  Certified out;
  out.promised = SetErrorBound(space, prior_weight, query, &input);
  if (!out.promised) return out;
  input.codes = space.codes.data();
  input.scales = space.scales.data();
  input.bounds = space.bounds.data();
  input.prior = space.prior.empty() ? nullptr : space.prior.data();
  input.prior_weight = prior_weight;
  input.n_tiles = owner.quantized.n_tiles;
  input.n_items = space.n_items;
  input.d4 = owner.quantized.d4;
  input.query = codes.data();
  TileHits hits;
  for (uint32_t item = 0; item < space.n_items; ++item) {
    if (item % 64 == 0) {
      const uint32_t tile =
          Kernels().scan_until_hit(input, item / 64, input.n_tiles, -std::numeric_limits<float>::infinity(), &hits);
      if (tile != item / 64) return {true, 0, 0, "tile " + std::to_string(item / 64) + " has no hit"};
    }
    const float* bound = input.bounds + item / 16 * 2;
    if (bound[0] == std::numeric_limits<float>::max()) continue;  // always a candidate: nothing is promised
    const float width = input.residual_weight * bound[0] + input.code_weight * bound[1] + input.slack;
    const float approx = hits.approx[item % 64];
    const float score = ScoreItem(space, vector, prior_weight, item);
    ++out.checked;
    out.tightest = std::max(out.tightest, std::abs(score - approx) / width);
    if (!(score <= approx + width && score >= approx - width)) {
      out.violation = "item " + std::to_string(item) + ": score " + std::to_string(score) + " outside " +
                      std::to_string(approx) + " ± " + std::to_string(width);
      return out;
    }
  }
  return out;
}

std::vector<float> Scaled(std::vector<float> values, float by) {
  for (float& x : values) x *= by;
  return values;
}

TEST(ErrorBound, HoldsForRowsAndQueriesOfEverySize) {
  std::mt19937_64 rng(1);
  uint32_t promised = 0, refused = 0;
  for (const float row_size :
       {1e-42f, 1e-36f, 1e-34f, 1e-30f, 1e-22f, 3e-23f, 1e-19f, 1e-10f, 1.0f, 1e10f, 1e19f, 1e26f}) {
    for (const float query_size :
         {1e-42f, 1e-36f, 1e-30f, 1e-22f, 3e-23f, 1e-12f, 1e-9f, 1e-8f, 1.0f, 1e10f, 1e17f, 1e25f, 1e37f}) {
      for (const uint32_t dim : {1u, 2u, 5u, 16u, 64u, 133u}) {
        for (const bool cosine : {false, true}) {
          const RowKind kind = dim % 2 == 0 ? RowKind::kGaussian : RowKind::kNonNegative;
          const TestSpace owner = TestSpace::Make(Scaled(MakeRows(kind, 48, dim, rng), row_size), 48, dim, cosine);
          const std::vector<float> vector = Scaled(MakeRows(kind, 1, dim, rng), query_size);
          const Certified found = Check(owner, vector, 0);
          ASSERT_EQ(found.violation, "") << "rows " << row_size << " query " << query_size << " dim " << dim
                                         << (cosine ? " cosine" : "");
          ++(found.promised ? promised : refused);
        }
      }
    }
  }
  EXPECT_GT(promised, 1000u);
  EXPECT_GT(refused, 100u);
}

// ‖q‖‖e‖: a query that points along what rounding took from a row.
TEST(ErrorBound, IsNeededInFullWhenTheQueryIsParallelToTheResidual) {
  for (int sign : {1, -1}) {
    const std::vector<float> row = {127, 0.4999f * static_cast<float>(sign), 0};  // scale 1: codes 127, 0, 0
    const TestSpace owner = TestSpace::Make(row, 1, 3);
    const std::vector<float> query = {0, 127, 0};
    const Certified found = Check(owner, query, 0);
    EXPECT_EQ(found.violation, "");
    EXPECT_GT(found.tightest, 0.99f);
    EXPECT_LE(found.tightest, 1.0f);
  }
}

// ‖e_q‖‖x̂‖: the same with the roles exchanged.
TEST(ErrorBound, IsNeededInFullWhenARowIsParallelToTheQuerysResidual) {
  const std::vector<float> row = {0, 127, 0};
  const std::vector<float> query = {127, 0.4999f, 0};
  const Certified found = Check(TestSpace::Make(row, 1, 3), query, 0);
  EXPECT_EQ(found.violation, "");
  EXPECT_GT(found.tightest, 0.99f);
}

// γ·‖q‖‖x‖: codes that are all but exact, and long sums whose roundings all go one way.
TEST(ErrorBound, CoversTheRoundingOfLongSums) {
  std::mt19937_64 rng(2);
  std::uniform_real_distribution<float> uniform(1, 2);
  float largest_relative_error = 0;
  for (int repeat = 0; repeat < 300; ++repeat) {
    const uint32_t dim = 16 * (1 + static_cast<uint32_t>(rng() % 400));
    const std::vector<float> row(dim, uniform(rng)), query(dim, uniform(rng));
    const TestSpace owner = TestSpace::Make(row, 1, dim);
    ASSERT_EQ(Check(owner, query, 0).violation, "") << "dim " << dim;
    const double exact = static_cast<double>(row[0]) * query[0] * dim;
    const double error = std::abs(ScoreItem(owner.View(), query, 0, 0) - exact);
    largest_relative_error = std::max(largest_relative_error, static_cast<float>(error / exact));
  }
  EXPECT_GT(largest_relative_error, 20 * 0x1p-24f) << "no sum of these says anything about γ";
}

// 16u·|β·b|: a prior so large that the product disappears in its rounding.
TEST(ErrorBound, CoversTheRoundingOfALargePrior) {
  std::mt19937_64 rng(3);
  std::uniform_real_distribution<float> uniform(-1, 1);
  uint32_t rounded_apart = 0;
  for (int repeat = 0; repeat < 200; ++repeat) {
    const uint32_t n = 64, dim = 8;
    std::vector<float> prior(n);
    for (float& b : prior) b = 1e8f * uniform(rng);
    const TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, n, dim, rng), n, dim, false, prior);
    const std::vector<float> vector = MakeRows(RowKind::kGaussian, 1, dim, rng);
    const Certified found = Check(owner, vector, 0.3f);
    ASSERT_EQ(found.violation, "");
    if (found.tightest > 0) ++rounded_apart;
  }
  EXPECT_GT(rounded_apart, 100u);
}

// τ: scores of a few denormal steps.
TEST(ErrorBound, CoversUnderflow) {
  std::mt19937_64 rng(4);
  for (int repeat = 0; repeat < 300; ++repeat) {
    const float row_size = std::pow(10.0f, -24 + static_cast<float>(rng() % 4));
    const float query_size = std::pow(10.0f, -24 + static_cast<float>(rng() % 4));
    const TestSpace owner = TestSpace::Make(Scaled(MakeRows(RowKind::kIntegers, 64, 100, rng), row_size), 64, 100);
    const std::vector<float> vector = Scaled(MakeRows(RowKind::kIntegers, 1, 100, rng), query_size);
    const Certified found = Check(owner, vector, 0);
    ASSERT_TRUE(found.promised);
    ASSERT_EQ(found.violation, "") << row_size << " " << query_size;
  }
}

TEST(ErrorBound, RefusesWhatCouldOverflow) {
  std::mt19937_64 rng(5);
  TestSpace owner = TestSpace::Make(MakeRows(RowKind::kGaussian, 16, 4, rng), 16, 4, false, std::vector<float>(16, 1));
  const ScanSpace good = owner.View();
  std::vector<int8_t> codes(4);
  const QuantizedQuery query = QuantizeQuery(std::vector<float>(4, 1.0f), codes);
  ScanInput input;
  EXPECT_TRUE(SetErrorBound(good, 1, query, &input));

  const auto refuses = [&](auto change, float prior_weight = 1) {
    ScanSpace space = good;
    QuantizedQuery changed = query;
    change(space, changed);
    ScanInput untouched;
    untouched.slack = 42;
    const bool refused = !SetErrorBound(space, prior_weight, changed, &untouched);
    return refused && untouched.slack == 42;
  };
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(refuses([](ScanSpace& s, QuantizedQuery&) { s.max_norm = 0; }));
  EXPECT_TRUE(refuses([&](ScanSpace& s, QuantizedQuery&) { s.max_norm = nan; }));
  EXPECT_TRUE(refuses([&](ScanSpace& s, QuantizedQuery&) { s.max_norm = inf; }));
  EXPECT_TRUE(refuses([](ScanSpace& s, QuantizedQuery&) { s.max_norm = 1e28f; }));
  EXPECT_TRUE(refuses([](ScanSpace& s, QuantizedQuery& q) { s.max_norm = 1e20f, q.norm = 1e20f; }));
  EXPECT_TRUE(refuses([](ScanSpace&, QuantizedQuery& q) { q.norm = 1e28f; }));
  EXPECT_TRUE(refuses([&](ScanSpace&, QuantizedQuery& q) { q.norm = inf; }));
  EXPECT_TRUE(refuses([](ScanSpace& s, QuantizedQuery&) { s.dim = 65537; }));
  EXPECT_TRUE(refuses([](ScanSpace& s, QuantizedQuery&) { s.prior_max_abs = 1e37f; }));
  EXPECT_TRUE(refuses([](ScanSpace&, QuantizedQuery&) {}, inf));
  EXPECT_TRUE(refuses([](ScanSpace&, QuantizedQuery&) {}, nan));
  const std::vector<float> multipliers(16, 1.0f);
  EXPECT_TRUE(refuses([&](ScanSpace& s, QuantizedQuery& q) { s.multipliers = multipliers, q.norm = 1e-11f; }));
  EXPECT_TRUE(refuses([&](ScanSpace& s, QuantizedQuery& q) { s.multipliers = multipliers, q.norm = 2e18f; }));
}

}  // namespace
}  // namespace kindred
