#include "trainer/families/item2vec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/base/str_cat.h"
#include "trainer/base/alias_table.h"
#include "trainer/base/random.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

// Sequences over tokens 0 … n − 1.
TokenSequences Make(uint32_t n_tokens, const std::vector<std::vector<uint32_t>>& sequences) {
  EventLog log;
  for (uint32_t t = 0; t < n_tokens; ++t) log.item_ids.push_back(StrCat("t", t));
  for (const std::vector<uint32_t>& sequence : sequences) {
    for (uint32_t token : sequence) {
      log.user.push_back(static_cast<uint32_t>(log.user_ids.size()));
      log.item.push_back(token);
    }
    log.user_ids.push_back(StrCat("u", log.user_ids.size()));
  }
  absl::StatusOr<TokenSequences> made = MakeSequences(log, {.split = SessionSplit::kUser});
  EXPECT_TRUE(made.ok()) << made.status();
  return *std::move(made);
}

// Two groups of tokens that never occur together.
TokenSequences TwoGroups(int n_sequences, uint32_t group = 10) {
  Random random(5);
  std::vector<std::vector<uint32_t>> sequences;
  for (uint32_t t = 0; t < 2 * group; ++t) sequences.push_back({t, t / group * group + (t + 1) % group});
  for (int s = 0; s < n_sequences; ++s) {
    sequences.emplace_back();
    for (int i = 0; i < 12; ++i) sequences.back().push_back((s % 2) * group + random.Below(group));
  }
  return Make(2 * group, sequences);
}

double Cosine(const std::vector<float>& x, size_t d, size_t a, size_t b) {
  double ab = 0, aa = 0, bb = 0;
  for (size_t j = 0; j < d; ++j) {
    ab += double{x[a * d + j]} * x[b * d + j];
    aa += double{x[a * d + j]} * x[a * d + j];
    bb += double{x[b * d + j]} * x[b * d + j];
  }
  return ab / std::sqrt(aa * bb);
}

// Means of the cosine over all pairs of one group, and of two.
std::pair<double, double> MeanCosines(const std::vector<float>& x, size_t d, size_t group) {
  double within = 0, across = 0;
  size_t n_within = 0, n_across = 0;
  for (size_t a = 0; a < 2 * group; ++a) {
    for (size_t b = 0; b < a; ++b) {
      const bool same = a / group == b / group;
      (same ? within : across) += Cosine(x, d, a, b);
      ++(same ? n_within : n_across);
    }
  }
  return {within / static_cast<double>(n_within), across / static_cast<double>(n_across)};
}

class Item2vecTest : public ::testing::Test {
 protected:
  absl::StatusOr<Item2vecResult> Train(const TokenSequences& sequences, const Item2vecOptions& options) {
    return Item2vec(sequences, options, &silent_);
  }
  Progress silent_{Progress::Mode::kSilent};
};

double Sigma(double z) { return 1 / (1 + std::exp(-z)); }

// The same draws, the updates written down plainly in doubles: what the fast loop has to be.
TEST_F(Item2vecTest, IsWord2vecStepByStep) {
  const TokenSequences sequences = Make(5, {{0, 1, 2, 3, 4, 1, 0}, {3, 3, 2}});
  const Item2vecOptions options{.factors = 6,
                                .window = 3,
                                .negatives = 4,
                                .exponent = 0.5,
                                .subsample = 0.05,
                                .epochs = 3,
                                .learning_rate = 0.3,
                                .min_learning_rate = 0.1,
                                .seed = 11};
  const auto result = Train(sequences, options);
  ASSERT_TRUE(result.ok()) << result.status();

  const size_t n = sequences.token_ids.size(), d = 6, total = sequences.tokens.size();
  std::vector<std::vector<double>> in(n, std::vector<double>(d)), out(n, std::vector<double>(d, 0.0));
  Random start(options.seed);
  for (auto& row : in) {
    for (double& value : row) value = static_cast<float>((start.Uniform() - 0.5) / 6);
  }
  std::vector<double> noise;
  for (uint64_t count : sequences.token_count) noise.push_back(std::pow(static_cast<double>(count), options.exponent));
  const AliasTable table(noise);
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    Random random(options.seed, epoch);  // one chunk an epoch
    const double rate = 0.3 - (0.3 - 0.1) * static_cast<double>(epoch) / 3;
    for (size_t s = 0; s < sequences.size(); ++s) {
      std::vector<uint32_t> kept;
      for (uint32_t token : sequences.Sequence(s)) {
        const double f = static_cast<double>(sequences.token_count[token]) / static_cast<double>(total);
        const double chance = std::sqrt(options.subsample / f) + options.subsample / f;
        if (static_cast<double>(random.Bits() >> 32) < chance * 4294967296.0) kept.push_back(token);
      }
      for (size_t center = 0; center < kept.size(); ++center) {
        const size_t reach = 1 + random.Below(options.window);
        for (size_t context = center < reach ? 0 : center - reach; context < kept.size() && context <= center + reach;
             ++context) {
          if (context == center) continue;
          std::vector<std::pair<uint32_t, double>> targets{{kept[center], 1.0}};
          for (uint32_t i = 0; i < options.negatives; ++i) {
            const uint32_t negative = table.Draw(random.Bits());
            if (negative != kept[center]) targets.emplace_back(negative, 0.0);
          }
          std::vector<double>& x = in[kept[context]];
          std::vector<double> step(d, 0.0);
          const std::vector<std::vector<double>> out_before = out;
          for (const auto& [token, label] : targets) {
            double product = 0;
            for (size_t j = 0; j < d; ++j) product += x[j] * out_before[token][j];
            const double weight = rate * (label - Sigma(product));
            for (size_t j = 0; j < d; ++j) {
              step[j] += weight * out[token][j];
              out[token][j] += weight * x[j];
            }
          }
          for (size_t j = 0; j < d; ++j) x[j] += step[j];
        }
      }
    }
  }
  for (size_t t = 0; t < n; ++t) {
    for (size_t j = 0; j < d; ++j) {
      EXPECT_NEAR(result->input[t * d + j], in[t][j], 1e-5) << t << " " << j;
      EXPECT_NEAR(result->output[t * d + j], out[t][j], 1e-5) << t << " " << j;
    }
  }
}

TEST_F(Item2vecTest, TokensThatOccurTogetherPointTheSameWay) {
  const auto result = Train(TwoGroups(400), {.factors = 10, .epochs = 10});
  ASSERT_TRUE(result.ok()) << result.status();
  double within = 1, across = -1;
  for (size_t a = 0; a < 20; ++a) {
    for (size_t b = 0; b < a; ++b) {
      // Tokens are numbered by first appearance, which Make keeps in order.
      const double cosine = Cosine(result->input, 10, a, b);
      if (a / 10 == b / 10) within = std::min(within, cosine);
      if (a / 10 != b / 10) across = std::max(across, cosine);
    }
  }
  EXPECT_GT(within, 0.8);
  EXPECT_LT(across, 0.3);
}

TEST_F(Item2vecTest, OneThreadAndASeedGiveTheSameBits) {
  const TokenSequences sequences = TwoGroups(1000);  // more than one chunk an epoch
  const Item2vecOptions options{.factors = 12, .subsample = 0.01, .epochs = 2, .seed = 3};
  const auto a = Train(sequences, options), b = Train(sequences, options);
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(a->input, b->input);
  EXPECT_EQ(a->output, b->output);
  Item2vecOptions other = options;
  other.seed = 4;
  const auto c = Train(sequences, other);
  ASSERT_TRUE(c.ok());
  EXPECT_NE(a->input, c->input);
}

// Threads that step on one row at once lose one of the two steps, and how many depends on the machine's load. So there
// are enough tokens for that to be rare, as there are in real data, and what is compared are means over all pairs.
TEST_F(Item2vecTest, SeveralThreadsLearnTheSame) {
  constexpr uint32_t kGroup = 50;
  const TokenSequences sequences = TwoGroups(2000, kGroup);
  Item2vecOptions options{.factors = 10, .epochs = 10};
  const auto alone = Train(sequences, options);
  options.threads = 3;
  const auto together = Train(sequences, options);
  ASSERT_TRUE(alone.ok() && together.ok());
  EXPECT_EQ(together->tokens_trained, alone->tokens_trained);
  const auto [within, across] = MeanCosines(alone->input, 10, kGroup);
  ASSERT_GT(within, 0.8);
  ASSERT_LT(across, 0.2);
  const auto [within_together, across_together] = MeanCosines(together->input, 10, kGroup);
  EXPECT_NEAR(within_together, within, 0.15);
  // On a machine that is busy with something else more steps are lost: the groups stay apart all the same.
  EXPECT_LT(across_together, within_together - 0.3);
}

TEST_F(Item2vecTest, AVocabularyOfOneTokenTrainsWithoutNegatives) {
  const auto result = Train(Make(1, {{0, 0, 0}}), {.factors = 4});
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->input.size(), 4u);
}

TEST_F(Item2vecTest, NothingToLearnFromIsAnErrorThatSaysWhatToDo) {
  const auto single = Train(Make(2, {{0}, {1}}), {});
  ASSERT_FALSE(single.ok());
  EXPECT_EQ(single.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(single.status().message(), HasSubstr("longer pauses"));
  EXPECT_EQ(Train(TokenSequences(), {}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(Item2vecTest, OptionsOutOfRangeAreNamed) {
  const TokenSequences sequences = Make(2, {{0, 1}});
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const std::vector<std::pair<Item2vecOptions, std::string>> cases{{{.factors = 0}, "factors"},
                                                                   {{.window = 0}, "window"},
                                                                   {{.negatives = 0}, "negatives"},
                                                                   {{.negatives = 64}, "negatives"},
                                                                   {{.exponent = kNan}, "exponent"},
                                                                   {{.subsample = -1}, "subsample"},
                                                                   {{.epochs = 0}, "epochs"},
                                                                   {{.learning_rate = 0}, "learning_rate"},
                                                                   {{.min_learning_rate = 1}, "min_learning_rate"}};
  for (const auto& [options, name] : cases) {
    const auto result = Train(sequences, options);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_THAT(result.status().message(), HasSubstr(name));
  }
}

TEST_F(Item2vecTest, ALearningRateThatExplodesIsReported) {
  const auto result = Train(TwoGroups(200), {.factors = 8, .learning_rate = 1e30});
  ASSERT_FALSE(result.ok());
  EXPECT_THAT(result.status().message(), HasSubstr("learning_rate"));
}

}  // namespace
}  // namespace kindred
