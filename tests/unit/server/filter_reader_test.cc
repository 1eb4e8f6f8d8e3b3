#include "server/filter_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/base/str_cat.h"
#include "server/limits.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Problem(const v1::Filter& filter) {
  FieldChecks checks;
  ItemFilter out;
  ReadFilter("filter", filter, &checks, &out);
  return StrCat(checks.status().message());
}

TEST(FilterReaderTest, OperandsStandBeforeWhatJoinsThem) {
  v1::Filter filter;
  auto* all = filter.mutable_all_of();
  auto* categories = all->add_filters()->mutable_categories();
  categories->add_any_of("a");
  categories->add_any_of("b");
  categories->add_none_of("c");
  auto* range = all->add_filters()->mutable_none_of()->add_filters()->mutable_range();
  range->set_attribute("price");
  range->set_max(5);
  auto* flag = all->add_filters()->mutable_flag();
  flag->set_attribute("fresh");
  FieldChecks checks;
  ItemFilter out;
  ReadFilter("filter", filter, &checks, &out);
  ASSERT_TRUE(checks.ok()) << checks.status();
  ASSERT_THAT(out.nodes, SizeIs(5));
  EXPECT_THAT(out.names, ElementsAre("a", "b", "c"));
  EXPECT_EQ(out.nodes[0].kind, ItemFilter::Kind::kCategories);
  EXPECT_EQ(out.nodes[0].any_end, 2u);
  EXPECT_EQ(out.nodes[0].all_end, 2u);
  EXPECT_EQ(out.nodes[0].end, 3u);
  EXPECT_EQ(out.nodes[1].kind, ItemFilter::Kind::kRange);
  EXPECT_FALSE(out.nodes[1].min.has_value());
  EXPECT_EQ(out.nodes[1].max, 5);
  EXPECT_EQ(out.nodes[2].kind, ItemFilter::Kind::kNoneOf);
  EXPECT_EQ(out.nodes[2].operands, 1u);
  EXPECT_EQ(out.nodes[3].attribute, "fresh");
  EXPECT_FALSE(out.nodes[3].flag);
  EXPECT_EQ(out.nodes[4].operands, 3u);

  // A second reading begins anew.
  ReadFilter("filter", filter, &checks, &out);
  EXPECT_THAT(out.nodes, SizeIs(5));
}

TEST(FilterReaderTest, EachProblemNamesItsPath) {
  v1::Filter filter;
  EXPECT_THAT(Problem(filter), HasSubstr("filter has no condition"));
  auto* list = filter.mutable_any_of();
  list->add_filters()->mutable_flag()->set_attribute("x");
  list->add_filters();
  EXPECT_THAT(Problem(filter), HasSubstr("filter.any_of.filters[1] has no condition"));
  auto* range = list->mutable_filters(1)->mutable_none_of()->add_filters()->mutable_range();
  EXPECT_THAT(Problem(filter), HasSubstr("filter.any_of.filters[1].none_of.filters[0].range.attribute has 0 bytes"));
  EXPECT_THAT(Problem(filter), HasSubstr("range has no bound"));
  range->set_attribute("price");
  range->set_min(2);
  range->set_max(1);
  EXPECT_THAT(Problem(filter), HasSubstr("range.min is 2, above max, which is 1"));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    range->set_max(bad);
    EXPECT_THAT(Problem(filter), HasSubstr("range.max is"));
  }
  auto* categories = list->mutable_filters(0)->mutable_categories();
  EXPECT_THAT(Problem(filter), HasSubstr("filter.any_of.filters[0].categories names no category"));
  categories->add_all_of("");
  EXPECT_THAT(Problem(filter), HasSubstr("filter.any_of.filters[0].categories.all_of[0] has 0 bytes"));
  categories->set_all_of(0, std::string(1025, 'x'));
  EXPECT_THAT(Problem(filter), HasSubstr("categories.all_of[0] has 1025 bytes"));
}

v1::Filter Nested(int depth) {
  v1::Filter filter;
  v1::Filter* at = &filter;
  for (int i = 1; i < depth; ++i) at = at->mutable_none_of()->add_filters();
  at->mutable_flag()->set_attribute("x");
  return filter;
}

TEST(FilterReaderTest, DepthConditionsAndNamesAreBounded) {
  EXPECT_EQ(Problem(Nested(limits::kMaxFilterDepth)), "");
  EXPECT_THAT(Problem(Nested(limits::kMaxFilterDepth + 1)), HasSubstr("nested too deep, expected at most 8 levels"));
  EXPECT_THAT(Problem(Nested(90)), HasSubstr("nested too deep"));

  v1::Filter wide;
  for (int i = 0; i + 1 < limits::kMaxFilterConditions; ++i) {
    wide.mutable_all_of()->add_filters()->mutable_flag()->set_attribute("x");
  }
  EXPECT_EQ(Problem(wide), "");
  for (int i = 0; i < 100'000; ++i) wide.mutable_all_of()->add_filters()->mutable_flag()->set_attribute("x");
  EXPECT_THAT(Problem(wide), HasSubstr("filter.all_of.filters[63] is one condition too many, expected at most 64"));

  v1::Filter names;
  for (int i = 0; i < limits::kMaxFilterNames; ++i) names.mutable_categories()->add_any_of("x");
  EXPECT_EQ(Problem(names), "");
  names.mutable_categories()->add_none_of("x");
  EXPECT_THAT(Problem(names), HasSubstr("filter.categories.none_of has one name too many, expected at most 1000"));
}

}  // namespace
}  // namespace kindred
