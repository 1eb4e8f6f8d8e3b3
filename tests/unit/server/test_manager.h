// What a ModelManager of a test is given in place of the gate and the kernel.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/lifecycle/version_loader.h"
#include "tests/unit/server/test_model.h"

namespace kindred::testing {

// A gate that lets versions through as the test says.
class TestLoader final : public VersionLoader {
 public:
  absl::StatusOr<std::string> Prepare(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return stored.path;
  }
  absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return absl::NotFoundError("nothing else");
  }
  absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live, bool force,
                        const GateProgress& progress, GateResult* result) override {
    while (held) {
      if (!progress("checksums", 0.5)) return absl::CancelledError("given up");
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!refusal.ok() && !force) return refusal;
    result->model = LoadGeneration(static_cast<uint32_t>(stored.version));
    result->golden_queries = 3;
    result->drift.subjects = live == nullptr ? 0 : 9;
    result->drift.overlap = 0.5;
    result->memory.bundle = 1'000;
    return absl::OkStatus();
  }
  void Clean(const std::vector<std::string>& keep) override {}

  std::atomic<bool> held{false};
  absl::Status refusal;  // set while nothing loads
};

// Hears of nothing.
class QuietWatch final : public StoreWatch {
 public:
  Events Wait(std::chrono::milliseconds timeout) override {
    std::unique_lock lock(mutex_);
    woken_.wait_for(lock, timeout, [this] { return wake_; });
    wake_ = false;
    return {};
  }
  void Wake() override {
    {
      const std::lock_guard lock(mutex_);
      wake_ = true;
    }
    woken_.notify_all();
  }
  void WatchFile(const std::string& path) override {}
  void UnwatchFile(const std::string& path) override {}

 private:
  std::mutex mutex_;
  std::condition_variable woken_;
  bool wake_ = false;
};

}  // namespace kindred::testing
