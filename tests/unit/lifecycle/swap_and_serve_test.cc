// Everything at once, as in a server: versions are loaded and swapped by the manager with its gate, threads answer from
// whatever serves, profiles are updated, items are taken out and put back. For two seconds, or KINDRED_SWAP_SECONDS;
// under ThreadSanitizer this is where a race would show.
#include <gmock/gmock.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/engine/recommender.h"
#include "core/lifecycle/availability.h"
#include "core/profile/profile.h"
#include "tests/unit/lifecycle/gate_models.h"
#include "tests/unit/lifecycle/manager_fixture.h"

namespace kindred {
namespace {

constexpr uint64_t kVersions = 3;
constexpr uint32_t kUsers = 20;  // with a trained row; as many have a profile alone
constexpr int kReaders = 3;

using Items = std::vector<std::pair<std::string, float>>;

std::chrono::duration<double> HowLong() {
  const char* seconds = std::getenv("KINDRED_SWAP_SECONDS");
  return std::chrono::duration<double>(seconds == nullptr ? 2.0 : std::atof(seconds));
}

// What the server's store of profiles in memory is: copies go in and out under a lock.
class Profiles {
 public:
  void Update(const ProfileUpdate& update) {
    const std::lock_guard lock(mutex_);
    ApplyUpdate(update, {}, &profiles_[update.user_id]);
  }
  Profile Get(const std::string& user_id) {
    const std::lock_guard lock(mutex_);
    return profiles_[user_id];
  }

 private:
  std::mutex mutex_;
  std::map<std::string, Profile> profiles_;  // guarded by mutex_
};

// As the server's: the view of what is out is made before a generation serves.
class PreparingObserver : public testing::RecordingObserver {
 public:
  explicit PreparingObserver(AvailabilityRegistry* availability) : availability_(*availability) {}
  void OnPrepare(const ModelHandle& model) override {
    availability_.Prepare(model);
    RecordingObserver::OnPrepare(model);
  }

 private:
  AvailabilityRegistry& availability_;
};

class SwapAndServeTest : public testing::ManagerTest {
 protected:
  void Begin() {
    for (uint64_t version = 1; version <= kVersions; ++version) {
      std::filesystem::create_directories(Folder(version));
      testing::WriteGateModel({.seed = static_cast<uint32_t>(version)}, Bundle(version));
      const ModelHandle model = testing::LoadGateModel({.seed = static_cast<uint32_t>(version)});
      for (uint32_t user = 0; user < kUsers; ++user) known_[{version, user}] = Answer(model, TrainedUser(user), {}, {});
    }
    options_.keep_ready = 0;  // so that a version that comes back is loaded again
    options_.scrub_bytes_per_second = 1e9;
    options_.scrub_interval = std::chrono::seconds(0);
    auto opened = ModelManager::Open(options_, &registry_, &preparing_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    manager_ = *std::move(opened);
    const absl::Status loaded = manager_->LoadAll();
    ASSERT_TRUE(loaded.ok()) << loaded;
    manager_->Start();
  }

  static std::string TrainedUser(uint32_t user) { return absl::StrCat("u", user); }

  static Items Answer(const ModelHandle& model, const std::string& user, const Profile& profile,
                      std::span<const uint64_t> available) {
    std::vector<EventView> history;
    for (const Event& event : profile.events) {
      history.push_back({event.item_id, event.weight, event.action, event.time_ms, event.blend_step});
    }
    RecommendOptions options;
    options.available = available;
    EngineScratch scratch;
    RecommendResult result;
    const absl::Status status = Recommender(*model).Recommend({user, history, {}}, options, &scratch, &result);
    EXPECT_TRUE(status.ok()) << status;
    Items items;
    for (const ScoredItem& item : result.items) items.emplace_back(model->items().Id(item.item), item.score);
    return items;
  }

  // A request thread. Of users without a profile the answer must be, to the bit, that of the version that gave it, in
  // so far as nothing is out.
  void Serve(uint32_t number) {
    ModelReader models(registry_);
    AvailabilityReader availability(&availability_);
    std::mt19937 random(number);
    while (!over_) {
      const uint32_t user = random() % kUsers;
      const ModelHandle model = models.Find("demo", TrainedUser(user));
      if (model == nullptr) {
        ++unanswered_;
        continue;
      }
      const AvailabilityHandle view = availability.Find(model);
      const Items trained = Answer(model, TrainedUser(user), {}, view->allowed());
      if (view->unavailable() == 0 && trained != known_.at({std::stoull(model->version()), user})) ++mixed_;
      const std::string live = absl::StrCat("live-", user);
      const Items folded = Answer(model, live, profiles_.Get(live), view->allowed());
      for (const Items* items : {&trained, &folded}) {
        if (items->size() != RecommendOptions().k) ++mixed_;
        for (const auto& [id, score] : *items) {
          if (view->unavailable() > 0 && id == kTakenOut) ++mixed_;
        }
      }
      ++answered_;
    }
  }

  void UpdateProfiles() {
    std::mt19937 random(99);
    for (int64_t now = 1; !over_; ++now) {
      ProfileUpdate update;
      update.user_id = absl::StrCat("live-", random() % kUsers);
      Event& event = update.events.emplace_back();
      event.item_id = absl::StrCat("i", random() % 300);
      event.time_ms = now;
      update.now_ms = now;
      update.mode = now % 3 == 0 ? UpdateMode::kBlend : UpdateMode::kHistory;
      profiles_.Update(update);
      ++updated_;
    }
  }

  void ChangeAvailability() {
    const std::string_view out[] = {kTakenOut};
    for (bool is_out = false; !over_; is_out = !is_out) {
      const auto items = availability_.items();
      size_t changed = 0;
      const auto next = is_out ? items->With({}, out, &changed) : items->With(out, {}, &changed);
      availability_.Publish(std::make_shared<const UnavailableItems>(next));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }

  // An operator who looks, and asks for looks at the store, all the time.
  void Look() {
    while (!over_) {
      for (const ModelStatus& model : manager_->List()) EXPECT_LE(model.versions.size(), kVersions);
      manager_->Rescan();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  static constexpr std::string_view kTakenOut = "i7";

  std::map<std::pair<uint64_t, uint32_t>, Items> known_;  // by version and user; without availability
  AvailabilityRegistry availability_;
  PreparingObserver preparing_{&availability_};
  Profiles profiles_;
  std::atomic<bool> over_ = false;
  std::atomic<uint64_t> answered_ = 0, unanswered_ = 0, mixed_ = 0, updated_ = 0;
};

TEST_F(SwapAndServeTest, NobodyWhoAsksNoticesAnything) {
  ASSERT_NO_FATAL_FAILURE(Begin());
  std::vector<std::thread> threads;
  for (uint32_t number = 0; number < kReaders; ++number) threads.emplace_back([this, number] { Serve(number); });
  threads.emplace_back([this] { UpdateProfiles(); });
  threads.emplace_back([this] { ChangeAvailability(); });
  threads.emplace_back([this] { Look(); });
  uint64_t swaps = 0;
  const auto end = std::chrono::steady_clock::now() + HowLong();
  while (swaps < kVersions || std::chrono::steady_clock::now() < end) {
    const uint64_t version = 1 + swaps++ % kVersions;
    const testing::Outcome outcome = Activate(version);
    EXPECT_TRUE(outcome.status.ok()) << outcome.status;
    EXPECT_EQ(Serving(), version);
    if (swaps % 5 == 0) {
      EXPECT_TRUE(Rollback().status.ok());
    }
  }
  over_ = true;
  for (std::thread& thread : threads) thread.join();
  manager_->Stop();
  EXPECT_EQ(unanswered_, 0u);
  EXPECT_EQ(mixed_, 0u);
  EXPECT_GT(answered_, 0u);
  EXPECT_GT(updated_, 0u);
  RecordProperty("swaps", absl::StrCat(swaps));
  RecordProperty("answers", absl::StrCat(answered_.load()));
}

}  // namespace
}  // namespace kindred
