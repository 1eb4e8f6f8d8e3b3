#include "server/availability_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <thread>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/availability_file.h"
#include "server/limits.h"
#include "tests/support/files.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Views = std::vector<std::string_view>;

std::vector<std::string> Ids(const UnavailableItems& items) {
  std::vector<std::string> out;
  for (size_t i = 0; i < items.size(); ++i) out.emplace_back(items.Id(i));
  return out;
}

class AvailabilityStoreTest : public ::testing::Test {
 protected:
  void Open(const std::string& dir) {
    store_.reset();  // it lets go of the folder
    auto store = AvailabilityStore::Open(dir, &registry_);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  AvailabilityStore::Change Set(const Views& out, const Views& back) {
    const auto change = store_->Set(out, back);
    EXPECT_TRUE(change.ok()) << change.status();
    return change.ok() ? *change : AvailabilityStore::Change();
  }
  std::vector<std::string> Out() { return Ids(*store_->items()); }

  const testing::TempDir dir_;
  AvailabilityRegistry registry_;
  std::unique_ptr<AvailabilityStore> store_;
};

TEST_F(AvailabilityStoreTest, SaysWhatAChangeDid) {
  Open(dir_.path());
  AvailabilityStore::Change change = Set({"b", "a", "b"}, {"c"});
  EXPECT_EQ(change.changed, 2u);
  EXPECT_EQ(change.unavailable, 2u);
  EXPECT_EQ(change.version, 1u);
  change = Set({"a"}, {"c", "b"});
  EXPECT_EQ(change.changed, 1u);
  EXPECT_EQ(change.unavailable, 1u);
  EXPECT_EQ(change.version, 2u);
  // Nothing to do is no change.
  change = Set({"a"}, {"b"});
  EXPECT_EQ(change.changed, 0u);
  EXPECT_EQ(change.unavailable, 1u);
  EXPECT_EQ(change.version, 2u);
  EXPECT_EQ(Set({}, {}).version, 2u);
  EXPECT_THAT(Out(), ElementsAre("a"));
  EXPECT_EQ(store_->counts().applied.load(), 2u);
  EXPECT_EQ(store_->counts().unchanged.load(), 2u);
  EXPECT_EQ(store_->counts().failed.load(), 0u);
}

TEST_F(AvailabilityStoreTest, IsOnDiskAndInTheRegistryWhenSetReturns) {
  const ModelHandle model = testing::LoadTestModel(testing::BundleBuilder());
  AvailabilityReader reader(&registry_);
  registry_.Prepare(model);
  Open(dir_.path());
  Set({"item-3", "nowhere"}, {});
  EXPECT_EQ(reader.Of(model).unavailable(), 1u);
  EXPECT_EQ(reader.Of(model).allowed()[0], ~uint64_t{8});
  const auto stored = ReadAvailabilityFile(dir_.File("availability"));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_THAT(Ids(*stored), ElementsAre("item-3", "nowhere"));
  Set({}, {"item-3"});
  EXPECT_THAT(reader.Of(model).allowed(), IsEmpty());
}

TEST_F(AvailabilityStoreTest, ComesBackAfterARestart) {
  const std::string folder = dir_.File("a/new/folder");
  Open(folder);
  Set({"a", "b"}, {});
  Set({}, {"a"});
  registry_.Publish(std::make_shared<const UnavailableItems>());
  Open(folder);
  EXPECT_THAT(Out(), ElementsAre("b"));
  EXPECT_EQ(Set({"c"}, {}).version, 3u);
}

TEST_F(AvailabilityStoreTest, MemoryForgets) {
  Open("");
  Set({"a"}, {});
  EXPECT_THAT(Out(), ElementsAre("a"));
  AvailabilityRegistry fresh;
  EXPECT_EQ((*AvailabilityStore::Open("", &fresh))->items()->size(), 0u);
}

TEST_F(AvailabilityStoreTest, AFolderIsUsedByOneAtATime) {
  Open(dir_.path());
  AvailabilityRegistry other;
  const absl::Status status = AvailabilityStore::Open(dir_.path(), &other).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(StrCat(status.message()), HasSubstr(dir_.path()));
  EXPECT_THAT(StrCat(status.message()), HasSubstr("another process uses it"));
}

TEST_F(AvailabilityStoreTest, AFolderThatCannotBeIsNamed) {
  testing::WriteFile(dir_.File("file"), "x");
  const absl::Status status = AvailabilityStore::Open(dir_.File("file/below"), &registry_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(StrCat(status.message()), HasSubstr(dir_.File("file/below")));
  EXPECT_FALSE(AvailabilityStore::Open(dir_.File("file"), &registry_).ok());
}

TEST_F(AvailabilityStoreTest, ADamagedFileIsAnErrorAndStaysAsItIs) {
  const std::string path = dir_.File("availability");
  testing::WriteFile(path, "KDAVAIL, but not really: something else altogether");
  const absl::Status status = AvailabilityStore::Open(dir_.path(), &registry_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(StrCat(status.message()), HasSubstr(path));
  EXPECT_EQ(testing::ReadFile(path), "KDAVAIL, but not really: something else altogether");
  EXPECT_EQ(registry_.items()->size(), 0u);
}

TEST_F(AvailabilityStoreTest, WhatAKilledWriteLeftIsSweptUp) {
  testing::WriteFile(dir_.File(".availability.123.0.tmp"), "half a fi");
  testing::WriteFile(dir_.File("notes.tmp"), "of somebody");
  Open(dir_.path());
  EXPECT_THAT(testing::ListDirectory(dir_.path()), ElementsAre("LOCK", "notes.tmp"));
}

TEST_F(AvailabilityStoreTest, AFullDiskChangesNothingAndHeals) {
  Open(dir_.path());
  Set({"a"}, {});
  // A limit on file sizes is the full disk.
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit full{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &full), 0);
  const auto refused = store_->Set(Views{"b"}, Views{"a"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_DFL);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(StrCat(refused.status().message()), HasSubstr("not in force"));
  EXPECT_THAT(Out(), ElementsAre("a"));
  EXPECT_EQ(store_->counts().failed.load(), 1u);
  EXPECT_THAT(testing::ListDirectory(dir_.path()), ElementsAre("LOCK", "availability"));
  EXPECT_EQ(Set({"b"}, {"a"}).version, 2u);
  Open(dir_.path());
  EXPECT_THAT(Out(), ElementsAre("b"));
}

TEST_F(AvailabilityStoreTest, HoldsAsManyItemsAsItMayAndNotOneMore) {
  Open("");
  std::vector<std::string> ids;
  ids.reserve(limits::kMaxUnavailableItems);
  for (size_t i = 0; i < limits::kMaxUnavailableItems; ++i) ids.push_back(absl::StrFormat("%07d", i));
  EXPECT_EQ(Set(Views(ids.begin(), ids.end()), {}).unavailable, limits::kMaxUnavailableItems);
  const auto refused = store_->Set(Views{"one more"}, {});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(StrCat(refused.status().message()),
              HasSubstr("1000001 items would be out, expected at most 1000000; 1000000 are now"));
  EXPECT_EQ(Set({"one more"}, {"0000000"}).unavailable, limits::kMaxUnavailableItems);
}

TEST_F(AvailabilityStoreTest, ChangesOfManyThreadsAllCount) {
  Open(dir_.path());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int i = 0; i < 20; ++i) {
        const std::string id = absl::StrFormat("%d-%d", t, i);
        const Views ids = {id};
        EXPECT_TRUE(store_->Set(ids, {}).ok());
        if (i % 2 == 0) {
          EXPECT_TRUE(store_->Set({}, ids).ok());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Out().size(), 40u);
  EXPECT_EQ(store_->items()->version(), 120u);
  const auto stored = ReadAvailabilityFile(dir_.File("availability"));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(Ids(*stored), Out());
}

}  // namespace
}  // namespace kindred
