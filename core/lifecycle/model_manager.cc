#include "core/lifecycle/model_manager.h"

#include <utility>

#include "core/base/status_macros.h"
#include "core/lifecycle/gated_loader.h"
#include "core/lifecycle/model_manager_impl.h"

namespace kindred {

namespace {

using Kind = ManagerTask::Kind;

ManagerTask MakeTask(Kind kind, std::string_view model, uint64_t version, ModelManager::Done done) {
  ManagerTask task;
  task.kind = kind;
  task.model = model;
  task.version = version;
  task.done = std::move(done);
  return task;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ModelManager>> ModelManager::Open(const ManagerOptions& options, ModelRegistry* registry,
                                                                 ManagerObserver* observer) {
  const std::string work_dir = options.work_dir.empty() ? options.store_dir + ".unpacked" : options.work_dir;
  ASSIGN_OR_RETURN(std::unique_ptr<StoreWatch> watch, OpenStoreWatch(options.store_dir));
  return Open(options, registry, observer, MakeGatedLoader(options.gate, work_dir), std::move(watch));
}

absl::StatusOr<std::unique_ptr<ModelManager>> ModelManager::Open(const ManagerOptions& options, ModelRegistry* registry,
                                                                 ManagerObserver* observer,
                                                                 std::unique_ptr<VersionLoader> loader,
                                                                 std::unique_ptr<StoreWatch> watch) {
  Decisions decisions;
  if (!options.state_dir.empty()) {
    ASSIGN_OR_RETURN(decisions, ReadDecisions(options.state_dir));
  }
  return std::unique_ptr<ModelManager>(new ModelManager(
      std::make_unique<Impl>(options, registry, observer, std::move(loader), std::move(watch), std::move(decisions))));
}

ModelManager::ModelManager(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ModelManager::~ModelManager() { Stop(); }

absl::Status ModelManager::LoadAll() { return impl_->LoadAll(); }

void ModelManager::Start() { impl_->Start(); }

void ModelManager::Stop() { impl_->Stop(); }

void ModelManager::Rescan() { impl_->Rescan(); }

void ModelManager::Load(std::string_view model, uint64_t version, bool force, Done done) {
  ManagerTask task = MakeTask(Kind::kLoad, model, version, std::move(done));
  task.force = force;
  impl_->Ask(std::move(task));
}

void ModelManager::Validate(std::string_view model, uint64_t version, Done done) {
  impl_->Ask(MakeTask(Kind::kValidate, model, version, std::move(done)));
}

void ModelManager::Activate(std::string_view model, uint64_t version, bool pin, bool force, Done done) {
  ManagerTask task = MakeTask(Kind::kActivate, model, version, std::move(done));
  task.pin = pin;
  task.force = force;
  impl_->Ask(std::move(task));
}

void ModelManager::Follow(std::string_view model, Done done) {
  impl_->Ask(MakeTask(Kind::kFollow, model, 0, std::move(done)));
}

void ModelManager::Rollback(std::string_view model, uint64_t from_version, Done done) {
  impl_->Ask(MakeTask(Kind::kRollback, model, from_version, std::move(done)));
}

void ModelManager::Unload(std::string_view model, uint64_t version, Done done) {
  impl_->Ask(MakeTask(Kind::kUnload, model, version, std::move(done)));
}

void ModelManager::SetLabel(std::string_view model, std::string_view label, uint64_t version, uint32_t share,
                            bool force, Done done) {
  ManagerTask task = MakeTask(Kind::kSetLabel, model, version, std::move(done));
  task.label = label;
  task.share = share;
  task.force = force;
  impl_->Ask(std::move(task));
}

std::vector<ModelStatus> ModelManager::List() const { return impl_->table().List(); }

absl::StatusOr<ModelStatus> ModelManager::Get(std::string_view model) const { return impl_->table().Get(model); }

bool ModelManager::busy() const { return impl_->busy(); }

}  // namespace kindred
