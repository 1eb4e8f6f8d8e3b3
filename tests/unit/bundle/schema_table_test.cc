#include "core/bundle/schema_table.h"

#include <gtest/gtest.h>

#include <set>

#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"

namespace kindred {
namespace {

TEST(SchemaTableTest, FindsTheRuleOfEveryNameTheBuilderKnows) {
  testing::BundleBuilder builder;
  builder.AddEveryTensor();
  std::set<std::string_view> patterns;
  for (const auto& [name, tensor] : builder.tensors()) {
    std::string_view space;
    const TensorRule* rule = FindTensorRule(name, &space);
    ASSERT_NE(rule, nullptr) << name;
    EXPECT_EQ(rule->dtype, tensor.dtype) << name;
    EXPECT_EQ(space, name.starts_with("space.") ? name.substr(6, name.find('.', 6) - 6) : "") << name;
    patterns.insert(rule->pattern);
  }
  for (const TensorRule& rule : TensorRules()) EXPECT_TRUE(patterns.contains(rule.pattern)) << rule.pattern;
}

TEST(SchemaTableTest, PlaceholdersTakeNamesOnly) {
  std::string_view space;
  EXPECT_NE(FindTensorRule("space.a_1.items", &space), nullptr);
  EXPECT_EQ(space, "a_1");
  EXPECT_NE(FindTensorRule("space.a.q.codes", &space), nullptr);
  EXPECT_EQ(space, "a");
  EXPECT_NE(FindTensorRule("items.attr.Unit-Price.eur", &space), nullptr);
  EXPECT_EQ(space, "");
  const std::string long_space = "space." + std::string(65, 'a') + ".items";
  for (std::string_view name : std::initializer_list<std::string_view>{
           "space..items", "space.items", "space.A.items", "space.a.b.items", "space.a.itemss", "space.a.", "space.a",
           "items.attr.", "items.attr.a b", "items.attr", "items.ids", "items.names.index", "", ".", long_space}) {
    EXPECT_EQ(FindTensorRule(name, &space), nullptr) << name;
  }
}

TEST(SchemaTableTest, NamesTheNearest) {
  EXPECT_EQ(NearestTensorName("space.default.item"), "space.default.items");
  EXPECT_EQ(NearestTensorName("space.svd.user"), "space.svd.users");
  EXPECT_EQ(NearestTensorName("space.svd.qcodes"), "space.svd.q.codes");
  EXPECT_EQ(NearestTensorName("item.ids.bytes"), "items.ids.bytes");
  EXPECT_EQ(NearestTensorName("items.ids.offset"), "items.ids.offsets");
  EXPECT_EQ(NearestTensorName("user.seen.values"), "users.seen.values");
  EXPECT_EQ(NearestTensorName("items.attrs.price"), "items.attr.price");
  EXPECT_FALSE(NearestTensorName("").empty());
  EXPECT_FALSE(NearestTensorName(std::string(256, '.')).empty());
}

}  // namespace
}  // namespace kindred
