#include "server/profile_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <future>
#include <map>
#include <memory>
#include <mutex>

#include "core/base/str_cat.h"
#include "server/memory_profile_store.h"

namespace kindred {
namespace {

// A memory store whose commits wait while the gate is shut, and can be told to fail.
class GatedStore final : public ProfileStore {
 public:
  std::string_view name() const override { return "gated"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override {
    if (fail_reads) return absl::UnavailableError("cannot read");
    return store_.Get(user_id, profile);
  }
  absl::Status Commit(std::span<const Profile* const> profiles) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
    --waiting_;
    commits.push_back(profiles.size());
    return fail_commits ? absl::UnavailableError("disk full") : store_.Commit(profiles);
  }
  ProfileStoreCounts counts() const override { return store_.counts(); }

  void Open(bool open) {
    const std::lock_guard lock(mutex_);
    open_ = open;
    changed_.notify_all();
  }
  void AwaitCommit() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return waiting_ > 0; });
  }

  std::atomic<bool> fail_commits{false}, fail_reads{false};
  std::vector<size_t> commits;  // profiles of each; read after the writer stopped

 private:
  MemoryProfileStore store_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
};

ProfileUpdate UpdateOf(const std::string& user_id, const std::string& update_id, const std::string& item = "a") {
  return {user_id, update_id, {{item, "", 1, 1.0}}, 5};
}

// Submits and gives the outcome when it is there.
std::future<UpdateOutcome> Submit(ProfileWriter* writer, ProfileUpdate update, Profile known = {}) {
  auto promise = std::make_shared<std::promise<UpdateOutcome>>();
  auto future = promise->get_future();
  const absl::Status queued = writer->Submit(
      std::move(update), [promise](const UpdateOutcome& outcome) { promise->set_value(outcome); }, std::move(known));
  if (!queued.ok()) promise->set_value({queued});
  return future;
}

std::future<UpdateOutcome> Delete(ProfileWriter* writer, const std::string& user_id) {
  auto promise = std::make_shared<std::promise<UpdateOutcome>>();
  auto future = promise->get_future();
  const absl::Status queued =
      writer->SubmitDeletion(user_id, [promise](const UpdateOutcome& outcome) { promise->set_value(outcome); });
  if (!queued.ok()) promise->set_value({queued});
  return future;
}

TEST(ProfileWriter, AnAcknowledgedUpdateIsThereToRead) {
  MemoryProfileStore store;
  ProfileWriter writer(&store, {});
  for (uint64_t i = 1; i <= 20; ++i) {
    const UpdateOutcome outcome = Submit(&writer, UpdateOf("u", StrCat("id", i))).get();
    ASSERT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(outcome.profile_version, i);
    EXPECT_FALSE(outcome.duplicate);
    Profile profile;
    ASSERT_TRUE(*store.Get("u", &profile));
    EXPECT_EQ(profile.version, i);
    EXPECT_EQ(profile.events.size(), i);
  }
}

TEST(ProfileWriter, AKnownUpdateIdChangesNothing) {
  MemoryProfileStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "same")).get().status.ok());
  const UpdateOutcome again = Submit(&writer, UpdateOf("u", "same", "b")).get();
  EXPECT_TRUE(again.status.ok());
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.profile_version, 1u);
  // Another user's update may have the same id; an empty id is never a duplicate.
  EXPECT_FALSE(Submit(&writer, UpdateOf("v", "same")).get().duplicate);
  EXPECT_FALSE(Submit(&writer, UpdateOf("u", "")).get().duplicate);
  EXPECT_FALSE(Submit(&writer, UpdateOf("u", "")).get().duplicate);
  EXPECT_EQ(writer.counts().duplicates.load(), 1u);
  EXPECT_EQ(writer.counts().applied.load(), 4u);
}

TEST(ProfileWriter, WhatWaitsGoesIntoOneCommit) {
  GatedStore store;
  {
    ProfileWriter writer(&store, {});
    store.Open(false);
    auto first = Submit(&writer, UpdateOf("first", "0"));
    store.AwaitCommit();
    std::vector<std::future<UpdateOutcome>> waiting;
    for (int i = 0; i < 10; ++i) waiting.push_back(Submit(&writer, UpdateOf("u", StrCat("id", i % 5))));
    for (int i = 0; i < 3; ++i) waiting.push_back(Submit(&writer, UpdateOf(StrCat("v", i), "x")));
    store.Open(true);
    EXPECT_TRUE(first.get().status.ok());
    for (size_t i = 0; i < 10; ++i) {
      const UpdateOutcome outcome = waiting[i].get();
      ASSERT_TRUE(outcome.status.ok());
      // The second five repeat the ids of the first, within one commit.
      EXPECT_EQ(outcome.duplicate, i >= 5) << i;
      EXPECT_EQ(outcome.profile_version, std::min<uint64_t>(i + 1, 5)) << i;
    }
    for (size_t i = 10; i < 13; ++i) EXPECT_EQ(waiting[i].get().profile_version, 1u);
  }
  EXPECT_EQ(store.commits, (std::vector<size_t>{1, 4}));  // "first"; then u, v0, v1, v2 together
}

TEST(ProfileWriter, AFullQueueIsRefusedWithAHintWhenToRetry) {
  GatedStore store;
  ProfileWriterOptions options;
  options.max_queued = 2;
  ProfileWriter writer(&store, options);
  store.Open(false);
  auto first = Submit(&writer, UpdateOf("a", ""));
  store.AwaitCommit();
  auto second = Submit(&writer, UpdateOf("b", ""));
  auto third = Submit(&writer, UpdateOf("c", ""));
  const UpdateOutcome refused = Submit(&writer, UpdateOf("d", "")).get();
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(refused.status.GetPayload("type.googleapis.com/google.rpc.RetryInfo").has_value());
  store.Open(true);
  for (auto* future : {&first, &second, &third}) EXPECT_TRUE(future->get().status.ok());
  EXPECT_EQ(writer.counts().shed.load(), 1u);
}

TEST(ProfileWriter, AFailedCommitFailsItsUpdatesAndLeavesNoTrace) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "1")).get().status.ok());
  store.fail_commits = true;
  const UpdateOutcome failed = Submit(&writer, UpdateOf("u", "2")).get();
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(failed.status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo").has_value());
  // Known and already durable: that stands, whatever the disk does now.
  EXPECT_TRUE(Submit(&writer, UpdateOf("u", "1")).get().duplicate);
  store.fail_commits = false;
  const UpdateOutcome retried = Submit(&writer, UpdateOf("u", "2")).get();
  EXPECT_TRUE(retried.status.ok());
  EXPECT_FALSE(retried.duplicate);
  EXPECT_EQ(retried.profile_version, 2u);
  EXPECT_EQ(writer.counts().failed.load(), 1u);
}

TEST(ProfileWriter, ADuplicateOfAnUpdateThatIsNotDurableYetIsNotAcknowledgedBeforeIt) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  store.Open(false);
  auto first = Submit(&writer, UpdateOf("other", ""));
  store.AwaitCommit();
  store.fail_commits = true;
  auto original = Submit(&writer, UpdateOf("u", "same"));
  auto duplicate = Submit(&writer, UpdateOf("u", "same"));
  store.Open(true);
  first.get();
  EXPECT_FALSE(original.get().status.ok());
  EXPECT_FALSE(duplicate.get().status.ok());
}

TEST(ProfileWriter, AStoreThatCannotBeReadTakesNoUpdates) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  store.fail_reads = true;
  EXPECT_EQ(Submit(&writer, UpdateOf("u", "1")).get().status.code(), absl::StatusCode::kUnavailable);
}

TEST(ProfileWriter, StoppingCommitsWhatIsQueuedAndTakesNoMore) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  store.Open(false);
  std::vector<std::future<UpdateOutcome>> queued;
  for (int i = 0; i < 5; ++i) queued.push_back(Submit(&writer, UpdateOf("u", "")));
  store.Open(true);
  writer.Stop();
  for (auto& future : queued) EXPECT_TRUE(future.get().status.ok());
  EXPECT_EQ(Submit(&writer, UpdateOf("u", "")).get().status.code(), absl::StatusCode::kUnavailable);
  writer.Stop();
}

TEST(ProfileWriter, ADeletionTakesEverythingAndTheNextUpdateBeginsAnew) {
  MemoryProfileStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "1")).get().status.ok());
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "2")).get().status.ok());
  UpdateOutcome deleted = Delete(&writer, "u").get();
  EXPECT_TRUE(deleted.status.ok());
  EXPECT_TRUE(deleted.existed);
  EXPECT_EQ(deleted.profile_version, 0u);
  Profile profile;
  EXPECT_FALSE(*store.Get("u", &profile));
  EXPECT_FALSE(Delete(&writer, "u").get().existed);
  EXPECT_FALSE(Delete(&writer, "nobody").get().existed);
  const UpdateOutcome again = Submit(&writer, UpdateOf("u", "1", "b")).get();
  EXPECT_FALSE(again.duplicate);
  EXPECT_FALSE(again.existed);
  EXPECT_EQ(again.profile_version, 1u);
  EXPECT_EQ(writer.counts().deleted.load(), 1u);
  EXPECT_EQ(writer.counts().absent.load(), 2u);
  EXPECT_EQ(writer.counts().applied.load(), 3u);
}

TEST(ProfileWriter, UpdatesAndDeletionsOfOneCommitKeepTheirOrder) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "0", "old")).get().status.ok());
  store.Open(false);
  auto first = Submit(&writer, UpdateOf("other", ""));
  store.AwaitCommit();
  auto before = Submit(&writer, UpdateOf("u", "1"));
  auto gone = Delete(&writer, "u");
  auto after = Submit(&writer, UpdateOf("u", "1", "new"));
  auto repeated = Submit(&writer, UpdateOf("u", "1", "new"));
  auto short_lived = Submit(&writer, UpdateOf("v", "1"));
  auto also_gone = Delete(&writer, "v");
  store.Open(true);
  first.get();
  EXPECT_EQ(before.get().profile_version, 2u);
  EXPECT_TRUE(gone.get().existed);
  const UpdateOutcome anew = after.get();
  EXPECT_EQ(anew.profile_version, 1u);
  EXPECT_FALSE(anew.duplicate);
  EXPECT_TRUE(repeated.get().duplicate);
  EXPECT_TRUE(short_lived.get().status.ok());
  EXPECT_TRUE(also_gone.get().existed);
  Profile profile;
  ASSERT_TRUE(*store.Get("u", &profile));
  ASSERT_EQ(profile.events.size(), 1u);
  EXPECT_EQ(profile.events[0].item_id, "new");
  EXPECT_FALSE(*store.Get("v", &profile));
}

TEST(ProfileWriter, WhatIsKnownElsewhereJoinsWhatIsStored) {
  MemoryProfileStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "here", "a")).get().status.ok());
  Profile known;
  known.user_id = "u";
  known.version = 7;
  known.events = {{"b", "", 2, 1.0, 0, 99}};
  known.update_ids = {"there"};
  // A duplicate of what is known changes nothing here.
  EXPECT_TRUE(Submit(&writer, UpdateOf("u", "there", "b"), known).get().duplicate);
  Profile profile;
  ASSERT_TRUE(*store.Get("u", &profile));
  EXPECT_EQ(profile.version, 1u);
  const UpdateOutcome joined = Submit(&writer, UpdateOf("u", "next", "c"), known).get();
  EXPECT_EQ(joined.profile_version, 9u) << "7, and one for the union, and one for the update";
  ASSERT_TRUE(*store.Get("u", &profile));
  std::vector<std::string> items;
  for (const Event& event : profile.events) items.push_back(event.item_id);
  std::sort(items.begin(), items.end());
  EXPECT_EQ(items, (std::vector<std::string>{"a", "b", "c"}));
  // Again: it is all there already.
  EXPECT_EQ(Submit(&writer, UpdateOf("u", "last", "d"), known).get().profile_version, 10u);
}

TEST(ProfileWriter, AnEventsOriginIsThatOfItsUpdateWhereverItIsApplied) {
  MemoryProfileStore here, there;
  ProfileWriter writer(&here, {}), other(&there, {});
  Profile one, two;
  for (const std::string id : {"1", "2"}) {
    ASSERT_TRUE(Submit(&writer, UpdateOf("u", id)).get().status.ok());
    ASSERT_TRUE(Submit(&other, UpdateOf("u", id)).get().status.ok());
  }
  ASSERT_TRUE(*here.Get("u", &one));
  ASSERT_TRUE(*there.Get("u", &two));
  ASSERT_EQ(one.events.size(), 2u);
  EXPECT_NE(one.events[0].origin, 0u);
  EXPECT_NE(one.events[0].origin, one.events[1].origin);
  EXPECT_EQ(one.events, two.events);
  // Another user's update of the same id is another; without an id every update is.
  ASSERT_TRUE(Submit(&writer, UpdateOf("v", "1")).get().status.ok());
  ASSERT_TRUE(*here.Get("v", &two));
  EXPECT_NE(two.events[0].origin, one.events[0].origin);
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(Submit(&writer, UpdateOf("w", "")).get().status.ok());
  ASSERT_TRUE(*here.Get("w", &two));
  ASSERT_EQ(two.events.size(), 2u);
  EXPECT_NE(two.events[0].origin, 0u);
  EXPECT_NE(two.events[0].origin, two.events[1].origin);
}

TEST(ProfileWriter, AnOutcomeShowsTheProfileAsItWasCommitted) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  store.Open(false);
  auto first = Submit(&writer, UpdateOf("other", ""));
  store.AwaitCommit();
  std::mutex mutex;
  std::vector<Profile> seen;
  const auto note = [&](const UpdateOutcome& outcome) {
    const std::lock_guard lock(mutex);
    if (outcome.profile != nullptr) seen.push_back(*outcome.profile);
  };
  ASSERT_TRUE(writer.Submit(UpdateOf("u", "1"), note).ok());
  ASSERT_TRUE(writer.Submit(UpdateOf("u", "2"), note).ok());
  ASSERT_TRUE(writer.Submit(UpdateOf("v", "1"), note).ok());
  ASSERT_TRUE(writer.SubmitDeletion("v", note).ok());
  store.Open(true);
  writer.Stop();
  first.get();
  ASSERT_EQ(seen.size(), 4u);
  for (int i : {0, 1}) {
    EXPECT_EQ(seen[i].version, 2u);
    EXPECT_EQ(seen[i].events.size(), 2u);
  }
  for (int i : {2, 3}) EXPECT_EQ(seen[i].version, 0u);
}

TEST(ProfileWriter, ADeletionThatCannotBeMadeDurableIsNotAcknowledged) {
  GatedStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "1")).get().status.ok());
  store.fail_commits = true;
  const UpdateOutcome failed = Delete(&writer, "u").get();
  EXPECT_EQ(failed.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(failed.profile, nullptr);
  // Of somebody who is not there too: what reads as none may be a damaged value.
  EXPECT_FALSE(Delete(&writer, "nobody").get().status.ok());
  store.fail_commits = false;
  Profile profile;
  EXPECT_TRUE(*store.Get("u", &profile));
  store.fail_reads = true;
  EXPECT_EQ(Delete(&writer, "u").get().status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(writer.counts().delete_failed.load(), 3u);
  EXPECT_EQ(writer.counts().failed.load(), 0u);
}

TEST(ProfileWriter, ADeletionWaitsInTheSameQueue) {
  GatedStore store;
  ProfileWriterOptions options;
  options.max_queued = 1;
  ProfileWriter writer(&store, options);
  store.Open(false);
  auto first = Submit(&writer, UpdateOf("a", ""));
  store.AwaitCommit();
  auto second = Delete(&writer, "a");
  EXPECT_EQ(Delete(&writer, "b").get().status.code(), absl::StatusCode::kResourceExhausted);
  store.Open(true);
  EXPECT_TRUE(first.get().status.ok());
  EXPECT_TRUE(second.get().existed);
  EXPECT_EQ(writer.counts().delete_shed.load(), 1u);
  writer.Stop();
  EXPECT_EQ(Delete(&writer, "a").get().status.code(), absl::StatusCode::kUnavailable);
}

TEST(ProfileWriter, ABlendIsAStepOfItsOwn) {
  MemoryProfileStore store;
  ProfileWriter writer(&store, {});
  ASSERT_TRUE(Submit(&writer, UpdateOf("u", "1")).get().status.ok());
  ProfileUpdate blend = UpdateOf("u", "2", "b");
  blend.mode = UpdateMode::kBlend;
  ASSERT_TRUE(Submit(&writer, blend).get().status.ok());
  EXPECT_TRUE(Submit(&writer, blend).get().duplicate);
  Profile profile;
  ASSERT_TRUE(*store.Get("u", &profile));
  ASSERT_EQ(profile.events.size(), 2u);
  EXPECT_EQ(profile.events[0].blend_step, 0u);
  EXPECT_EQ(profile.events[1].blend_step, 1u);
}

TEST(ProfileWriter, KeepsTheMostRecentEventsOnly) {
  MemoryProfileStore store;
  ProfileWriterOptions options;
  options.limits.max_events = 3;
  ProfileWriter writer(&store, options);
  for (int i = 0; i < 5; ++i) {
    ProfileUpdate update = UpdateOf("u", "", StrCat("item", i));
    update.events[0].time_ms = i;
    ASSERT_TRUE(Submit(&writer, std::move(update)).get().status.ok());
  }
  Profile profile;
  ASSERT_TRUE(*store.Get("u", &profile));
  ASSERT_EQ(profile.events.size(), 3u);
  EXPECT_EQ(profile.events.front().item_id, "item2");
}

}  // namespace
}  // namespace kindred
