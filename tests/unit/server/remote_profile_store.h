// A profile store as if on another machine: Fetch is answered later, from a thread of its own, as the test says: after
// a delay, out of order, with errors, stale, or when it lets go. What this server committed is here; what other servers
// did is told with Share.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/memory_profile_store.h"

namespace kindred::testing {

class RemoteProfileStore final : public ProfileStore {
 public:
  // How a user's read goes.
  struct Behaviour {
    bool at_once = false;  // as from a cache: Fetch returns true
    std::chrono::microseconds delay{0};
    absl::Status status{};
    bool stale = false;
  };

  RemoteProfileStore() : thread_(&RemoteProfileStore::Run, this) {}
  ~RemoteProfileStore() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  std::string_view name() const override { return "remote"; }
  StoreDurability durability() const override { return StoreDurability::kJournal; }
  bool remote() const override { return true; }

  absl::StatusOr<bool> Get(std::string_view user_id, Profile* profile) override { return store_.Get(user_id, profile); }
  absl::Status Commit(std::span<const Profile* const> profiles) override {
    const std::lock_guard lock(mutex_);
    for (const Profile* profile : profiles) committed_[profile->user_id] = *profile;
    return store_.Commit(profiles);
  }
  ProfileStoreCounts counts() const override { return store_.counts(); }

  bool Fetch(std::string_view user_id, const FetchOptions& options, FetchedProfile* out,
             const std::function<void()>& done) override {
    std::unique_lock lock(mutex_);
    ++fetches;
    last_options_ = options;
    const auto found = behaviours_.find(std::string(user_id));
    const Behaviour behaviour = found == behaviours_.end() ? default_ : found->second;
    auto read = [this, user = std::string(user_id), behaviour, out] {
      Fill(user, out);
      out->status = behaviour.status;
      out->stale = behaviour.stale;
    };
    if (behaviour.at_once) {
      lock.unlock();
      read();
      return true;
    }
    Queue(behaviour.delay, [this, read, done] {
      read();
      --outstanding;
      done();
    });
    ++outstanding;
    lock.unlock();
    wake_.notify_all();
    return false;
  }

  void AwaitShared(std::string_view user_id, std::chrono::steady_clock::time_point deadline,
                   std::function<void(bool)> done) override {
    {
      const std::lock_guard lock(mutex_);
      ++awaited;
      last_share_deadline_ = deadline;
      Queue(std::chrono::microseconds(0), [this, done] { done(shares); });
    }
    wake_.notify_all();
  }

  // What another server wrote.
  void Share(const Profile& profile) {
    const std::lock_guard lock(mutex_);
    shared_[profile.user_id] = profile;
  }
  void Behave(const std::string& user_id, Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    behaviours_[user_id] = std::move(behaviour);
  }
  void BehaveByDefault(Behaviour behaviour) {
    const std::lock_guard lock(mutex_);
    default_ = std::move(behaviour);
  }
  // While held nothing is answered; then all of it is, the last first.
  void Hold(bool hold) {
    {
      const std::lock_guard lock(mutex_);
      hold_ = hold;
      if (!hold) {
        std::reverse(due_.begin(), due_.end());
        for (Answer& answer : due_) answer.due = {};
      }
    }
    wake_.notify_all();
  }
  FetchOptions last_options() const {
    const std::lock_guard lock(mutex_);
    return last_options_;
  }
  std::chrono::steady_clock::time_point last_share_deadline() const {
    const std::lock_guard lock(mutex_);
    return last_share_deadline_;
  }
  // As it was committed last, also when that deleted it.
  Profile committed(const std::string& user_id) const {
    const std::lock_guard lock(mutex_);
    const auto found = committed_.find(user_id);
    return found == committed_.end() ? Profile() : found->second;
  }

  std::atomic<int> fetches{0}, outstanding{0}, awaited{0};
  std::atomic<bool> shares{true};  // what AwaitShared answers

 private:
  struct Answer {
    std::chrono::steady_clock::time_point due;
    std::function<void()> run;
  };

  // REQUIRES: mutex_ is held.
  void Queue(std::chrono::microseconds delay, std::function<void()> run) {
    due_.push_back({std::chrono::steady_clock::now() + delay, std::move(run)});
  }

  // The newer of the two copies there are.
  void Fill(const std::string& user, FetchedProfile* out) {
    ASSERT_TRUE(store_.Get(user, &out->profile).ok());
    const std::lock_guard lock(mutex_);
    const auto shared = shared_.find(user);
    if (shared != shared_.end() && (shared->second.version > out->profile.version || out->profile.version == 0)) {
      out->profile = shared->second;
    }
  }

  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      const auto first =
          std::min_element(due_.begin(), due_.end(), [](const Answer& a, const Answer& b) { return a.due < b.due; });
      if (first == due_.end() || (hold_ && !stopping_)) {
        if (stopping_) return;
        wake_.wait(lock);
        continue;
      }
      if (first->due > std::chrono::steady_clock::now()) {
        wake_.wait_until(lock, std::chrono::steady_clock::time_point(first->due));
        continue;
      }
      const auto run = std::move(first->run);
      due_.erase(first);
      lock.unlock();
      run();
      lock.lock();
    }
  }

  MemoryProfileStore store_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  // All guarded by mutex_.
  std::vector<Answer> due_;
  std::map<std::string, Behaviour> behaviours_;
  Behaviour default_;
  std::map<std::string, Profile> shared_, committed_;
  FetchOptions last_options_;
  std::chrono::steady_clock::time_point last_share_deadline_;
  bool hold_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace kindred::testing
