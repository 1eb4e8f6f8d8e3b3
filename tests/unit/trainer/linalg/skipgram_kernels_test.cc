#include "trainer/linalg/skipgram_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "trainer/linalg/skipgram_kernel_table.h"

namespace kindred {
namespace {

using Row = std::vector<float>;

struct Problem {
  Row input;
  std::vector<Row> outputs;
};

Problem Make(size_t d, size_t targets, float scale, uint32_t seed) {
  const size_t stride = (d + kSkipGramLanes - 1) / kSkipGramLanes * kSkipGramLanes;
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(0, scale);
  Problem problem;
  const auto row = [&] {
    Row out(stride, 0.0f);
    for (size_t j = 0; j < d; ++j) out[j] = normal(generator);
    return out;
  };
  problem.input = row();
  for (size_t t = 0; t < targets; ++t) problem.outputs.push_back(row());
  return problem;
}

double Sigma(double z) { return 1 / (1 + std::exp(-z)); }

// The definition, in doubles, one target after another.
Problem Oracle(const Problem& before, double rate) {
  Problem after = before;
  const size_t n = before.input.size();
  std::vector<double> step(n, 0.0);
  for (size_t t = 0; t < before.outputs.size(); ++t) {
    double product = 0;
    for (size_t j = 0; j < n; ++j) product += double{before.input[j]} * before.outputs[t][j];
    const double weight = rate * ((t == 0 ? 1.0 : 0.0) - Sigma(product));
    for (size_t j = 0; j < n; ++j) {
      step[j] += weight * before.outputs[t][j];
      after.outputs[t][j] = static_cast<float>(before.outputs[t][j] + weight * before.input[j]);
    }
  }
  for (size_t j = 0; j < n; ++j) after.input[j] = static_cast<float>(before.input[j] + step[j]);
  return after;
}

class SkipGramKernelTest : public ::testing::TestWithParam<SkipGramKernel> {
 protected:
  void Run(Problem* problem, float rate) const {
    std::vector<float*> rows;
    for (Row& row : problem->outputs) rows.push_back(row.data());
    GetParam()(problem->input.data(), rows.data(), rows.size(), problem->input.size(), rate);
  }
};

TEST_P(SkipGramKernelTest, IsTheDefinitionAtEverySizeAndNumberOfTargets) {
  if (GetParam() == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  for (size_t d : {1u, 7u, 8u, 9u, 16u, 31u, 32u, 50u, 64u, 100u, 128u, 200u}) {
    for (size_t targets : {1u, 2u, 6u, 8u, 9u, 17u, 63u, 64u}) {
      Problem problem = Make(d, targets, 0.3f, static_cast<uint32_t>(100 * d + targets));
      const Problem expected = Oracle(problem, 0.05);
      Run(&problem, 0.05f);
      for (size_t j = 0; j < problem.input.size(); ++j) {
        ASSERT_NEAR(problem.input[j], expected.input[j], 2e-6 * static_cast<double>(targets)) << d << " " << targets;
        for (size_t t = 0; t < targets; ++t) {
          ASSERT_NEAR(problem.outputs[t][j], expected.outputs[t][j], 2e-6) << d << " " << targets;
        }
      }
      for (size_t j = d; j < problem.input.size(); ++j) ASSERT_EQ(problem.input[j], 0.0f) << "padding";
    }
  }
}

TEST_P(SkipGramKernelTest, SigmoidIsRightFromEndToEnd) {
  if (GetParam() == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  for (float product = -29.5f; product < 29.6f; product += 0.25f) {
    for (bool positive : {true, false}) {
      // x = (1, 0, …), y = (product, 0, …): x moves by weight · product in the first place only.
      Problem problem = Make(8, positive ? 1 : 2, 0, 1);
      problem.input[0] = 1;
      problem.outputs.back()[0] = product;
      Run(&problem, 1);
      const double weight = positive ? 1 - Sigma(product) : -Sigma(product);
      EXPECT_NEAR(problem.outputs.back()[0] - product, weight, 3e-6) << product << " " << positive;
    }
  }
}

TEST_P(SkipGramKernelTest, HugeProductsSaturate) {
  if (GetParam() == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  Problem problem = Make(8, 2, 0, 1);
  problem.input[0] = 1e6f;
  problem.outputs[0][0] = 1e6f;
  problem.outputs[1][0] = -1e6f;
  Run(&problem, 0.025f);
  EXPECT_NEAR(problem.input[0], 1e6f, 1);
  EXPECT_NEAR(problem.outputs[0][0], 1e6f, 1);
  EXPECT_NEAR(problem.outputs[1][0], -1e6f, 1);
}

TEST_P(SkipGramKernelTest, ATargetThatStandsTwiceMovesTwice) {
  if (GetParam() == nullptr) GTEST_SKIP() << "this machine has no AVX2";
  Problem problem = Make(16, 2, 0.5f, 5);
  Problem single = problem;
  std::vector<float*> rows{problem.outputs[0].data(), problem.outputs[1].data(), problem.outputs[1].data()};
  GetParam()(problem.input.data(), rows.data(), 3, 16, 0.1f);
  Problem expected = single;
  Run(&expected, 0.1f);
  for (size_t j = 0; j < 16; ++j) {
    const double moved = double{expected.outputs[1][j]} - single.outputs[1][j];
    EXPECT_NEAR(problem.outputs[1][j], single.outputs[1][j] + 2 * moved, 1e-6);
  }
}

INSTANTIATE_TEST_SUITE_P(PerIsa, SkipGramKernelTest, ::testing::Values(BaselineSkipGramKernel(), Avx2SkipGramKernel()),
                         [](const auto& info) { return info.index == 0 ? "Baseline" : "Avx2"; });

}  // namespace
}  // namespace kindred
