#include "core/bundle/id_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "core/base/checksum.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

// The tensors of a table with its index, and the table over them.
struct Table {
  std::vector<OwnedTensor> tensors;
  TensorMap map;
  IdTable ids;
};

Table MakeTable(const std::vector<std::string>& ids) {
  Table table;
  table.tensors = MakeIdTensors("t", ids);
  for (const OwnedTensor& tensor : table.tensors) table.map.emplace(tensor.name, tensor.view());
  absl::StatusOr<OwnedTensor> index = MakeIdIndex("t", IdTableFrom(table.map, "t"));
  EXPECT_TRUE(index.ok()) << index.status();
  if (index.ok()) {
    table.tensors.push_back(*std::move(index));
    table.map.emplace("t.index", table.tensors.back().view());
  }
  table.ids = IdTableFrom(table.map, "t");
  return table;
}

TEST(IdTableTest, FindsEveryOneOfAHundredThousandAndNothingElse) {
  std::vector<std::string> ids;
  for (int i = 0; i < 100'000; ++i) ids.push_back(StrCat("id-", i * 7919));
  const Table table = MakeTable(ids);
  ASSERT_EQ(table.ids.size(), ids.size());
  for (uint32_t i = 0; i < ids.size(); ++i) {
    ASSERT_EQ(table.ids.Id(i), ids[i]);
    ASSERT_EQ(table.ids.Find(ids[i]), i);
  }
  for (int i = 0; i < 100'000; ++i) ASSERT_EQ(table.ids.Find(StrCat("no-", i)), std::nullopt);
}

TEST(IdTableTest, HandlesOddIds) {
  const std::vector<std::string> ids = {"a",
                                        "A",
                                        " ",
                                        "é",
                                        "日本語",
                                        "👩‍👩‍👧",
                                        std::string("a\0b", 3),
                                        std::string("\0", 1),
                                        std::string(1024, 'x'),
                                        "0"};
  const Table table = MakeTable(ids);
  for (uint32_t i = 0; i < ids.size(); ++i) EXPECT_EQ(table.ids.Find(ids[i]), i);
  EXPECT_EQ(table.ids.Find(""), std::nullopt);
  EXPECT_EQ(table.ids.Find("e\xCC\x81"), std::nullopt) << "ids are bytes: another normal form is another id";
  EXPECT_EQ(table.ids.Find(std::string(1023, 'x')), std::nullopt);
  EXPECT_EQ(table.ids.Find(std::string(1 << 20, 'x')), std::nullopt);
}

TEST(IdTableTest, AnEmptyIdIsFoundWhereATableHasOne) {
  const Table table = MakeTable({"", "a"});
  EXPECT_EQ(table.ids.Find(""), 0u);
  EXPECT_EQ(table.ids.Find("a"), 1u);
}

TEST(IdTableTest, AnEmptyTableFindsNothing) {
  const Table table = MakeTable({});
  EXPECT_EQ(table.ids.size(), 0u);
  EXPECT_TRUE(table.ids.empty());
  EXPECT_EQ(table.ids.Find("a"), std::nullopt);
  EXPECT_EQ(IdTable().Find("a"), std::nullopt);
  EXPECT_TRUE(IdTableFrom({}, "t").empty());
}

TEST(IdTableTest, CollidingHashesAreToldApart) {
  // Ids that all start at the same slot of a 64-slot index, so that they form one run of probes.
  std::vector<std::string> ids;
  for (int i = 0; ids.size() < 32; ++i) {
    const std::string id = StrCat("c", i);
    if (Xxh3(std::as_bytes(std::span(id))) % 64 == 63) ids.push_back(id);
  }
  const Table table = MakeTable(ids);
  EXPECT_EQ(table.map.at("t.index").shape, (std::vector<uint64_t>{64, 2}));
  for (uint32_t i = 0; i < ids.size(); ++i) EXPECT_EQ(table.ids.Find(ids[i]), i);
  EXPECT_EQ(table.ids.Find("absent"), std::nullopt);
}

TEST(IdTableTest, FindManyFindsWhatFindDoes) {
  // A small index whose probes run on across its end, and one of many cache lines.
  std::vector<std::string> colliding;
  for (int i = 0; colliding.size() < 32; ++i) {
    const std::string id = StrCat("c", i);
    if (Xxh3(std::as_bytes(std::span(id))) % 64 >= 62) colliding.push_back(id);
  }
  std::vector<std::string> many;
  for (int i = 0; i < 3000; ++i) many.push_back(StrCat(std::string(i % 40, 'p'), i));
  for (const auto& ids : {std::vector<std::string>(), colliding, many}) {
    const Table table = MakeTable(ids);
    std::vector<std::string> wanted;
    for (const std::string& id : ids) {
      wanted.push_back(id);
      if (wanted.size() % 3 == 0) wanted.push_back(StrCat("no-", id));
      if (wanted.size() % 7 == 0) wanted.push_back(id);
    }
    wanted.emplace_back();
    const std::vector<std::string_view> views(wanted.begin(), wanted.end());
    for (const size_t count : {size_t{0}, size_t{1}, size_t{255}, size_t{256}, size_t{257}, views.size()}) {
      if (count > views.size()) continue;
      std::vector<uint32_t> found(count, 12345);
      table.ids.FindMany(std::span(views).first(count), found);
      for (size_t i = 0; i < count; ++i) {
        ASSERT_EQ(found[i], table.ids.Find(views[i]).value_or(IdTable::kNone)) << views[i] << " of " << ids.size();
      }
    }
  }
  std::vector<uint32_t> found(1, 12345);
  const std::string_view any = "a";
  IdTable().FindMany(std::span(&any, 1), found);
  EXPECT_EQ(found[0], IdTable::kNone);
}

TEST(IdTableTest, FindManyTellsApartIdsOfOneTag) {
  // An index by hand: every id has the tag of the one that is looked up, as chosen ids may.
  const std::vector<std::string> ids = {"first", "other", "third"};
  const std::vector<OwnedTensor> tensors = MakeIdTensors("t", ids);
  TensorMap map;
  for (const OwnedTensor& tensor : tensors) map.emplace(tensor.name, tensor.view());
  const std::string wanted = "third", absent = "absnt";
  std::vector<uint64_t> index(16, 0);
  for (const std::string& id : {wanted, absent}) {
    std::fill(index.begin(), index.end(), 0);
    const uint64_t hash = Xxh3(std::as_bytes(std::span(id)));
    for (uint64_t i = 0; i < 3; ++i) {
      const uint64_t slot = (hash + i) % 8;
      index[2 * slot] = (hash & 0xffffffff00000000) | (i + 1);
      index[2 * slot + 1] = (5 * i) << 16 | 5;
    }
    const IdTable table({reinterpret_cast<const char*>(tensors[0].bytes.data()), 15}, map.at("t.offsets").As<int64_t>(),
                        index);
    const std::string_view view = id;
    uint32_t found = 12345;
    table.FindMany(std::span(&view, 1), std::span(&found, 1));
    EXPECT_EQ(found, id == wanted ? 2 : IdTable::kNone);
    EXPECT_EQ(table.Find(id).value_or(IdTable::kNone), found);
  }
}

TEST(IdTableTest, SlotsAreDocumentedAs) {
  const Table table = MakeTable({"first", "second", "third"});
  const std::span<const uint64_t> words = table.map.at("t.index").As<uint64_t>();
  ASSERT_EQ(words.size(), 16u);
  const std::string second = "second";
  const uint64_t hash = Xxh3(std::as_bytes(std::span(second)));
  uint64_t slot = hash % 8;
  while ((words[2 * slot] & 0xffffffff) != 2) slot = (slot + 1) % 8;
  EXPECT_EQ(words[2 * slot], (hash & 0xffffffff00000000) | 2);
  EXPECT_EQ(words[2 * slot + 1], (uint64_t{5} << 16) | 6);
}

TEST(IdTableTest, IndexIsAtMostHalfFull) {
  for (uint64_t n : {0, 1, 2, 3, 4, 5, 1000, 1024, 1025}) {
    EXPECT_GE(IdIndexSlots(n), 2 * n);
    EXPECT_TRUE(std::has_single_bit(IdIndexSlots(n)));
  }
  EXPECT_EQ(IdIndexSlots(0), 2u);
  EXPECT_EQ(IdIndexSlots(1024), 2048u);
  EXPECT_EQ(IdIndexSlots(1025), 4096u);
}

TEST(IdTableTest, EqualIdsAreAnErrorThatNamesBothRows) {
  const std::vector<OwnedTensor> tensors = MakeIdTensors("items.ids", std::vector<std::string>{"a", "b", "c", "b"});
  TensorMap map;
  for (const OwnedTensor& tensor : tensors) map.emplace(tensor.name, tensor.view());
  const auto index = MakeIdIndex("items.ids", IdTableFrom(map, "items.ids"));
  ASSERT_FALSE(index.ok());
  EXPECT_THAT(std::string(index.status().message()), HasSubstr("items.ids[3] = \"b\" is equal to items.ids[1]"));
}

TEST(IdTableTest, AnIdThatDoesNotFitASlotIsAnError) {
  const std::vector<OwnedTensor> tensors = MakeIdTensors("t", std::vector<std::string>{std::string(65536, 'x')});
  TensorMap map;
  for (const OwnedTensor& tensor : tensors) map.emplace(tensor.name, tensor.view());
  const auto index = MakeIdIndex("t", IdTableFrom(map, "t"));
  ASSERT_FALSE(index.ok());
  EXPECT_THAT(std::string(index.status().message()), HasSubstr("t[0] has 65536 bytes"));
}

TEST(IdProblemTest, AcceptsUtf8UpToTheLongestId) {
  EXPECT_EQ(IdProblem("Crème brûlée, \"500 g\""), "");
  EXPECT_EQ(IdProblem(std::string(1024, 'x')), "");
  EXPECT_EQ(IdProblem(std::string(1025, 'x')), "is 1025 bytes long, at most 1024 are allowed");
  EXPECT_EQ(IdProblem("a\xff"), "is not valid UTF-8");
}

}  // namespace
}  // namespace kindred
