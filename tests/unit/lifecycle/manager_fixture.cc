#include "tests/unit/lifecycle/manager_fixture.h"

#include <algorithm>
#include <filesystem>
#include <future>
#include <new>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/bundle/tensor_names.h"
#include "tests/support/bundle_builder.h"

namespace kindred::testing {
namespace {

namespace fs = std::filesystem;

class LoaderInHand : public VersionLoader {
 public:
  explicit LoaderInHand(std::shared_ptr<FakeLoader> loader) : loader_(std::move(loader)) {}
  absl::StatusOr<std::string> Prepare(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return StrCat(stored.path, "/", kBundleFileName);
  }
  absl::StatusOr<std::string> PrepareOther(const StoredVersion& stored, const std::function<bool()>& go_on) override {
    return loader_->PrepareOther(stored);
  }
  absl::Status PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live, bool force,
                        const GateProgress& progress, GateResult* result) override {
    return loader_->PassGate(path, stored, live, force, progress, result);
  }
  void Clean(const std::vector<std::string>& keep) override {}

 private:
  std::shared_ptr<FakeLoader> loader_;
};

class WatchInHand : public StoreWatch {
 public:
  explicit WatchInHand(std::shared_ptr<FakeWatch> watch) : watch_(std::move(watch)) {}
  Events Wait(std::chrono::milliseconds timeout) override { return watch_->Wait(timeout); }
  void Wake() override { watch_->Wake(); }
  void WatchFile(const std::string& path) override { watch_->WatchFile(path); }
  void UnwatchFile(const std::string& path) override { watch_->UnwatchFile(path); }

 private:
  std::shared_ptr<FakeWatch> watch_;
};

}  // namespace

absl::StatusOr<std::string> FakeLoader::PrepareOther(const StoredVersion& stored) {
  const std::string other = stored.path + "/other.safetensors";
  if (!fs::exists(other)) return absl::NotFoundError("nothing else");
  return other;
}

absl::Status FakeLoader::PassGate(const std::string& path, const StoredVersion& stored, const ModelHandle& live,
                                  bool force, const GateProgress& progress, GateResult* result) {
  std::unique_lock lock(mutex_);
  order_.push_back(stored.version);
  live_version_ = live == nullptr ? "" : live->version();
  forced_ = force;
  most_at_once_ = std::max(most_at_once_, ++at_once_);
  const absl::Cleanup leave = [this] { --at_once_; };
  for (;;) {
    if (!progress("checksums", 0.5)) return absl::CancelledError("given up");
    if (!held_.contains(stored.version)) break;
    released_.wait_for(lock, std::chrono::milliseconds(5));
  }
  if (throws_) throw std::bad_alloc();
  const auto refused = refused_.find(stored.version);
  if (refused != refused_.end() && path.ends_with(kBundleFileName)) return refused->second;
  ModelLoadOptions options;
  options.version = StrCat(stored.version);
  options.mode = mode_;
  ASSIGN_OR_RETURN(result->model, Model::Load(path, options));
  result->golden_queries = 7;
  return absl::OkStatus();
}

void FakeLoader::Refuse(uint64_t version, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  refused_.erase(version);
  if (!status.ok()) refused_[version] = status;
}

void FakeLoader::Throw(bool throws) {
  const std::lock_guard lock(mutex_);
  throws_ = throws;
}

void FakeLoader::Hold(uint64_t version) {
  const std::lock_guard lock(mutex_);
  held_.insert(version);
}

void FakeLoader::Release(uint64_t version) {
  const std::lock_guard lock(mutex_);
  held_.erase(version);
  released_.notify_all();
}

void FakeLoader::SetLoadMode(LoadMode mode) {
  const std::lock_guard lock(mutex_);
  mode_ = mode;
}

int FakeLoader::Loads(uint64_t version) const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(std::count(order_.begin(), order_.end(), version));
}

std::vector<uint64_t> FakeLoader::Order() const {
  const std::lock_guard lock(mutex_);
  return order_;
}

int FakeLoader::most_at_once() const {
  const std::lock_guard lock(mutex_);
  return most_at_once_;
}

std::string FakeLoader::live_version() const {
  const std::lock_guard lock(mutex_);
  return live_version_;
}

bool FakeLoader::forced() const {
  const std::lock_guard lock(mutex_);
  return forced_;
}

StoreWatch::Events FakeWatch::Wait(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  happened_.wait_for(lock, timeout, [this] { return woken_ || !events_.files.empty(); });
  woken_ = false;
  return std::exchange(events_, {});
}

void FakeWatch::Wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  happened_.notify_all();
}

void FakeWatch::Tell(const std::string& path, const std::string& kind) {
  const std::lock_guard lock(mutex_);
  events_.files.push_back({path, kind});
  happened_.notify_all();
}

void FakeWatch::WatchFile(const std::string& path) {
  const std::lock_guard lock(mutex_);
  watched_.insert(path);
}

void FakeWatch::UnwatchFile(const std::string& path) {
  const std::lock_guard lock(mutex_);
  watched_.erase(path);
}

std::set<std::string> FakeWatch::watched() const {
  const std::lock_guard lock(mutex_);
  return watched_;
}

void RecordingObserver::OnState(const VersionStatus& version) {
  {
    const std::lock_guard lock(mutex_);
    const auto [last, is_new] = last_.try_emplace({version.model, version.version}, version.state);
    // A version that was forgotten may be found again.
    EXPECT_TRUE(is_new || version.state == VersionState::kDiscovered || MayFollow(last->second, version.state))
        << version.version << ": from " << VersionStateName(last->second) << " to " << VersionStateName(version.state);
    last->second = version.state;
  }
  Add(StrCat("state ", version.model, "/", version.version, " ", VersionStateName(version.state)));
}

void RecordingObserver::OnPrepare(const ModelHandle& model) { Add(StrCat("prepare ", model->version())); }

void RecordingObserver::OnServing(const VersionStatus& now, uint64_t version_before) {
  Add(StrCat("serving ", now.model, "/", now.version, " after ", version_before));
}

void RecordingObserver::OnDamage(const VersionStatus& version, std::string_view kind, std::string_view what) {
  Add(StrCat("damage ", version.model, "/", version.version, " ", kind));
}

void RecordingObserver::OnNote(std::string_view message, const VersionStatus& version) {
  Add(StrCat("note ", message));
}

void RecordingObserver::Add(std::string line) {
  const std::lock_guard lock(mutex_);
  lines_.push_back(std::move(line));
}

std::vector<std::string> RecordingObserver::Lines(const std::string& beginning) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> lines = lines_;
  std::erase_if(lines, [&](const std::string& line) { return !line.starts_with(beginning); });
  return lines;
}

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return condition();
}

ManagerTest::ManagerTest() : store_(dir_.File("models")), state_(dir_.File("state")) {
  fs::create_directories(store_);
  options_.store_dir = store_;
  options_.state_dir = state_;
  options_.poll_interval = std::chrono::hours(1);
  options_.scrub_bytes_per_second = 0;
}

std::string ManagerTest::Folder(uint64_t version, const std::string& model) const {
  return StrCat(store_, "/", model, "/", version);
}

std::string ManagerTest::Bundle(uint64_t version, const std::string& model) const {
  return StrCat(Folder(version, model), "/", kBundleFileName);
}

void ManagerTest::Put(uint64_t version, const std::string& model) {
  BundleShape shape;
  shape.n_items = 20;
  shape.seed = static_cast<uint32_t>(version);
  BundleBuilder builder(shape);
  builder.metadata()[std::string(names::kModel)] = model;
  const std::string made = dir_.File("made");
  fs::create_directories(made);
  ASSERT_TRUE(builder.WriteSealed(StrCat(made, "/", kBundleFileName)).ok());
  fs::create_directories(StrCat(store_, "/", model));
  if (fs::exists(Folder(version, model))) fs::rename(Folder(version, model), dir_.File(StrCat("old", version)));
  fs::rename(made, Folder(version, model));
}

absl::Status ManagerTest::Open() {
  manager_.reset();
  loader_ = std::make_shared<FakeLoader>();
  watch_ = std::make_shared<FakeWatch>();
  ASSIGN_OR_RETURN(manager_,
                   ModelManager::Open(options_, &registry_, &observer_, std::make_unique<LoaderInHand>(loader_),
                                      std::make_unique<WatchInHand>(watch_)));
  return absl::OkStatus();
}

void ManagerTest::Begin() {
  ASSERT_TRUE(Open().ok());
  const absl::Status loaded = manager_->LoadAll();
  ASSERT_TRUE(loaded.ok()) << loaded;
  manager_->Start();
}

Outcome ManagerTest::Ask(const std::function<void(ModelManager::Done)>& ask) {
  auto outcome = std::make_shared<std::promise<Outcome>>();
  ask([outcome](const absl::Status& status, const VersionStatus& version) { outcome->set_value({status, version}); });
  return outcome->get_future().get();
}

Outcome ManagerTest::Activate(uint64_t version, bool pin) {
  return Ask([&](auto done) { manager_->Activate("demo", version, pin, false, std::move(done)); });
}

Outcome ManagerTest::Load(uint64_t version) {
  return Ask([&](auto done) { manager_->Load("demo", version, false, std::move(done)); });
}

Outcome ManagerTest::Rollback(uint64_t from_version) {
  return Ask([&](auto done) { manager_->Rollback("demo", from_version, std::move(done)); });
}

Outcome ManagerTest::Follow() {
  return Ask([&](auto done) { manager_->Follow("demo", std::move(done)); });
}

Outcome ManagerTest::SetLabel(const std::string& label, uint64_t version, uint32_t share, bool force) {
  return Ask([&](auto done) { manager_->SetLabel("demo", label, version, share, force, std::move(done)); });
}

void ManagerTest::Rescan() {
  manager_->Rescan();
  // Asked afterwards: a task is done after a look at the store.
  Ask([&](auto done) { manager_->Load("nothing", 1, false, std::move(done)); });
}

uint64_t ManagerTest::Serving(const std::string& model) const {
  const auto status = manager_->Get(model);
  return status.ok() ? status->serving_version : 0;
}

std::string ManagerTest::Answering(const std::string& reference) const {
  const ModelHandle model = registry_.Find(reference);
  return model == nullptr ? "" : model->version();
}

VersionStatus ManagerTest::Status(uint64_t version, const std::string& model) const {
  const auto status = manager_->Get(model);
  if (!status.ok()) return {};
  for (const VersionStatus& known : status->versions) {
    if (known.version == version) return known;
  }
  return {};
}

}  // namespace kindred::testing
