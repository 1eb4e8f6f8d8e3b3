#include "server/profile_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <thread>

#include "core/base/str_cat.h"
#include "server/embedded_profile_store.h"
#include "server/limits.h"
#include "server/memory_profile_store.h"
#include "server/profile_codec.h"
#include "tests/support/files.h"
#include "tests/unit/server/flaky_profile_store.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

uint32_t Origin(const std::string& text) { return static_cast<uint32_t>(std::hash<std::string>()(text)) | 1; }

// A store with its writer and the service over both.
struct Fixture {
  explicit Fixture(ProfileStore* the_store, ProfileWriterOptions options = {})
      : store(the_store), writer(store, options), service(store, &writer, options.limits) {}

  template <typename Response, typename Method, typename Request>
  absl::Status Call(Method method, const Request& request, Response* response) {
    std::promise<absl::Status> done;
    (service.*method)(request, response, [&](const absl::Status& status) { done.set_value(status); });
    return done.get_future().get();
  }
  v1::ImportProfilesResponse Import(const v1::ImportProfilesRequest& request) {
    v1::ImportProfilesResponse response;
    const absl::Status status = Call(&ProfileService::ImportProfiles, request, &response);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ(response.results_size(), request.profiles_size());
    return response;
  }
  // Every profile that is exported, by user.
  std::map<std::string, v1::ProfileRecord> Export() {
    std::map<std::string, v1::ProfileRecord> records;
    auto source = service.ExportProfiles({});
    EXPECT_TRUE(source.ok());
    for (v1::ExportProfilesResponse message;; message.Clear()) {
      const absl::StatusOr<rpc::StreamStep> step = (*source)->Next(&message);
      EXPECT_TRUE(step.ok()) << step.status();
      if (!step.ok() || *step == rpc::StreamStep::kEnd) return records;
      for (const v1::ProfileRecord& record : message.profiles()) records[record.user_id()] = record;
    }
  }
  void Update(const std::string& user, const std::string& update_id, UpdateMode mode = UpdateMode::kHistory) {
    std::promise<absl::Status> done;
    ProfileUpdate update{user, update_id, {{"item", "view", 7, 1.25, 0, 0}}, 1234, mode, Origin(update_id)};
    ASSERT_TRUE(
        writer.Submit(std::move(update), [&](const UpdateOutcome& outcome) { done.set_value(outcome.status); }).ok());
    ASSERT_TRUE(done.get_future().get().ok());
  }

  ProfileStore* store;
  ProfileWriter writer;
  ProfileService service;
};

v1::ProfileRecord Record(const std::string& user, const std::string& item, uint64_t version = 1, int64_t time_ms = 5) {
  v1::ProfileRecord record;
  record.set_user_id(user);
  record.set_version(version);
  v1::EventRecord* event = record.add_events();
  event->set_item_id(item);
  event->set_time_ms(time_ms);
  event->set_weight(1);
  event->set_origin(Origin(item));
  return record;
}

v1::ImportProfilesRequest Request(std::initializer_list<v1::ProfileRecord> records, bool validate_only = false) {
  v1::ImportProfilesRequest request;
  for (const v1::ProfileRecord& record : records) *request.add_profiles() = record;
  request.set_validate_only(validate_only);
  return request;
}

void RoundTrip(ProfileStore* first, ProfileStore* second) {
  Fixture from(first);
  for (int user = 0; user < 500; ++user) {
    for (int update = 0; update <= user % 3; ++update) {
      from.Update(StrCat("user-", user), StrCat("id-", update),
                  update == 2 ? UpdateMode::kBlend : UpdateMode::kHistory);
    }
  }
  const auto exported = from.Export();
  ASSERT_EQ(exported.size(), 500u);
  Fixture to(second);
  v1::ImportProfilesRequest request;
  for (const auto& [user, record] : exported) *request.add_profiles() = record;
  const v1::ImportProfilesResponse imported = to.Import(request);
  for (const v1::ProfileImport& result : imported.results()) {
    EXPECT_EQ(result.status().code(), 0) << result.status().message();
    EXPECT_TRUE(result.changed());
  }
  const auto again = to.Export();
  ASSERT_EQ(again.size(), exported.size());
  for (const auto& [user, record] : exported) {
    EXPECT_EQ(again.at(user).SerializeAsString(), record.SerializeAsString()) << user;
  }
  // Once more: everything is there.
  const v1::ImportProfilesResponse repeated = to.Import(request);
  for (const v1::ProfileImport& result : repeated.results()) EXPECT_FALSE(result.changed());
  EXPECT_EQ(to.writer.counts().merged.load(), 500u);
  EXPECT_EQ(to.writer.counts().unchanged.load(), 500u);
}

TEST(ProfileService, RoundTripOfTheMemoryStore) {
  MemoryProfileStore first, second;
  RoundTrip(&first, &second);
}

TEST(ProfileService, RoundTripOfTheEmbeddedStore) {
  const testing::TempDir dir;
  auto first = EmbeddedProfileStore::Open(dir.File("first"), 1u << 20);
  auto second = EmbeddedProfileStore::Open(dir.File("second"), 1u << 20);
  ASSERT_TRUE(first.ok() && second.ok());
  RoundTrip(first->get(), second->get());
}

TEST(ProfileService, AnImportLosesNothingThatIsNewer) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  fixture.Update("ann", "old");
  const v1::ProfileRecord old = fixture.Export().at("ann");
  fixture.Update("ann", "new");
  v1::ImportProfilesResponse response = fixture.Import(Request({old}));
  EXPECT_FALSE(response.results(0).changed());
  EXPECT_EQ(response.results(0).profile_version(), 2u);
  // What the copy has and the store has not joins it.
  response = fixture.Import(Request({Record("ann", "from elsewhere")}));
  EXPECT_TRUE(response.results(0).changed());
  EXPECT_EQ(response.results(0).profile_version(), 3u);
  Profile profile;
  ASSERT_TRUE(*store.Get("ann", &profile));
  EXPECT_EQ(profile.events.size(), 3u);
  EXPECT_EQ(profile.update_ids, (std::vector<std::string>{"old", "new"}));
}

TEST(ProfileService, ADryRunSaysWhatWouldBeAndChangesNothing) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  fixture.Update("ann", "1");
  const v1::ProfileRecord same = fixture.Export().at("ann");
  const v1::ImportProfilesResponse response =
      fixture.Import(Request({Record("ann", "other"), same, Record("ben", "x"), Record("", "x")}, true));
  EXPECT_TRUE(response.results(0).changed());
  EXPECT_EQ(response.results(0).profile_version(), 2u);
  EXPECT_FALSE(response.results(1).changed());
  EXPECT_TRUE(response.results(2).changed());
  EXPECT_EQ(response.results(3).status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  const auto left = fixture.Export();
  ASSERT_EQ(left.size(), 1u);
  EXPECT_EQ(left.at("ann").SerializeAsString(), same.SerializeAsString());
  EXPECT_EQ(fixture.writer.counts().merged.load(), 0u);
}

TEST(ProfileService, ABadProfileDoesNotKeepTheOthersOut) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  v1::ProfileRecord bad = Record("ben", "x");
  bad.mutable_events(0)->set_weight(-1);
  const v1::ImportProfilesResponse response =
      fixture.Import(Request({Record("ann", "x"), bad, Record("eve", "x"), Record("ann", "y", 1, 6)}));
  EXPECT_TRUE(response.results(0).changed());
  EXPECT_EQ(response.results(1).status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(response.results(1).status().message(), HasSubstr("profiles[1].events[0].weight is -1"));
  EXPECT_TRUE(response.results(2).changed());
  EXPECT_TRUE(response.results(3).changed());
  const auto stored = fixture.Export();
  EXPECT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored.at("ann").events_size(), 2);
}

TEST(ProfileService, AnAnswerOfErrorsOnlyIsSmallEnough) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  v1::ImportProfilesRequest request;
  for (int i = 0; i < limits::kMaxImportProfiles; ++i) {
    v1::ProfileRecord* record = request.add_profiles();
    for (int e = 0; e < 20; ++e) record->add_events()->set_action(std::string(100, 'x'));
  }
  EXPECT_LT(fixture.Import(request).ByteSizeLong(), limits::kMaxResponseBytes);
}

TEST(ProfileService, TheSizeOfARequestIsChecked) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  v1::ImportProfilesResponse imported;
  v1::DeleteProfilesResponse deleted;
  EXPECT_THAT(StrCat(fixture.Call(&ProfileService::ImportProfiles, Request({}), &imported).message()),
              HasSubstr("profiles has 0 entries, expected 1 to 1000"));
  v1::ImportProfilesRequest many;
  for (int i = 0; i <= 1000; ++i) many.add_profiles();
  EXPECT_THAT(StrCat(fixture.Call(&ProfileService::ImportProfiles, many, &imported).message()),
              HasSubstr("profiles has 1001 entries"));
  v1::DeleteProfilesRequest none;
  EXPECT_THAT(StrCat(fixture.Call(&ProfileService::DeleteProfiles, none, &deleted).message()),
              HasSubstr("user_ids has 0 entries, expected 1 to 1000"));
  v1::ExportProfilesRequest users;
  for (int i = 0; i <= 1000; ++i) users.add_user_ids("u");
  EXPECT_THAT(StrCat(fixture.service.ExportProfiles(users).status().message()),
              HasSubstr("user_ids has 1001 entries, expected 0 to 1000"));
  users.Clear();
  users.add_user_ids("");
  EXPECT_THAT(StrCat(fixture.service.ExportProfiles(users).status().message()), HasSubstr("user_ids[0] is empty"));
}

TEST(ProfileService, DeletesMany) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  fixture.Update("ann", "1");
  fixture.Update("ben", "1");
  v1::DeleteProfilesRequest request;
  for (const char* user : {"ann", "nobody", "", "ann"}) request.add_user_ids(user);
  v1::DeleteProfilesResponse response;
  ASSERT_TRUE(fixture.Call(&ProfileService::DeleteProfiles, request, &response).ok());
  ASSERT_EQ(response.results_size(), 4);
  EXPECT_TRUE(response.results(0).existed());
  EXPECT_FALSE(response.results(1).existed());
  EXPECT_EQ(response.results(2).status().code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(response.results(2).status().message(), HasSubstr("user_ids[2] is empty"));
  EXPECT_FALSE(response.results(3).existed());
  EXPECT_EQ(fixture.Export().size(), 1u);
}

TEST(ProfileService, AStoreThatFailsIsSaidOfEachProfile) {
  testing::FlakyProfileStore store;
  Fixture fixture(&store);
  store.fail_commits = true;
  const v1::ImportProfilesResponse response = fixture.Import(Request({Record("ann", "x"), Record("ben", "x")}));
  for (const v1::ProfileImport& result : response.results()) {
    EXPECT_EQ(result.status().code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_EQ(result.status().message(), "disk full");
  }
  v1::DeleteProfilesRequest request;
  request.add_user_ids("ann");
  v1::DeleteProfilesResponse deleted;
  ASSERT_TRUE(fixture.Call(&ProfileService::DeleteProfiles, request, &deleted).ok());
  EXPECT_EQ(deleted.results(0).status().code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(fixture.writer.counts().merge_failed.load(), 2u);
}

TEST(ProfileService, WithoutRoomInTheQueueEachIsToldToComeAgain) {
  MemoryProfileStore store;
  Fixture fixture(&store);
  fixture.writer.Stop();
  const v1::ImportProfilesResponse response = fixture.Import(Request({Record("ann", "x")}));
  EXPECT_EQ(response.results(0).status().code(), grpc::StatusCode::UNAVAILABLE);
  v1::DeleteProfilesRequest request;
  request.add_user_ids("ann");
  v1::DeleteProfilesResponse deleted;
  ASSERT_TRUE(fixture.Call(&ProfileService::DeleteProfiles, request, &deleted).ok());
  EXPECT_EQ(deleted.results(0).status().code(), grpc::StatusCode::UNAVAILABLE);
}

// A store that others share: reads end at once or on another thread, by turns.
class SharedStore final : public ProfileStore {
 public:
  ~SharedStore() override {
    for (std::thread& thread : threads_) thread.join();
  }
  std::string_view name() const override { return "shared"; }
  StoreDurability durability() const override { return StoreDurability::kMemory; }
  bool remote() const override { return true; }
  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override { return store_.Get(user_id, profile); }
  bool Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
             const std::function<void()>& done) override {
    fetched.emplace_back(user_id, options.min_version);
    if (fetched.size() % 2 == 0) return true;
    // Elsewhere nobody was deleted before.
    threads_.emplace_back([out, done, epoch = user_id == "nobody" ? 4 : 0] {
      out->profile.epoch = epoch;
      done();
    });
    return false;
  }
  absl::Status Commit(std::span<const Profile* const> profiles) override {
    for (const Profile* profile : profiles) {
      if (profile->version == 0) deletions.push_back(profile->epoch);
    }
    return store_.Commit(profiles);
  }
  ProfileStoreCounts counts() const override { return {}; }

  std::vector<uint64_t> deletions;  // their epochs
  std::vector<std::pair<std::string, uint64_t>> fetched;

 private:
  MemoryProfileStore store_;
  std::vector<std::thread> threads_;
};

TEST(ProfileService, WhatServersShareIsReadBeforeItIsChanged) {
  SharedStore store;
  Fixture fixture(&store);
  const v1::ImportProfilesResponse imported =
      fixture.Import(Request({Record("ann", "x"), Record("", "x"), Record("ben", "x"), Record("eve", "x")}));
  for (int i : {0, 2, 3}) EXPECT_TRUE(imported.results(i).changed()) << i;
  v1::DeleteProfilesRequest request;
  request.add_user_ids("ann");
  request.add_user_ids("nobody");
  v1::DeleteProfilesResponse deleted;
  ASSERT_TRUE(fixture.Call(&ProfileService::DeleteProfiles, request, &deleted).ok());
  EXPECT_TRUE(deleted.results(0).existed());
  EXPECT_FALSE(deleted.results(1).existed());
  // A deletion counts above those that were made elsewhere.
  EXPECT_EQ(store.deletions, (std::vector<uint64_t>{1, 5}));
  using Fetched = std::pair<std::string, uint64_t>;
  EXPECT_THAT(store.fetched, ::testing::ElementsAre(Fetched("ann", 0), Fetched("ben", 0), Fetched("eve", 0),
                                                    Fetched("ann", UINT64_MAX), Fetched("nobody", UINT64_MAX)));
}

}  // namespace
}  // namespace kindred
