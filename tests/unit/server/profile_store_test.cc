// What every profile store does, and what the embedded one does beside.
#include "server/profile_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

#include <map>
#include <memory>

#include "core/base/str_cat.h"
#include "server/embedded_profile_store.h"
#include "server/memory_profile_store.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

Profile ProfileOf(const std::string& user_id, uint64_t version, const std::string& item = "a") {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.updated_ms = 7;
  profile.events = {{item, "view", 1, 2.0}};
  profile.update_ids = {"id"};
  return profile;
}

Profile NobodyOf(const std::string& user_id) {
  Profile profile;
  profile.user_id = user_id;
  return profile;
}

absl::Status CommitAll(ProfileStore* store, const std::vector<Profile>& profiles) {
  std::vector<const Profile*> pointers;
  for (const Profile& profile : profiles) pointers.push_back(&profile);
  return store->Commit(pointers);
}

std::unique_ptr<EmbeddedProfileStore> OpenEmbedded(const std::string& dir) {
  auto store = EmbeddedProfileStore::Open(dir, 1 << 20);
  EXPECT_TRUE(store.ok()) << store.status();
  return store.ok() ? *std::move(store) : nullptr;
}

class ProfileStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("memory")) {
      store_ = std::make_unique<MemoryProfileStore>();
    } else {
      store_ = OpenEmbedded(dir_.File("profiles"));
    }
    ASSERT_NE(store_, nullptr);
  }

  testing::TempDir dir_;
  std::unique_ptr<ProfileStore> store_;
};

TEST_P(ProfileStoreTest, ReadsWhatWasCommitted) {
  EXPECT_EQ(store_->name(), GetParam());
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("a", 1), ProfileOf("b", 2, "x")}).ok());
  Profile profile = ProfileOf("someone else", 9);
  auto found = store_->Get("b", &profile);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ(profile, ProfileOf("b", 2, "x"));
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("b", 3, "y")}).ok());
  found = store_->Get("b", &profile);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ(profile, ProfileOf("b", 3, "y"));
}

TEST_P(ProfileStoreTest, AnUnknownUserIsAMiss) {
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("known", 1)}).ok());
  const std::vector<std::string> others = {"unknown", "know", "known2", std::string("known\0x", 7)};
  for (const std::string& user : others) {
    Profile profile = ProfileOf("left over", 1);
    const auto found = store_->Get(user, &profile);
    ASSERT_TRUE(found.ok());
    EXPECT_FALSE(*found);
    EXPECT_EQ(profile, Profile());
  }
  EXPECT_EQ(store_->counts().misses, 4u);
  EXPECT_EQ(store_->counts().hits, 0u);
}

TEST_P(ProfileStoreTest, AProfileOfVersionZeroDeletes) {
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("a", 1), ProfileOf("b", 2), ProfileOf("c", 3)}).ok());
  // In one commit with others, and of somebody who is not there.
  ASSERT_TRUE(CommitAll(store_.get(), {NobodyOf("a"), ProfileOf("b", 3), NobodyOf("nobody")}).ok());
  Profile profile = ProfileOf("left over", 1);
  EXPECT_FALSE(*store_->Get("a", &profile));
  EXPECT_EQ(profile, Profile());
  EXPECT_TRUE(*store_->Get("b", &profile));
  EXPECT_EQ(profile.version, 3u);
  EXPECT_TRUE(*store_->Get("c", &profile));
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("a", 1, "new")}).ok());
  EXPECT_TRUE(*store_->Get("a", &profile));
  EXPECT_EQ(profile, ProfileOf("a", 1, "new"));
}

TEST_P(ProfileStoreTest, VisitsEveryProfileOnce) {
  std::vector<Profile> profiles;
  for (int i = 0; i < 300; ++i) profiles.push_back(ProfileOf(StrCat("u", i), 1 + i));
  ASSERT_TRUE(CommitAll(store_.get(), profiles).ok());
  ASSERT_TRUE(CommitAll(store_.get(), {NobodyOf("u7")}).ok());
  std::map<std::string, Profile> seen;
  const absl::Status status = store_->ForEach([&](const Profile& profile) {
    EXPECT_TRUE(seen.emplace(profile.user_id, profile).second);
    // The store may be used meanwhile; also to delete.
    EXPECT_TRUE(CommitAll(store_.get(), {NobodyOf(profile.user_id)}).ok());
    return true;
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(seen.size(), 299u);
  EXPECT_EQ(seen["u8"], ProfileOf("u8", 9));
  EXPECT_TRUE(store_
                  ->ForEach([](const Profile& profile) {
                    ADD_FAILURE() << profile.user_id;
                    return true;
                  })
                  .ok());
}

TEST_P(ProfileStoreTest, AVisitEndsWhenItIsToldTo) {
  ASSERT_TRUE(CommitAll(store_.get(), {ProfileOf("a", 1), ProfileOf("b", 1), ProfileOf("c", 1)}).ok());
  int seen = 0;
  EXPECT_TRUE(store_->ForEach([&](const Profile&) { return ++seen < 2; }).ok());
  EXPECT_EQ(seen, 2);
}

INSTANTIATE_TEST_SUITE_P(Stores, ProfileStoreTest, ::testing::Values("memory", "embedded"),
                         [](const auto& info) { return std::string(info.param); });

TEST(EmbeddedProfileStore, KeepsProfilesAcrossReopening) {
  const testing::TempDir dir;
  {
    const auto store = OpenEmbedded(dir.File("deep/er"));
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(CommitAll(store.get(), {ProfileOf("u", 4)}).ok());
    EXPECT_EQ(store->durability(), StoreDurability::kJournal);
  }
  const auto store = OpenEmbedded(dir.File("deep/er"));
  ASSERT_NE(store, nullptr);
  Profile profile;
  const auto found = store->Get("u", &profile);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ(profile, ProfileOf("u", 4));
}

TEST(EmbeddedProfileStore, WhatWasDeletedStaysAwayAcrossReopening) {
  const testing::TempDir dir;
  {
    const auto store = OpenEmbedded(dir.File("p"));
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(CommitAll(store.get(), {ProfileOf("u", 4), ProfileOf("v", 1)}).ok());
  }
  {
    const auto store = OpenEmbedded(dir.File("p"));
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(CommitAll(store.get(), {NobodyOf("u")}).ok());
  }
  const auto store = OpenEmbedded(dir.File("p"));
  ASSERT_NE(store, nullptr);
  Profile profile;
  EXPECT_FALSE(*store->Get("u", &profile));
  EXPECT_TRUE(*store->Get("v", &profile));
}

TEST(EmbeddedProfileStore, ADamagedOrMisplacedValueIsAMissThatIsCounted) {
  const testing::TempDir dir;
  {
    const auto store = OpenEmbedded(dir.File("p"));
    ASSERT_NE(store, nullptr);
    ASSERT_TRUE(CommitAll(store.get(), {ProfileOf("damaged", 1), ProfileOf("other", 1)}).ok());
  }
  {
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), dir.File("p"), &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    std::string value;
    ASSERT_TRUE(db->Get(rocksdb::ReadOptions(), "other", &value).ok());
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "misplaced", value).ok());
    value[value.size() / 2] = static_cast<char>(value[value.size() / 2] ^ 1);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "damaged", value).ok());
  }
  const auto store = OpenEmbedded(dir.File("p"));
  ASSERT_NE(store, nullptr);
  Profile profile;
  for (const char* user : {"damaged", "misplaced"}) {
    const auto found = store->Get(user, &profile);
    ASSERT_TRUE(found.ok());
    EXPECT_FALSE(*found) << user;
    EXPECT_EQ(profile, Profile());
  }
  EXPECT_EQ(store->counts().corrupt, 2u);
  // Who lists them does not meet them.
  std::vector<std::string> users;
  EXPECT_TRUE(store
                  ->ForEach([&](const Profile& listed) {
                    users.push_back(listed.user_id);
                    return true;
                  })
                  .ok());
  EXPECT_THAT(users, ::testing::ElementsAre("other"));
  EXPECT_EQ(store->counts().corrupt, 4u);
  // The next commit puts it right.
  ASSERT_TRUE(CommitAll(store.get(), {ProfileOf("damaged", 1)}).ok());
  const auto found = store->Get("damaged", &profile);
  ASSERT_TRUE(found.ok() && *found);
  EXPECT_EQ(profile, ProfileOf("damaged", 1));
}

TEST(EmbeddedProfileStore, SaysWhyItCannotBeOpened) {
  const testing::TempDir dir;
  const auto first = OpenEmbedded(dir.File("p"));
  ASSERT_NE(first, nullptr);
  const auto second = EmbeddedProfileStore::Open(dir.File("p"), 1 << 20);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr("One server at a time"));
  testing::WriteFile(dir.File("file"), "x");
  const auto on_a_file = EmbeddedProfileStore::Open(dir.File("file"), 1 << 20);
  EXPECT_EQ(on_a_file.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(on_a_file.status().message()), ::testing::HasSubstr(dir.File("file")));
}

}  // namespace
}  // namespace kindred
