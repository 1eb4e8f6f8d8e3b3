#include "server/profile_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sys/resource.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <thread>

#include "core/base/str_cat.h"
#include "server/profile_store.h"
#include "tests/support/files.h"
#include "tests/unit/server/faulty_env.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

Profile ProfileOf(const std::string& user_id, uint64_t version, int64_t updated_ms = 1000) {
  Profile profile;
  profile.user_id = user_id;
  profile.version = version;
  profile.updated_ms = updated_ms;
  profile.events = {{StrCat("item", version), "view", 1, 2.0, 0, 9}};
  profile.update_ids = {"id"};
  return profile;
}

Profile DeletedOf(const std::string& user_id, uint64_t epoch, int64_t updated_ms = 1000) {
  Profile profile;
  profile.user_id = user_id;
  profile.epoch = epoch;
  profile.updated_ms = updated_ms;
  return profile;
}

absl::Status CommitAll(ProfileJournal* journal, const std::vector<Profile>& profiles, bool sync = true) {
  std::vector<const Profile*> pointers;
  for (const Profile& profile : profiles) pointers.push_back(&profile);
  return journal->Commit(pointers, sync);
}

std::unique_ptr<ProfileJournal> Open(const std::string& dir, rocksdb::Env* env = nullptr) {
  auto journal = ProfileJournal::Open(dir, 1 << 20, env);
  EXPECT_TRUE(journal.ok()) << journal.status();
  return journal.ok() ? *std::move(journal) : nullptr;
}

// The user's profile, or one of nobody.
Profile Read(ProfileJournal* journal, const std::string& user_id) {
  Profile profile = ProfileOf("left over", 7);
  const auto found = journal->Get(user_id, &profile);
  EXPECT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found.ok() && *found, profile.version > 0);
  return profile;
}

std::vector<std::string> Marked(ProfileJournal* journal) {
  std::vector<std::string> users;
  EXPECT_TRUE(journal
                  ->ForEachMarked([&](const Profile& profile) {
                    users.push_back(profile.user_id);
                    return true;
                  })
                  .ok());
  return users;
}

std::vector<std::string> Users(ProfileJournal* journal) {
  std::vector<std::string> users;
  EXPECT_TRUE(journal
                  ->ForEach([&](const Profile& profile) {
                    users.push_back(profile.user_id);
                    return true;
                  })
                  .ok());
  return users;
}

// Commits until one succeeds, which the journal tries once a second.
bool CommitsAgain(ProfileJournal* journal, const Profile& profile) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (CommitAll(journal, {profile}).ok()) return true;
    std::this_thread::yield();
  }
  return false;
}

TEST(ProfileJournal, KeepsProfilesAndMarksAcrossReopening) {
  const testing::TempDir dir;
  for (const bool sync : {true, false}) {
    const std::string path = dir.File(sync ? "synced" : "not synced");
    {
      const auto journal = Open(path);
      ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("a", 1), ProfileOf("b", 2), DeletedOf("c", 4)}, sync).ok());
      ASSERT_TRUE(journal->Put(ProfileOf("d", 3), false).ok());
      ASSERT_TRUE(journal->Unmark("b").ok());
    }
    const auto journal = Open(path);
    EXPECT_EQ(Read(journal.get(), "a"), ProfileOf("a", 1));
    EXPECT_EQ(Read(journal.get(), "b"), ProfileOf("b", 2));
    EXPECT_EQ(Read(journal.get(), "c"), DeletedOf("c", 4));
    EXPECT_EQ(Read(journal.get(), "d"), ProfileOf("d", 3));
    EXPECT_EQ(Read(journal.get(), "nobody"), Profile());
    EXPECT_THAT(Marked(journal.get()), UnorderedElementsAre("a", "c"));
    EXPECT_THAT(Users(journal.get()), UnorderedElementsAre("a", "b", "c", "d"));
    EXPECT_GT(journal->counts().bytes, 0u);
    EXPECT_EQ(journal->counts().corrupt, 0u);
  }
}

TEST(ProfileJournal, MarksComeWithCommitsAndStayUntilTheyAreTakenAway) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("a", 1)}).ok());
  ASSERT_TRUE(journal->Put(ProfileOf("a", 2), false).ok());
  EXPECT_THAT(Marked(journal.get()), ElementsAre("a"));
  EXPECT_EQ(Read(journal.get(), "a").version, 2u);
  ASSERT_TRUE(journal->Unmark("a").ok());
  ASSERT_TRUE(journal->Unmark("a").ok());
  ASSERT_TRUE(journal->Unmark("nobody").ok());
  EXPECT_THAT(Marked(journal.get()), IsEmpty());
  ASSERT_TRUE(journal->Put(ProfileOf("a", 3), true).ok());
  EXPECT_THAT(Marked(journal.get()), ElementsAre("a"));
  // Marked again and again is marked once.
  ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("a", 4)}).ok());
  ASSERT_TRUE(journal->Unmark("a").ok());
  EXPECT_THAT(Marked(journal.get()), IsEmpty());
}

TEST(ProfileJournal, ReplayMarksWhatWasUpdatedSince) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(journal->Put(ProfileOf(StrCat("u", 1000 + i), 1, i), false).ok());
  }
  ASSERT_TRUE(journal->Put(DeletedOf("deleted", 1, 299), false).ok());
  ASSERT_TRUE(journal->MarkAll(100).ok());
  const std::vector<std::string> marked = Marked(journal.get());
  EXPECT_EQ(marked.size(), 201u);
  EXPECT_THAT(marked, ::testing::Contains("u1100"));
  EXPECT_THAT(marked, ::testing::Contains("u1299"));
  EXPECT_THAT(marked, ::testing::Contains("deleted"));
  EXPECT_THAT(marked, ::testing::Not(::testing::Contains("u1099")));
}

// Whoever marks all, and then says on the disk that a server is known, relies on the marks being there.
TEST(ProfileJournal, AllMarksAreOnTheDiskWhenTheyAreSaidToBe) {
  const testing::TempDir dir;
  testing::FaultyEnv env;
  const auto journal = Open(dir.File("j"), &env);
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(journal->Put(ProfileOf(StrCat("u", i), 1), false).ok());
  const int before = env.syncs;
  ASSERT_TRUE(journal->MarkAll(2000).ok());
  EXPECT_EQ(env.syncs, before) << "nothing was marked";
  ASSERT_TRUE(journal->MarkAll(0).ok());
  EXPECT_EQ(env.syncs, before + 1) << "one for all pages";
  EXPECT_EQ(Marked(journal.get()).size(), 200u);
  env.fail_syncs = true;
  EXPECT_TRUE(journal->Put(ProfileOf("v", 1), true).ok()) << "waits for no disk";
  EXPECT_EQ(journal->MarkAll(0).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(env.failed, 1);
}

TEST(ProfileJournal, VisitsEndWhenTheyAreToldToAndMayUseTheJournal) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  std::vector<Profile> profiles;
  for (int i = 0; i < 200; ++i) profiles.push_back(ProfileOf(StrCat("u", i), 1));
  ASSERT_TRUE(CommitAll(journal.get(), profiles).ok());
  int seen = 0;
  ASSERT_TRUE(journal
                  ->ForEachMarked([&](const Profile& profile) {
                    EXPECT_TRUE(journal->Unmark(profile.user_id).ok());
                    EXPECT_EQ(Read(journal.get(), profile.user_id), profile);
                    return ++seen < 150;
                  })
                  .ok());
  EXPECT_EQ(seen, 150);
  EXPECT_EQ(Marked(journal.get()).size(), 50u);
  seen = 0;
  ASSERT_TRUE(journal->ForEach([&](const Profile&) { return ++seen < 70; }).ok());
  EXPECT_EQ(seen, 70);
}

TEST(ProfileJournal, SweepForgetsWhatIsOldAndNotMarked) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(journal->Put(ProfileOf(StrCat("old", i), 1, 99), false).ok());
  ASSERT_TRUE(journal->Put(ProfileOf("young", 1, 100), false).ok());
  ASSERT_TRUE(journal->Put(ProfileOf("marked", 1, 5), true).ok());
  ASSERT_TRUE(journal->Put(DeletedOf("deleted", 1, 60), false).ok());
  ASSERT_TRUE(journal->Put(DeletedOf("deleted long ago", 1, 49), false).ok());
  const auto forgotten = journal->Sweep(100, 50);
  ASSERT_TRUE(forgotten.ok());
  EXPECT_EQ(*forgotten, 201u);
  EXPECT_THAT(Users(journal.get()), UnorderedElementsAre("young", "marked", "deleted"));
  ASSERT_TRUE(journal->Unmark("marked").ok());
  EXPECT_EQ(*journal->Sweep(100, 50), 1u);
  EXPECT_EQ(*journal->Sweep(100, 50), 0u);
}

TEST(ProfileJournal, SweepForgetsNothingThatIsCommittedMeanwhile) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  std::atomic<bool> stop{false};
  std::thread sweeper([&] {
    while (!stop) EXPECT_TRUE(journal->Sweep(100, 100).ok());
  });
  for (uint64_t version = 1; version < 1000; ++version) {
    // Old and settled, so that the sweep wants it; then it is updated.
    ASSERT_TRUE(journal->Put(ProfileOf("u", version, 1), false).ok());
    ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("u", version, 100)}, false).ok());
    ASSERT_EQ(Read(journal.get(), "u"), ProfileOf("u", version, 100));
    ASSERT_TRUE(journal->Unmark("u").ok());
  }
  stop = true;
  sweeper.join();
}

TEST(ProfileJournal, ADamagedValueIsNoneAndIsCountedAndRepaired) {
  const testing::TempDir dir;
  ASSERT_TRUE(CommitAll(Open(dir.File("j")).get(), {ProfileOf("damaged", 1), ProfileOf("other", 1)}).ok());
  {
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open(rocksdb::Options(), dir.File("j"), &raw).ok());
    const std::unique_ptr<rocksdb::DB> db(raw);
    std::string value;
    ASSERT_TRUE(db->Get(rocksdb::ReadOptions(), "pother", &value).ok());
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "pcrossed", value).ok());
    value.back() = static_cast<char>(value.back() ^ 1);
    ASSERT_TRUE(db->Put(rocksdb::WriteOptions(), "pdamaged", value).ok());
  }
  const auto journal = Open(dir.File("j"));
  EXPECT_EQ(Read(journal.get(), "damaged"), Profile());
  EXPECT_EQ(Read(journal.get(), "crossed"), Profile());
  EXPECT_EQ(journal->counts().corrupt, 2u);
  // Whoever replays finds that there is nothing of it.
  std::map<std::string, Profile> marked;
  ASSERT_TRUE(journal
                  ->ForEachMarked([&](const Profile& profile) {
                    marked[profile.user_id] = profile;
                    return true;
                  })
                  .ok());
  EXPECT_EQ(marked.size(), 2u);
  EXPECT_EQ(marked["damaged"], DeletedOf("damaged", 0, 0));
  EXPECT_EQ(marked["other"], ProfileOf("other", 1));
  ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("damaged", 2)}).ok());
  EXPECT_EQ(Read(journal.get(), "damaged"), ProfileOf("damaged", 2));
  EXPECT_EQ(*journal->Sweep(0, 0), 1u);
  EXPECT_THAT(Users(journal.get()), UnorderedElementsAre("damaged", "other"));
}

// The only file of the journal in a folder.
std::string WalOf(const std::string& dir) {
  std::string wal;
  for (const std::string& name : testing::ListDirectory(dir)) {
    if (!name.ends_with(".log")) continue;
    EXPECT_EQ(wal, "");
    wal = StrCat(dir, "/", name);
  }
  return wal;
}

// A crash, and a tail that the disk had not written: what was committed before is there, commit by commit.
TEST(ProfileJournal, ATornTailCostsOnlyWhatIsInIt) {
  const testing::TempDir dir;
  const std::string live = dir.File("live");
  std::vector<uint64_t> ends;  // of the file, after each commit
  const auto journal = Open(live);
  for (uint64_t i = 0; i < 40; ++i) {
    const std::string a = StrCat("a", i), b = StrCat("b", i);
    ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf(a, i + 1), ProfileOf(b, i + 1)}).ok());
    ends.push_back(std::filesystem::file_size(WalOf(live)));
  }
  std::mt19937_64 random(1);
  for (int round = 0; round < 40; ++round) {
    const std::string crashed = dir.File(StrCat("crashed", round));
    std::filesystem::copy(live, crashed);
    // Half of them at the edges of records.
    const uint64_t cut =
        round % 2 == 0 ? random() % (ends.back() + 1) : ends[random() % ends.size()] + random() % 3 - 1;
    std::filesystem::resize_file(WalOf(crashed), std::min(cut, ends.back()));
    const auto recovered = Open(crashed);
    ASSERT_NE(recovered, nullptr) << cut;
    const std::vector<std::string> marked = Marked(recovered.get());
    for (uint64_t i = 0; i < ends.size(); ++i) {
      const bool there = Read(recovered.get(), StrCat("a", i)).version == i + 1;
      ASSERT_EQ(Read(recovered.get(), StrCat("b", i)).version == i + 1, there) << cut;
      ASSERT_EQ(std::count(marked.begin(), marked.end(), StrCat("a", i)), there ? 1 : 0);
      ASSERT_EQ(there, ends[i] <= cut) << "commit " << i << ", cut at " << cut;
    }
    ASSERT_TRUE(CommitAll(recovered.get(), {ProfileOf("after", 1)}).ok());
  }
}

TEST(ProfileJournal, DamageInTheMiddleCostsWhatComesAfterAndNotTheStart) {
  const testing::TempDir dir;
  const std::string live = dir.File("live");
  std::vector<uint64_t> ends;
  const auto journal = Open(live);
  for (uint64_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf(StrCat("u", i), 1)}).ok());
    ends.push_back(std::filesystem::file_size(WalOf(live)));
  }
  std::mt19937_64 random(2);
  for (int round = 0; round < 20; ++round) {
    const std::string damaged = dir.File(StrCat("damaged", round));
    std::filesystem::copy(live, damaged);
    const uint64_t at = random() % ends.back();
    std::string bytes = testing::ReadFile(WalOf(damaged));
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << random() % 8));
    testing::WriteFile(WalOf(damaged), bytes);
    const auto recovered = Open(damaged);
    ASSERT_NE(recovered, nullptr);
    for (uint64_t i = 0; i < ends.size(); ++i) {
      if (ends[i] <= at) {
        ASSERT_EQ(Read(recovered.get(), StrCat("u", i)), ProfileOf(StrCat("u", i), 1));
      }
    }
    EXPECT_EQ(recovered->counts().corrupt, 0u);
  }
}

TEST(ProfileJournal, AFailedSyncFailsTheCommitAndItsFileIsNotTriedAgain) {
  const testing::TempDir dir;
  testing::FaultyEnv env;
  {
    const auto journal = Open(dir.File("j"), &env);
    ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("before", 1)}).ok());
    for (uint64_t round = 0; round < 3; ++round) {
      env.fail_syncs = true;
      env.failed = 0;
      const absl::Status failed = CommitAll(journal.get(), {ProfileOf("failed", round + 1)});
      EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
      EXPECT_GT(env.failed, 0);
      // Reads go on, and what is not synced fails too until the disk is well.
      EXPECT_EQ(Read(journal.get(), "before"), ProfileOf("before", 1));
      EXPECT_FALSE(CommitAll(journal.get(), {ProfileOf("failed", round + 1)}).ok());
      env.fail_syncs = false;
      ASSERT_TRUE(CommitsAgain(journal.get(), ProfileOf(StrCat("after", round), 1)));
      EXPECT_EQ(Read(journal.get(), "before"), ProfileOf("before", 1));
    }
    EXPECT_GE(journal->counts().sync_failures, 3u);
    EXPECT_EQ(env.synced_after_failure, 0);
  }
  const auto journal = Open(dir.File("j"));
  for (const char* user : {"before", "after0", "after1", "after2"}) {
    EXPECT_EQ(Read(journal.get(), user), ProfileOf(user, 1));
  }
}

TEST(ProfileJournal, AFullDiskFailsCommitsAndReadsGoOn) {
  const testing::TempDir dir;
  testing::FaultyEnv env;
  {
    const auto journal = Open(dir.File("j"), &env);
    ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("before", 1)}).ok());
    env.fail_appends = true;
    // Half of the record is in the file: what follows must not come after it.
    EXPECT_EQ(CommitAll(journal.get(), {ProfileOf("failed", 1)}).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(journal->Put(ProfileOf("failed", 1), false).code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(Read(journal.get(), "before"), ProfileOf("before", 1));
    env.fail_appends = false;
    ASSERT_TRUE(CommitsAgain(journal.get(), ProfileOf("after", 1)));
  }
  const auto journal = Open(dir.File("j"));
  EXPECT_EQ(Read(journal.get(), "before"), ProfileOf("before", 1));
  EXPECT_EQ(Read(journal.get(), "after"), ProfileOf("after", 1));
  EXPECT_EQ(Read(journal.get(), "failed"), Profile());
}

// RocksDB's own recovery went on with the log that had failed, where nothing had been written since the last flush, and
// its assertions ended the process.
TEST(ProfileJournal, AFailureWithNothingWrittenBeforeItDoesNotEndTheProcess) {
  const testing::TempDir dir;
  testing::FaultyEnv env;
  const auto journal = Open(dir.File("j"), &env);
  for (const char* user : {"first", "second"}) {
    env.fail_appends = true;
    EXPECT_FALSE(CommitAll(journal.get(), {ProfileOf("failed", 1)}).ok());
    env.fail_appends = false;
    ASSERT_TRUE(CommitsAgain(journal.get(), ProfileOf(user, 1)));
    EXPECT_EQ(Read(journal.get(), user), ProfileOf(user, 1));
  }
}

// The real thing, as far as a test can have it: files may not grow.
TEST(ProfileJournal, WhereFilesMayNotGrowCommitsFailUntilTheyMay) {
  const testing::TempDir dir;
  const auto journal = Open(dir.File("j"));
  ASSERT_TRUE(CommitAll(journal.get(), {ProfileOf("before", 1)}).ok());
  ASSERT_NE(std::signal(SIGXFSZ, SIG_IGN), SIG_ERR);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const absl::Status failed = CommitAll(journal.get(), {ProfileOf("failed", 1)});
  const absl::Status still_failing = CommitAll(journal.get(), {ProfileOf("failed", 1)});
  const Profile read = Read(journal.get(), "before");
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(still_failing.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(read, ProfileOf("before", 1));
  ASSERT_TRUE(CommitsAgain(journal.get(), ProfileOf("after", 1)));
  EXPECT_EQ(Read(journal.get(), "before"), ProfileOf("before", 1));
}

TEST(ProfileJournal, ThreadsMayUseItWhileTheDiskFailsAndRecovers) {
  const testing::TempDir dir;
  testing::FaultyEnv env;
  std::map<std::string, uint64_t> acknowledged;
  {
    const auto journal = Open(dir.File("j"), &env);
    std::atomic<bool> stop{false};
    std::vector<std::thread> readers;
    for (int i = 0; i < 2; ++i) {
      readers.emplace_back([&] {
        Profile profile;
        uint64_t last = 0;
        while (!stop) {
          const auto found = journal->Get("u", &profile);
          if (!found.ok()) continue;  // it is being opened again
          EXPECT_GE(profile.version, last);
          last = profile.version;
        }
      });
    }
    std::thread applier([&] {
      for (uint64_t i = 0; !stop; ++i) {
        if (journal->Put(ProfileOf(StrCat("p", i % 10), i + 1), i % 2 == 0).ok() && i % 3 == 0) {
          journal->Unmark(StrCat("p", i % 10)).IgnoreError();
        }
      }
    });
    for (uint64_t version = 1; version <= 60; ++version) {
      env.fail_syncs = version % 20 == 0;
      const Profile profile = ProfileOf("u", version);
      if (CommitAll(journal.get(), {profile}).ok()) acknowledged["u"] = version;
      env.fail_syncs = false;
      if (version % 20 == 0) {
        ASSERT_TRUE(CommitsAgain(journal.get(), profile));
        acknowledged["u"] = version;
      }
    }
    stop = true;
    for (std::thread& reader : readers) reader.join();
    applier.join();
    EXPECT_EQ(env.synced_after_failure, 0);
  }
  const auto journal = Open(dir.File("j"));
  EXPECT_EQ(acknowledged["u"], 60u);
  EXPECT_EQ(Read(journal.get(), "u").version, 60u);
  EXPECT_EQ(journal->counts().corrupt, 0u);
}

TEST(ProfileJournal, SaysWhyItCannotBeOpened) {
  const testing::TempDir dir;
  const auto first = Open(dir.File("j"));
  const auto second = ProfileJournal::Open(dir.File("j"), 1 << 20);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), ::testing::HasSubstr("One server at a time"));
}

}  // namespace
}  // namespace kindred
