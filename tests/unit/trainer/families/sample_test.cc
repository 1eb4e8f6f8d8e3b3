// The factorizations on the sample, against what SciPy and scikit-learn make of it (tests/data/completejourney).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "trainer/data/aggregate.h"
#include "trainer/data/item_table.h"
#include "trainer/data/read_events.h"
#include "trainer/families/nmf.h"
#include "trainer/families/svd.h"

namespace kindred {
namespace {

const std::string kFolder = std::string(KINDRED_TEST_DATA) + "/completejourney/";

class SampleTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    EventReadOptions options;
    options.user_column = "household_id";
    options.item_column = "product_id";
    options.value_column = "quantity";
    Progress silent(Progress::Mode::kSilent);
    auto read = ReadEvents({kFolder + "transactions.csv.gz"}, options, &silent);
    ASSERT_TRUE(read.ok()) << read.status();
    interactions_ = new Interactions(AggregateEvents(read->log, {}));
    matrix_ = new SparseMatrix(Transformed(interactions_->values, ValueTransform::kLog1p));
    std::ifstream file(kFolder + "reference.json");
    ASSERT_TRUE(file.good()) << kFolder << "reference.json is missing; make_reference.py there writes it";
    reference_ = new nlohmann::json(nlohmann::json::parse(file));
  }
  static void TearDownTestSuite() {
    delete interactions_;
    delete matrix_;
    delete reference_;
  }

  static const Interactions* interactions_;
  static const SparseMatrix* matrix_;
  static const nlohmann::json* reference_;
};
const Interactions* SampleTest::interactions_ = nullptr;
const SparseMatrix* SampleTest::matrix_ = nullptr;
const nlohmann::json* SampleTest::reference_ = nullptr;

TEST_F(SampleTest, IsTheMatrixOfTheReference) {
  ASSERT_NE(reference_, nullptr);
  EXPECT_EQ(matrix_->rows, (*reference_)["shape"][0]);
  EXPECT_EQ(matrix_->cols, (*reference_)["shape"][1]);
  EXPECT_EQ(matrix_->nnz(), (*reference_)["interactions"]);
  EXPECT_NEAR(std::sqrt(SquaredNorm(*matrix_)), (*reference_)["norm"].get<double>(), 1e-9);
}

TEST_F(SampleTest, EveryProductHasARow) {
  const auto table = ReadItemTable(kFolder + "products.csv.gz",
                                   {.id_column = "product_id",
                                    .name_column = "name",
                                    .category_columns = {"department", "product_category", "brand"}},
                                   interactions_->item_ids);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->items_without_row, 0u);
  EXPECT_EQ(table->rows_of_other_items, 0u);
  EXPECT_GT(table->category_ids.size(), 200u);
}

TEST_F(SampleTest, SingularValuesAreScipys) {
  ASSERT_NE(reference_, nullptr);
  const std::vector<double> expected = (*reference_)["singular_values"];
  Progress silent(Progress::Mode::kSilent);
  const auto svd = TruncatedSvd(*matrix_, {.factors = static_cast<uint32_t>(expected.size()), .threads = 2}, &silent);
  ASSERT_TRUE(svd.ok()) << svd.status();
  EXPECT_TRUE(svd->converged);
  for (size_t j = 0; j < expected.size(); ++j) {
    EXPECT_NEAR(svd->singular_values[j], expected[j], 1e-5 * expected[j]) << j;
  }
}

TEST_F(SampleTest, NmfIsNoWorseThanScikitLearns) {
  ASSERT_NE(reference_, nullptr);
  const nlohmann::json& nmf = (*reference_)["nmf"];
  NmfOptions options{.factors = nmf["factors"], .max_iterations = nmf["iterations"], .tolerance = 0, .threads = 2};
  Progress silent(Progress::Mode::kSilent);
  const auto plain = Nmf(*matrix_, options, &silent);
  ASSERT_TRUE(plain.ok()) << plain.status();
  for (const char* start : {"default", "nndsvda", "nndsvd", "random"}) {
    EXPECT_LE(plain->error, nmf[start]["error"].get<double>()) << start;
  }
  options.alpha = nmf["alpha"];
  const auto regularized = Nmf(*matrix_, options, &silent);
  ASSERT_TRUE(regularized.ok()) << regularized.status();
  EXPECT_LE(regularized->objective, nmf["regularized"]["objective"].get<double>());
}

}  // namespace
}  // namespace kindred
