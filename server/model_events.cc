#include "server/model_events.h"

#include <string_view>

#include "server/logging.h"

namespace kindred {
namespace {

LogFields FieldsOf(const VersionStatus& version) { return {{"model", version.model}, {"version", version.version}}; }

// A version that came through the gate.
void LogReady(const VersionStatus& version) {
  LogFields fields = FieldsOf(version);
  fields["digest"] = version.digest;
  fields["bytes"] = version.bytes;
  fields["load_seconds"] = version.load_seconds;
  fields["golden_queries"] = version.golden_queries;
  if (version.drift.subjects > 0) {
    fields["overlap"] = version.drift.overlap;
    fields["own_rank"] = version.drift.own_rank;
    fields["live_own_rank"] = version.drift.live_own_rank;
    fields["catalogue"] = version.drift.catalogue;
  }
  LogInfo("model version ready", fields);
}

}  // namespace

ModelEvents::Counts ModelEvents::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

void ModelEvents::OnState(const VersionStatus& version) {
  LogFields fields = FieldsOf(version);
  switch (version.state) {
    case VersionState::kReady: {
      LogReady(version);
      // One that was on its way out and was asked for again had not left.
      const bool loaded = warming_.erase({version.model, version.version}) > 0;
      const std::lock_guard lock(mutex_);
      counts_[version.model].loaded += loaded ? 1 : 0;
      return;
    }
    case VersionState::kFailed: {
      if (version.poisoned) return;  // OnDamage says so
      fields["path"] = version.path;
      fields["step"] = version.step;
      fields["error"] = version.reason;
      LogError("model version refused", fields);
      const std::lock_guard lock(mutex_);
      ++counts_[version.model].refused;
      return;
    }
    default:
      if (version.state == VersionState::kWarming) warming_.insert({version.model, version.version});
      fields["state"] = VersionStateName(version.state);
      LogInfo("model version", fields);
  }
}

void ModelEvents::OnPrepare(const ModelHandle& model) {
  availability_->Prepare(model);
  LogFields fields = {{"model", model->name()},
                      {"version", model->version()},
                      {"path", model->info().path},
                      {"digest", model->digest()},
                      {"items", model->n_items()},
                      {"users", model->n_users()},
                      {"verify_seconds", model->cost().verify_seconds}};
  if (!model->cost().derived.empty()) {
    // What `kindred pack` would have written once is computed at every load.
    fields["derive_seconds"] = model->cost().derive_seconds;
    fields["derived"] = model->cost().derived;
  }
  LogInfo("model loaded", fields);
}

void ModelEvents::OnServing(const VersionStatus& now, uint64_t version_before) {
  LogFields fields = FieldsOf(now);
  fields["version_before"] = version_before;
  fields["digest"] = now.digest;
  LogInfo("model serves", fields);
  {
    const std::lock_guard lock(mutex_);
    ModelCounts& counts = counts_[now.model];
    if (version_before != 0) ++counts.swaps;
    if (now.version < version_before) ++counts.rollbacks;
  }
  then_();
}

void ModelEvents::OnDamage(const VersionStatus& version, std::string_view kind, std::string_view what) {
  LogFields fields = FieldsOf(version);
  fields["path"] = version.path;
  fields["kind"] = kind;
  fields["error"] = what;
  fields["poisoned"] = version.poisoned;
  if (version.poisoned) {
    LogError("model damaged", fields);
  } else {
    LogWarn("model files changed", fields);  // what was loaded serves on
  }
  {
    const std::lock_guard lock(mutex_);
    ++counts_[version.model].damage[std::string(kind)];
  }
  then_();
}

void ModelEvents::OnNote(std::string_view message, const VersionStatus& version) {
  LogWarn(message, version.model.empty() ? LogFields::object() : FieldsOf(version));
}

}  // namespace kindred
