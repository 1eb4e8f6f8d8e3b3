#include "server/profile_export.h"

#include <gtest/gtest.h>

#include <future>
#include <map>

#include "core/base/str_cat.h"
#include "server/profile_codec.h"

namespace kindred {
namespace {

// Lists `count` profiles of ~4 KiB, and remembers how far it came.
class ListedStore final : public ProfileStore {
 public:
  explicit ListedStore(uint64_t count) : count_(count) {}
  std::string_view name() const override { return "listed"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override {
    if (fail) return absl::UnavailableError("cannot read");
    ClearProfile(profile);
    if (user_id == "nobody") return false;
    *profile = Make(std::string(user_id));
    return true;
  }
  absl::Status Commit(std::span<const Profile* const>) override { return absl::OkStatus(); }
  ProfileStoreCounts counts() const override { return {}; }
  absl::Status ForEach(const std::function<bool(const Profile&)>& visit) override {
    for (uint64_t i = 0; i < count_; ++i) {
      if (!visit(Make(StrCat(i)))) return absl::OkStatus();
      visited.fetch_add(1);
    }
    return fail ? absl::UnavailableError("cannot read on") : absl::OkStatus();
  }

  static Profile Make(const std::string& user_id) {
    Profile profile;
    profile.user_id = user_id;
    profile.version = 2;
    profile.events.push_back({std::string(4096, 'i'), "view", 5, 1.5, 0, 9});
    profile.update_ids = {"x"};
    profile.epoch = 3;
    return profile;
  }

  std::atomic<uint64_t> visited{0};
  std::atomic<bool> fail{false};

 private:
  const uint64_t count_;
};

// Every message until the end; the status that it ended with.
absl::Status TakeAll(ProfileExport* source, std::vector<v1::ExportProfilesResponse>* messages) {
  while (true) {
    v1::ExportProfilesResponse message;
    const absl::StatusOr<rpc::StreamStep> step = source->Next(&message);
    if (!step.ok()) return step.status();
    if (*step == rpc::StreamStep::kEnd) return absl::OkStatus();
    if (*step == rpc::StreamStep::kMessage) messages->push_back(message);
  }
}

TEST(ProfileExport, GivesEveryProfileOnceInMessagesOfSomeSize) {
  ListedStore store(1000);
  ProfileExport source(&store, {});
  std::vector<v1::ExportProfilesResponse> messages;
  ASSERT_TRUE(TakeAll(&source, &messages).ok());
  std::map<std::string, int> seen;
  for (const v1::ExportProfilesResponse& message : messages) {
    EXPECT_GT(message.profiles_size(), 0);
    EXPECT_LT(message.ByteSizeLong(), 300u << 10);
    for (const v1::ProfileRecord& record : message.profiles()) {
      Profile profile;
      ReadRecord(record, &profile);
      EXPECT_EQ(profile, ListedStore::Make(record.user_id()));
      ++seen[record.user_id()];
    }
  }
  EXPECT_EQ(seen.size(), 1000u);
  for (const auto& [user_id, times] : seen) EXPECT_EQ(times, 1) << user_id;
  EXPECT_GT(messages.size(), 10u);
  EXPECT_LT(messages.size(), 30u);
}

TEST(ProfileExport, AnEmptyStoreHasNoMessage) {
  ListedStore store(0);
  ProfileExport source(&store, {});
  std::vector<v1::ExportProfilesResponse> messages;
  EXPECT_TRUE(TakeAll(&source, &messages).ok());
  EXPECT_TRUE(messages.empty());
}

TEST(ProfileExport, OfSomeUsersThoseWithAProfile) {
  ListedStore store(1000);
  ProfileExport source(&store, {"ann", "nobody", "ben"});
  std::vector<v1::ExportProfilesResponse> messages;
  ASSERT_TRUE(TakeAll(&source, &messages).ok());
  ASSERT_EQ(messages.size(), 1u);
  ASSERT_EQ(messages[0].profiles_size(), 2);
  EXPECT_EQ(messages[0].profiles(0).user_id(), "ann");
  EXPECT_EQ(messages[0].profiles(1).user_id(), "ben");
  EXPECT_EQ(store.visited.load(), 0u);
}

TEST(ProfileExport, AStoreThatFailsEndsItWithWhatItSaid) {
  ListedStore store(100);
  store.fail = true;
  std::vector<v1::ExportProfilesResponse> messages;
  ProfileExport all(&store, {});
  const absl::Status status = TakeAll(&all, &messages);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "cannot read on");
  EXPECT_FALSE(messages.empty());  // what was listed before
  ProfileExport some(&store, {"ann"});
  EXPECT_EQ(TakeAll(&some, &messages).message(), "cannot read");
}

// A reader who goes away, or never reads, does not keep the thread: this ends at all.
TEST(ProfileExport, IsGivenUpInTheMiddle) {
  ListedStore store(1'000'000);
  {
    ProfileExport source(&store, {});
    v1::ExportProfilesResponse message;
    absl::StatusOr<rpc::StreamStep> step = rpc::StreamStep::kAgain;
    while (step.ok() && *step == rpc::StreamStep::kAgain) step = source.Next(&message);
    ASSERT_TRUE(step.ok());
    EXPECT_EQ(*step, rpc::StreamStep::kMessage);
  }
  // One message was taken, at most one waited and one was under way.
  EXPECT_LT(store.visited.load(), 300u);
  { ProfileExport unread(&store, {}); }
  EXPECT_LT(store.visited.load(), 600u);
}

// Also while the store looks for profiles, and finds none.
TEST(ProfileExport, IsGivenUpWhileTheStoreIsWaitedFor) {
  class EndlessStore final : public ProfileStore {
   public:
    std::string_view name() const override { return "endless"; }
    StoreDurability durability() const override { return StoreDurability::kMemory; }
    absl::StatusOr<bool> Get(std::string_view, Profile*) override { return false; }
    absl::Status Commit(std::span<const Profile* const>) override { return absl::OkStatus(); }
    ProfileStoreCounts counts() const override { return {}; }
    absl::Status ForEachWhile(const std::function<bool()>& go_on, const std::function<bool(const Profile&)>&) override {
      while (go_on()) asked.fetch_add(1);
      return absl::OkStatus();
    }
    std::atomic<uint64_t> asked{0};
  };
  EndlessStore store;
  {
    ProfileExport source(&store, {});
    v1::ExportProfilesResponse message;
    while (store.asked.load() == 0) EXPECT_EQ(*source.Next(&message), rpc::StreamStep::kAgain);
  }
  EXPECT_GT(store.asked.load(), 0u);
}

// A store that does not answer does not hold the thread that asks.
TEST(ProfileExport, NeverWaitsForTheStore) {
  class StuckStore final : public ProfileStore {
   public:
    std::string_view name() const override { return "stuck"; }
    StoreDurability durability() const override { return StoreDurability::kMemory; }
    absl::StatusOr<bool> Get(std::string_view, Profile*) override { return false; }
    absl::Status Commit(std::span<const Profile* const>) override { return absl::OkStatus(); }
    ProfileStoreCounts counts() const override { return {}; }
    absl::Status ForEach(const std::function<bool(const Profile&)>&) override {
      go_on.get_future().wait();
      return absl::OkStatus();
    }
    std::promise<void> go_on;
  };
  StuckStore store;
  ProfileExport source(&store, {});
  v1::ExportProfilesResponse message;
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<rpc::StreamStep> step = source.Next(&message);
    ASSERT_TRUE(step.ok());
    EXPECT_EQ(*step, rpc::StreamStep::kAgain);
  }
  store.go_on.set_value();
  std::vector<v1::ExportProfilesResponse> messages;
  EXPECT_TRUE(TakeAll(&source, &messages).ok());
}

}  // namespace
}  // namespace kindred
