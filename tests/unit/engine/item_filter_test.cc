// The bitmap of a filter against one item at a time.
#include "core/engine/item_filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <random>

#include "core/base/str_cat.h"
#include "tests/unit/engine/catalogue.h"
#include "tests/unit/engine/test_model.h"
#include "tests/unit/solve/allocation_counter.h"

namespace kindred {
namespace {

using Kind = ItemFilter::Kind;
using testing::Catalogue;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int kKinds = 6;

// A condition as a person would write it down.
struct Condition {
  Kind kind = Kind::kAllOf;
  std::vector<Condition> operands;
  std::array<std::vector<std::string>, 3> names;  // any of, all of, none of
  std::string attribute;
  std::optional<double> min, max;
  bool flag = true;
};

bool Meets(const Catalogue& c, uint32_t item, const Condition& condition) {
  size_t met = 0;
  for (const Condition& operand : condition.operands) met += Meets(c, item, operand) ? 1 : 0;
  std::array<size_t, 3> has{};
  for (size_t list = 0; list < 3; ++list) {
    for (const std::string& name : condition.names[list]) has[list] += c.HasCategory(item, name) ? 1 : 0;
  }
  const bool attribute = condition.kind == Kind::kRange || condition.kind == Kind::kFlag;
  const float value = attribute ? c.attributes.at(condition.attribute)[item] : 0;
  switch (condition.kind) {
    case Kind::kAllOf:
      return met == condition.operands.size();
    case Kind::kAnyOf:
      return met > 0;
    case Kind::kNoneOf:
      return met == 0;
    case Kind::kCategories:
      return (condition.names[0].empty() || has[0] > 0) && has[1] == condition.names[1].size() && has[2] == 0;
    case Kind::kRange:
      return !std::isnan(value) && !(condition.min && value < *condition.min) &&
             !(condition.max && value > *condition.max);
    case Kind::kFlag:
      return !std::isnan(value) && (value != 0) == condition.flag;
  }
  return false;
}

// Views into `condition`.
void Append(const Condition& condition, ItemFilter* out) {
  for (const Condition& operand : condition.operands) Append(operand, out);
  ItemFilter::Node node;
  node.kind = condition.kind;
  node.operands = static_cast<uint32_t>(condition.operands.size());
  const std::array<uint32_t*, 3> ends = {&node.any_end, &node.all_end, &node.end};
  node.begin = static_cast<uint32_t>(out->names.size());
  for (size_t list = 0; list < 3; ++list) {
    out->names.insert(out->names.end(), condition.names[list].begin(), condition.names[list].end());
    *ends[list] = static_cast<uint32_t>(out->names.size());
  }
  node.attribute = condition.attribute;
  node.min = condition.min;
  node.max = condition.max;
  node.flag = condition.flag;
  out->nodes.push_back(node);
}

ItemFilter FilterOf(const Condition& condition) {
  ItemFilter filter;
  Append(condition, &filter);
  return filter;
}

class RandomConditions {
 public:
  RandomConditions(const Catalogue& catalogue, uint32_t seed) : catalogue_(catalogue), random_(seed) {}

  Condition Make(int depth) {
    Condition out;
    out.kind = static_cast<Kind>(depth <= 1 ? 3 + Below(3) : Below(kKinds));
    ++seen[static_cast<size_t>(out.kind)];
    switch (out.kind) {
      case Kind::kAllOf:
      case Kind::kAnyOf:
      case Kind::kNoneOf:
        // Mostly one or two, so that trees are deep rather than wide.
        for (uint32_t i = Below(8) == 0 ? Below(5) : 1 + Below(2); i > 0; --i) out.operands.push_back(Make(depth - 1));
        deepest = std::max(deepest, kDepth - depth + 1);
        break;
      case Kind::kCategories:
        for (auto& list : out.names) {
          for (uint32_t i = Below(3); i > 0; --i) list.push_back(Category());
        }
        break;
      case Kind::kRange:
        out.attribute = Below(2) == 0 ? "price" : "fresh";
        if (Below(3) > 0) out.min = Bound();
        if (Below(3) > 0 || !out.min) out.max = Bound();
        break;
      case Kind::kFlag:
        out.attribute = Below(2) == 0 ? "price" : "fresh";
        out.flag = Below(2) == 0;
        break;
    }
    return out;
  }

  static constexpr int kDepth = 8;
  std::array<int, kKinds> seen{};
  int deepest = 0;

 private:
  uint32_t Below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  std::string Category() {
    const auto& names = catalogue_.category_names;
    return Below(10) == 0 ? "nothing of the kind" : names[Below(static_cast<uint32_t>(names.size()))];
  }
  // A value of the catalogue, one a hair beside it that no float can tell from it, or one that no float can hold.
  double Bound() {
    const double value = Below(21) * 0.25;
    switch (Below(6)) {
      case 0:
        return value + 1e-12;
      case 1:
        return value - 1e-12;
      case 2:
        return Below(2) == 0 ? 1e300 : -1e300;
      default:
        return value;
    }
  }

  const Catalogue& catalogue_;
  std::mt19937 random_;
};

TEST(ItemFilterTest, RandomTreesMarkTheItemsThatMeetThem) {
  std::array<int, kKinds> seen{};
  int deepest = 0, neither = 0;
  // One for all of them: what a larger model or another filter left there must not matter.
  ItemFilterScratch scratch;
  std::vector<uint64_t> allowed;
  for (const uint32_t n_items : {1000u, 1u, 63u, 64u, 65u, 200u, 128u}) {
    const Catalogue catalogue(n_items, 2, n_items);
    const auto model = catalogue.Load();
    ASSERT_NE(model, nullptr);
    RandomConditions conditions(catalogue, 7 * n_items);
    for (int round = 0; round < 200; ++round) {
      SCOPED_TRACE(StrCat(n_items, " items, round ", round));
      const Condition condition = conditions.Make(RandomConditions::kDepth);
      std::vector<std::string_view> missing;
      const absl::Status status = EvaluateItemFilter(*model, FilterOf(condition), &scratch, &allowed, &missing);
      ASSERT_TRUE(status.ok()) << status;
      std::vector<uint64_t> expected((n_items + 63) / 64);
      for (uint32_t item = 0; item < n_items; ++item) {
        expected[item / 64] |= uint64_t{Meets(catalogue, item, condition)} << (item % 64);
      }
      ASSERT_EQ(allowed, expected);
      size_t count = 0;
      for (const uint64_t word : expected) count += static_cast<size_t>(__builtin_popcountll(word));
      neither += count > 0 && count < n_items ? 1 : 0;
    }
    for (int kind = 0; kind < kKinds; ++kind) seen[kind] += conditions.seen[kind];
    deepest = std::max(deepest, conditions.deepest);
  }
  EXPECT_THAT(seen, ::testing::Each(::testing::Gt(300)));
  EXPECT_GE(deepest, RandomConditions::kDepth - 1);
  EXPECT_GT(neither, 300);
}

class OneFilter : public ::testing::Test {
 protected:
  // The items of `catalogue_` that meet `condition`.
  std::vector<uint32_t> Items(const Condition& condition) {
    std::vector<uint64_t> allowed;
    missing_.clear();
    filter_ = FilterOf(condition);
    status_ = EvaluateItemFilter(*model_, filter_, &scratch_, &allowed, &missing_);
    std::vector<uint32_t> items;
    for (uint32_t item = 0; item < catalogue_.n_items && status_.ok(); ++item) {
      if ((allowed[item / 64] >> (item % 64) & 1) != 0) items.push_back(item);
    }
    return items;
  }
  static Condition Range(std::optional<double> min, std::optional<double> max) {
    Condition out;
    out.kind = Kind::kRange;
    out.attribute = "price";
    out.min = min;
    out.max = max;
    return out;
  }

  void Price(std::vector<float> values) {
    catalogue_ = Catalogue(static_cast<uint32_t>(values.size()), 2, 3);
    catalogue_.attributes["price"] = std::move(values);
    model_ = catalogue_.Load();
  }

  Catalogue catalogue_{100, 2, 3};
  std::shared_ptr<const Model> model_ = catalogue_.Load();
  ItemFilter filter_;
  ItemFilterScratch scratch_;
  std::vector<std::string_view> missing_;
  absl::Status status_;
};

TEST_F(OneFilter, CategoriesThatTheModelLacksHaveNoItems) {
  Condition condition;
  condition.kind = Kind::kCategories;
  const std::vector<uint32_t> kind_0 = [&] {
    condition.names[0] = {"kind:0"};
    return Items(condition);
  }();
  ASSERT_FALSE(kind_0.empty());
  EXPECT_THAT(missing_, IsEmpty());
  condition.names[0] = {"kind:0", "typo"};
  EXPECT_EQ(Items(condition), kind_0);
  EXPECT_THAT(missing_, ElementsAre("typo"));
  condition.names = {{{"typo"}, {}, {}}};
  EXPECT_THAT(Items(condition), IsEmpty());
  condition.names = {{{"kind:0"}, {"typo"}, {}}};
  EXPECT_THAT(Items(condition), IsEmpty());
  condition.names = {{{"kind:0"}, {}, {"typo", "other"}}};
  EXPECT_EQ(Items(condition), kind_0);
  EXPECT_THAT(missing_, ElementsAre("typo", "other"));
}

TEST_F(OneFilter, AnAttributeThatTheModelLacksIsAnErrorThatNamesThoseThereAre) {
  Condition condition = Range(0, std::nullopt);
  condition.attribute = "prise";
  Items(condition);
  EXPECT_EQ(status_.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(StrCat(status_.message()), HasSubstr("model 'demo' has no attribute 'prise'; it has: fresh, price"));
  condition.kind = Kind::kFlag;
  Items(condition);
  EXPECT_EQ(status_.code(), absl::StatusCode::kInvalidArgument);
  model_ = testing::LoadModel({});
  Items(condition);
  EXPECT_THAT(StrCat(status_.message()), HasSubstr("has no attribute 'prise'; it has: none"));
}

TEST_F(OneFilter, UnknownValuesMeetNothing) {
  const float unknown = std::nanf("");
  Price({unknown, 0, 2, unknown, -0.0f, -2});
  EXPECT_THAT(Items(Range(-1e300, std::nullopt)), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Items(Range(std::nullopt, 1e300)), ElementsAre(1, 2, 4, 5));
  EXPECT_THAT(Items(Range(1e300, std::nullopt)), IsEmpty());
  EXPECT_THAT(Items(Range(0, 0)), ElementsAre(1, 4));
  Condition flag;
  flag.kind = Kind::kFlag;
  flag.attribute = "price";
  EXPECT_THAT(Items(flag), ElementsAre(2, 5));
  flag.flag = false;
  EXPECT_THAT(Items(flag), ElementsAre(1, 4));
  Condition neither;
  neither.kind = Kind::kNoneOf;
  neither.operands = {flag};
  EXPECT_THAT(Items(neither), ElementsAre(0, 2, 3, 5));
}

TEST_F(OneFilter, BoundsAreComparedAsTheyWereGiven) {
  const float tenth = 0.1f;  // a little above 0.1
  Price({tenth, 0.5f, std::numeric_limits<float>::max(), std::numeric_limits<float>::denorm_min()});
  EXPECT_THAT(Items(Range(0.1, 0.1)), IsEmpty());
  EXPECT_THAT(Items(Range(0.1, 0.2)), ElementsAre(0));
  EXPECT_THAT(Items(Range(tenth, tenth)), ElementsAre(0));
  EXPECT_THAT(Items(Range(std::numeric_limits<float>::max(), std::nullopt)), ElementsAre(2));
  EXPECT_THAT(Items(Range(std::nullopt, 1e-300)), IsEmpty());
  EXPECT_THAT(Items(Range(1e-300, 0.2)), ElementsAre(0, 3));
}

TEST_F(OneFilter, WithoutConditionsEveryItemMeetsIt) {
  std::vector<uint64_t> allowed;
  ASSERT_TRUE(EvaluateItemFilter(*model_, {}, &scratch_, &allowed, &missing_).ok());
  EXPECT_THAT(allowed, ElementsAre(~uint64_t{0}, (uint64_t{1} << 36) - 1));
  Condition all;
  EXPECT_EQ(Items(all).size(), 100u);
  all.kind = Kind::kNoneOf;
  EXPECT_EQ(Items(all).size(), 100u);
  all.kind = Kind::kAnyOf;
  EXPECT_THAT(Items(all), IsEmpty());
}

TEST_F(OneFilter, AllocatesNothingOnceItIsWarm) {
  RandomConditions conditions(catalogue_, 5);
  std::vector<Condition> made;
  std::vector<ItemFilter> filters;
  for (int i = 0; i < 50; ++i) made.push_back(conditions.Make(RandomConditions::kDepth));
  for (const Condition& condition : made) filters.push_back(FilterOf(condition));
  std::vector<uint64_t> allowed;
  const auto evaluate = [&] {
    for (const ItemFilter& filter : filters) {
      missing_.clear();
      ASSERT_TRUE(EvaluateItemFilter(*model_, filter, &scratch_, &allowed, &missing_).ok());
    }
  };
  evaluate();
  const uint64_t before = testing::AllocationCount();
  evaluate();
  EXPECT_EQ(testing::AllocationCount(), before);
}

}  // namespace
}  // namespace kindred
