#include "core/engine/fold_in.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace kindred {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;

constexpr uint32_t kItems = 60;
constexpr uint32_t kDim = 5;

// An exact low-rank model: ratings of a user are dot products with the items.
struct LowRankModel {
  std::vector<float> items;  // [kItems × kDim]
  std::vector<double> gram;  // [kDim × kDim]

  explicit LowRankModel(bool nonnegative, uint64_t seed = 1) : items(kItems * kDim), gram(kDim * kDim) {
    std::mt19937_64 random(seed);
    std::normal_distribution<float> normal;
    for (float& value : items) value = nonnegative ? std::abs(normal(random)) : normal(random);
    ComputeGram();
  }

  void ComputeGram() {
    for (uint32_t a = 0; a < kDim; ++a) {
      for (uint32_t b = 0; b < kDim; ++b) {
        double sum = 0;
        for (uint32_t i = 0; i < kItems; ++i) sum += double{items[i * kDim + a]} * items[i * kDim + b];
        gram[a * kDim + b] = sum;
      }
    }
  }

  // The full row of ratings of user u.
  std::vector<ItemWeight> Row(const std::vector<double>& u) const {
    std::vector<ItemWeight> row;
    for (uint32_t i = 0; i < kItems; ++i) {
      double rating = 0;
      for (uint32_t a = 0; a < kDim; ++a) rating += u[a] * items[i * kDim + a];
      row.push_back({.item = i, .weight = rating});
    }
    return row;
  }
};

SpaceSpec MakeSpec(FoldIn fold_in, double lambda = 0, ValueTransform transform = ValueTransform::kIdentity) {
  SpaceSpec spec;
  spec.family = "test";
  spec.dim = kDim;
  spec.fold_in = fold_in;
  spec.fold_in_lambda = lambda;
  spec.transform = transform;
  return spec;
}

FoldInSolver MakeSolver(const SpaceSpec& spec, const LowRankModel& model) {
  auto solver = FoldInSolver::Create(spec, model.items, model.gram);
  EXPECT_TRUE(solver.ok()) << solver.status();
  return *std::move(solver);
}

std::vector<float> Solve(const FoldInSolver& solver, const std::vector<ItemWeight>& history) {
  FoldInScratch scratch;
  std::vector<float> u(kDim, -7);
  solver.Solve(history, u, &scratch);
  return u;
}

TEST(FoldInTest, RidgeGivesBackTheUserOfAFullRow) {
  const LowRankModel model(/*nonnegative=*/false);
  const std::vector<double> user = {0.5, -1.25, 2, 0, -0.125};
  const std::vector<float> u = Solve(MakeSolver(MakeSpec(FoldIn::kRidge), model), model.Row(user));
  for (uint32_t a = 0; a < kDim; ++a) EXPECT_NEAR(u[a], user[a], 1e-6);
}

TEST(FoldInTest, NnlsGivesBackTheNonNegativeUserOfAFullRow) {
  const LowRankModel model(/*nonnegative=*/true);
  const std::vector<double> user = {0.5, 0, 2, 0, 0.125};
  const std::vector<float> u = Solve(MakeSolver(MakeSpec(FoldIn::kNnls), model), model.Row(user));
  for (uint32_t a = 0; a < kDim; ++a) EXPECT_NEAR(u[a], user[a], 1e-6);
}

TEST(FoldInTest, RidgeSolvesTheRegularizedNormalEquations) {
  const LowRankModel model(/*nonnegative=*/false);
  const double lambda = 3.5;
  const std::vector<ItemWeight> history = {{.item = 3, .weight = 2}, {.item = 17, .weight = 0.5}};
  const std::vector<float> u = Solve(MakeSolver(MakeSpec(FoldIn::kRidge, lambda), model), history);
  for (uint32_t a = 0; a < kDim; ++a) {
    double left = lambda * u[a], right = 0;
    for (uint32_t b = 0; b < kDim; ++b) left += model.gram[a * kDim + b] * u[b];
    for (const ItemWeight& entry : history) right += entry.weight * model.items[entry.item * kDim + a];
    EXPECT_NEAR(left, right, 1e-5);
  }
}

TEST(FoldInTest, NnlsIsNonNegativeAndOptimal) {
  const LowRankModel model(/*nonnegative=*/false);
  const double lambda = 0.25;
  const FoldInSolver solver = MakeSolver(MakeSpec(FoldIn::kNnls, lambda), model);
  std::mt19937_64 random(3);
  int clipped = 0;
  for (int round = 0; round < 200; ++round) {
    std::vector<ItemWeight> history;
    for (uint32_t item = random() % 20; item < kItems; item += 1 + random() % 30) {
      history.push_back({.item = item, .weight = 1 + static_cast<double>(random() % 5)});
    }
    const std::vector<float> u = Solve(solver, history);
    for (uint32_t a = 0; a < kDim; ++a) {
      ASSERT_GE(u[a], 0);
      double gradient = -lambda * u[a];
      for (uint32_t b = 0; b < kDim; ++b) gradient -= model.gram[a * kDim + b] * u[b];
      for (const ItemWeight& entry : history) gradient += entry.weight * model.items[entry.item * kDim + a];
      if (u[a] == 0) {
        EXPECT_LE(gradient, 1e-4);
        ++clipped;
      } else {
        EXPECT_NEAR(gradient, 0, 1e-4);
      }
    }
  }
  EXPECT_GT(clipped, 100);
}

TEST(FoldInTest, MeanIsTheWeightedMean) {
  const LowRankModel model(/*nonnegative=*/false);
  const auto solver = FoldInSolver::Create(MakeSpec(FoldIn::kMean), model.items, /*gram=*/{});
  ASSERT_TRUE(solver.ok()) << solver.status();
  const std::vector<float> u = Solve(*solver, {{.item = 1, .weight = 3}, {.item = 2, .weight = 1}});
  for (uint32_t a = 0; a < kDim; ++a) {
    EXPECT_NEAR(u[a], (3 * model.items[kDim + a] + model.items[2 * kDim + a]) / 4, 1e-6);
  }
}

TEST(FoldInTest, AnEmptyHistoryGivesZeros) {
  const LowRankModel model(/*nonnegative=*/true);
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean}) {
    EXPECT_THAT(Solve(MakeSolver(MakeSpec(fold_in), model), {}), Each(0.0f)) << FoldInName(fold_in);
  }
}

TEST(FoldInTest, ASingularGramStillReproducesTheRow) {
  // Two equal dimensions and one of zeros: the user is not unique, its ratings are.
  LowRankModel model(/*nonnegative=*/true);
  for (uint32_t i = 0; i < kItems; ++i) {
    model.items[i * kDim + 1] = model.items[i * kDim];
    model.items[i * kDim + 4] = 0;
  }
  model.ComputeGram();
  const std::vector<ItemWeight> row = model.Row({1, 2, 0.5, 0.25, 9});
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls}) {
    SCOPED_TRACE(FoldInName(fold_in));
    const std::vector<float> u = Solve(MakeSolver(MakeSpec(fold_in), model), row);
    for (const ItemWeight& entry : row) {
      double rating = 0;
      for (uint32_t a = 0; a < kDim; ++a) rating += double{u[a]} * model.items[entry.item * kDim + a];
      EXPECT_NEAR(rating, entry.weight, 1e-5);
    }
  }
}

TEST(FoldInTest, TransformsValuesBeforeFolding) {
  EXPECT_EQ(TransformValue(ValueTransform::kIdentity, 2.5), 2.5);
  EXPECT_EQ(TransformValue(ValueTransform::kLog1p, 2.5), std::log1p(2.5));
  EXPECT_EQ(TransformValue(ValueTransform::kBinary, 2.5), 1);

  const LowRankModel model(/*nonnegative=*/true);
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean}) {
    SCOPED_TRACE(FoldInName(fold_in));
    const FoldInSolver plain = MakeSolver(MakeSpec(fold_in), model);
    const FoldInSolver logarithmic = MakeSolver(MakeSpec(fold_in, 0, ValueTransform::kLog1p), model);
    const FoldInSolver binary = MakeSolver(MakeSpec(fold_in, 0, ValueTransform::kBinary), model);
    EXPECT_EQ(Solve(logarithmic, {{.item = 4, .weight = 6}, {.item = 8, .weight = 1}}),
              Solve(plain, {{.item = 4, .weight = std::log1p(6)}, {.item = 8, .weight = std::log1p(1)}}));
    EXPECT_EQ(Solve(binary, {{.item = 4, .weight = 6}, {.item = 8, .weight = 0.1}}),
              Solve(plain, {{.item = 4, .weight = 1}, {.item = 8, .weight = 1}}));
  }
}

TEST(FoldInTest, ScratchIsReusedWithoutGrowing) {
  const LowRankModel model(/*nonnegative=*/true);
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean}) {
    SCOPED_TRACE(FoldInName(fold_in));
    const FoldInSolver solver = MakeSolver(MakeSpec(fold_in, 0.1), model);
    FoldInScratch scratch;
    std::vector<float> u(kDim), again(kDim);
    solver.Solve(model.Row({1, 1, 1, 1, 1}), u, &scratch);
    const double* const rhs = scratch.rhs.data();
    const double* const solution = scratch.solution.data();
    const double* const buffer = scratch.nnls.buffer.data();
    solver.Solve(model.Row({0, 3, 0, 1, 2}), again, &scratch);
    solver.Solve(model.Row({1, 1, 1, 1, 1}), again, &scratch);
    EXPECT_EQ(again, u);
    EXPECT_EQ(scratch.rhs.data(), rhs);
    EXPECT_EQ(scratch.solution.data(), solution);
    EXPECT_EQ(scratch.nnls.buffer.data(), buffer);
  }
}

TEST(FoldInTest, WeightsThatOverflowGiveZerosNotInfinities) {
  const LowRankModel model(/*nonnegative=*/true);
  constexpr double kHuge = std::numeric_limits<double>::max();
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls, FoldIn::kMean}) {
    SCOPED_TRACE(FoldInName(fold_in));
    const FoldInSolver solver = MakeSolver(MakeSpec(fold_in), model);
    const std::vector<float> u = Solve(solver, {{.item = 1, .weight = kHuge}, {.item = 2, .weight = kHuge}});
    for (const float value : u) EXPECT_TRUE(std::isfinite(value)) << value;
  }
}

TEST(FoldInTest, RefusesShapesAndNumbersThatDoNotFit) {
  const LowRankModel model(/*nonnegative=*/true);
  const auto message = [](const absl::StatusOr<FoldInSolver>& solver) {
    EXPECT_EQ(solver.status().code(), absl::StatusCode::kInvalidArgument);
    return std::string(solver.status().message());
  };
  SpaceSpec no_dim = MakeSpec(FoldIn::kRidge);
  no_dim.dim = 0;
  EXPECT_THAT(message(FoldInSolver::Create(no_dim, model.items, model.gram)), HasSubstr("dimension 0"));
  const std::vector<float> odd(kDim + 1);
  const std::vector<double> small(kDim);
  std::vector<double> broken = model.gram;
  broken[1] = std::numeric_limits<double>::infinity();
  for (const FoldIn fold_in : {FoldIn::kRidge, FoldIn::kNnls}) {
    const SpaceSpec spec = MakeSpec(fold_in);
    EXPECT_THAT(message(FoldInSolver::Create(spec, odd, model.gram)), HasSubstr("6 values, expected a multiple of"));
    EXPECT_THAT(message(FoldInSolver::Create(spec, model.items, small)), HasSubstr("5 values, expected 5 × 5"));
    EXPECT_THAT(message(FoldInSolver::Create(spec, model.items, broken)), HasSubstr("row 0, column 1"));
    EXPECT_THAT(message(FoldInSolver::Create(MakeSpec(fold_in, -0.5), model.items, model.gram)),
                HasSubstr("lambda is -0.5"));
  }
}

}  // namespace
}  // namespace kindred
