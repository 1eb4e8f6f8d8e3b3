#include "server/model_service.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/engine/hybrid.h"
#include "server/excerpt.h"
#include "server/field_checks.h"
#include "server/grpc_status.h"
#include "server/limits.h"
#include "server/logging.h"
#include "server/model_config.h"
#include "server/rpc/raw_service.h"

namespace kindred {
namespace {

constexpr std::string_view kServiceName = "kindred.v1.ModelService";

// Why FAILED_PRECONDITION, where a version is loaded.
constexpr std::string_view kDrift = "DRIFT_TOO_LARGE";

// What a call keeps while the manager works.
struct Work {
  bool begun = false;
  bool faulty = false;  // the request itself: the manager was not asked
  absl::Status status;
  VersionStatus version;
};

// Who operates models wants to see afterwards what was asked of them.
void LogOutcome(std::string_view method, const Work& work) {
  LogFields fields = {{"method", method}, {"model", work.version.model}, {"version", work.version.version}};
  if (work.status.ok()) return LogInfo("model request done", fields);
  fields["error"] = work.status.message();
  LogWarn("model request failed", fields);
}

v1::VersionState ToProto(VersionState state) {
  switch (state) {
    case VersionState::kDiscovered:
      return v1::VERSION_STATE_DISCOVERED;
    case VersionState::kVerifying:
      return v1::VERSION_STATE_VERIFYING;
    case VersionState::kWarming:
      return v1::VERSION_STATE_WARMING;
    case VersionState::kReady:
      return v1::VERSION_STATE_READY;
    case VersionState::kDraining:
      return v1::VERSION_STATE_DRAINING;
    case VersionState::kGone:
      return v1::VERSION_STATE_GONE;
    case VersionState::kFailed:
      return v1::VERSION_STATE_FAILED;
  }
  return v1::VERSION_STATE_UNSPECIFIED;
}

void WriteTime(std::chrono::system_clock::time_point time, google::protobuf::Timestamp* out) {
  const int64_t ns = std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  out->set_seconds(ns / 1'000'000'000);
  out->set_nanos(static_cast<int32_t>(ns % 1'000'000'000));
}

double PercentOf(uint32_t share) { return static_cast<double>(share) / (kWholeShare / 100); }

// What all requests for a version have.
void CheckVersion(const std::string& model, uint64_t version, FieldChecks* checks) {
  checks->Name("model", model, limits::kMaxNameBytes);
  if (version == 0) checks->Add("version", "is 0, expected a version of the model");
}

}  // namespace

std::string_view ModelService::ReasonOf(const absl::Status& status, const std::string& model,
                                        std::string_view precondition) const {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return "BUNDLE_INVALID";
    case absl::StatusCode::kNotFound:
      return model.empty() || manager_->Get(model).ok() ? "VERSION_NOT_FOUND" : "MODEL_NOT_FOUND";
    case absl::StatusCode::kDataLoss:
      return "GOLDEN_QUERIES_DIFFER";
    case absl::StatusCode::kAborted:
      return "FILES_CHANGED";
    case absl::StatusCode::kResourceExhausted:
      return "MEMORY_EXHAUSTED";
    case absl::StatusCode::kFailedPrecondition:
      return precondition;
    case absl::StatusCode::kCancelled:
      return "SHUTTING_DOWN";
    default:
      return GrpcCodeName(static_cast<int>(status.code()));
  }
}

void ModelService::Register(rpc::RpcServer* server) {
  server->AddService(&raw_);
  const auto name = rpc::MethodsOf(kServiceName);
  const auto request = rpc::RequestsOf(&raw_);
  server->AddUnary<v1::ListModelsRequest, v1::ListModelsResponse>(name("ListModels"), request(&Raw::RequestListModels),
                                                                  [this](auto* call) {
                                                                    ListModels(call->response());
                                                                    call->Finish(absl::OkStatus());
                                                                  });
  server->AddUnary<v1::GetModelRequest, v1::GetModelResponse>(
      name("GetModel"), request(&Raw::RequestGetModel),
      [this](auto* call) { call->Finish(GetModel(call->request(), call->response())); });
  const auto write_version = [this](const VersionStatus& version, auto* response) {
    WriteVersion(version, response->mutable_version());
    return absl::OkStatus();
  };
  AddWork<v1::LoadVersionRequest, v1::LoadVersionResponse>(server, "LoadVersion", &Raw::RequestLoadVersion,
                                                           &ModelService::LoadVersion, kDrift, write_version);
  AddWork<v1::ValidateVersionRequest, v1::ValidateVersionResponse>(
      server, "ValidateVersion", &Raw::RequestValidateVersion, &ModelService::ValidateVersion, kDrift, write_version);
  AddWork<v1::ActivateVersionRequest, v1::ActivateVersionResponse>(
      server, "ActivateVersion", &Raw::RequestActivateVersion, &ModelService::ActivateVersion, kDrift, write_version);
  AddWork<v1::RollbackModelRequest, v1::RollbackModelResponse>(server, "RollbackModel", &Raw::RequestRollbackModel,
                                                               &ModelService::RollbackModel, "NOTHING_TO_GO_BACK_TO",
                                                               write_version);
  AddWork<v1::UnloadVersionRequest, v1::UnloadVersionResponse>(server, "UnloadVersion", &Raw::RequestUnloadVersion,
                                                               &ModelService::UnloadVersion, "VERSION_IN_USE",
                                                               write_version);
  AddWork<v1::SetLabelRequest, v1::SetLabelResponse>(
      server, "SetLabel", &Raw::RequestSetLabel, &ModelService::SetLabel, kDrift,
      [this](const VersionStatus& version, v1::SetLabelResponse* response) -> absl::Status {
        ASSIGN_OR_RETURN(const ModelStatus model, manager_->Get(version.model));
        WriteModel(model, response->mutable_model());
        return absl::OkStatus();
      });
}

template <typename Request, typename Response, typename Member, typename Ask, typename Write>
void ModelService::AddWork(rpc::RpcServer* server, std::string_view method, Member member, Ask ask,
                           std::string_view precondition, Write write) {
  server->AddUnary<Request, Response>(
      {std::string(kServiceName), std::string(method)},
      [this, member](grpc::ServerContext* context, grpc::ByteBuffer* bytes, rpc::RawWriter* writer,
                     grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
                     void* tag) { (raw_.*member)(context, bytes, writer, calls, notifications, tag); },
      [this, ask, precondition, write, name = std::string(method)](auto* call) {
        Work* const work = call->template state<Work>();
        if (work->begun) {
          if (work->faulty) return call->Finish(work->status);
          LogOutcome(name, *work);
          if (work->status.ok()) return call->Finish(write(work->version, call->response()));
          return call->Finish(WithReason(work->status, ReasonOf(work->status, call->request().model(), precondition)));
        }
        work->begun = true;
        // Before the manager is asked, which may answer at once. Whatever becomes of the caller, what the call keeps
        // stays until then.
        call->Pause();
        const absl::Status asked =
            (this->*ask)(call->request(), [call, work](const absl::Status& status, const VersionStatus& version) {
              work->status = status;
              work->version = version;
              call->Resume();
            });
        if (asked.ok()) return;
        work->faulty = true;
        work->status = asked;
        call->Resume();
      });
}

absl::StatusOr<std::string> ModelService::ModelOf(const std::string& name) const {
  if (!name.empty()) return name;
  const std::vector<ModelStatus> models = manager_->List();
  if (models.size() == 1) return models.front().model;
  std::string names;
  for (const ModelStatus& model : models) StrAppend(&names, names.empty() ? "" : ", ", model.model);
  FieldChecks checks;
  checks.Add("model", models.empty() ? "is empty, and this server has no model"
                                     : StrCat("is empty, but this server has more than one model: ", names));
  return checks.status();
}

void ModelService::ListModels(v1::ListModelsResponse* response) const {
  for (const ModelStatus& model : manager_->List()) WriteModel(model, response->add_models());
}

absl::Status ModelService::GetModel(const v1::GetModelRequest& request, v1::GetModelResponse* response) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string name, ModelOf(request.model()));
  const absl::StatusOr<ModelStatus> model = manager_->Get(name);
  if (!model.ok()) return WithReason(model.status(), "MODEL_NOT_FOUND");
  WriteModel(*model, response->mutable_model());
  return absl::OkStatus();
}

absl::Status ModelService::LoadVersion(const v1::LoadVersionRequest& request, Done done) const {
  FieldChecks checks;
  CheckVersion(request.model(), request.version(), &checks);
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  manager_->Load(model, request.version(), request.force(), std::move(done));
  return absl::OkStatus();
}

absl::Status ModelService::ValidateVersion(const v1::ValidateVersionRequest& request, Done done) const {
  FieldChecks checks;
  CheckVersion(request.model(), request.version(), &checks);
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  manager_->Validate(model, request.version(), std::move(done));
  return absl::OkStatus();
}

absl::Status ModelService::ActivateVersion(const v1::ActivateVersionRequest& request, Done done) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  if (request.version() == 0 && request.pin()) checks.Add("pin", "is set, expected a version with it");
  if (request.version() == 0 && request.force()) checks.Add("force", "is set, expected a version with it");
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  if (request.version() == 0) {
    manager_->Follow(model, std::move(done));
  } else {
    manager_->Activate(model, request.version(), request.pin(), request.force(), std::move(done));
  }
  return absl::OkStatus();
}

absl::Status ModelService::RollbackModel(const v1::RollbackModelRequest& request, Done done) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  manager_->Rollback(model, request.from_version(), std::move(done));
  return absl::OkStatus();
}

absl::Status ModelService::UnloadVersion(const v1::UnloadVersionRequest& request, Done done) const {
  FieldChecks checks;
  CheckVersion(request.model(), request.version(), &checks);
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  manager_->Unload(model, request.version(), std::move(done));
  return absl::OkStatus();
}

absl::Status ModelService::SetLabel(const v1::SetLabelRequest& request, Done done) const {
  FieldChecks checks;
  checks.Name("model", request.model(), limits::kMaxNameBytes);
  if (!IsLabel(request.label())) {
    checks.Add("label", absl::StrFormat("is '%s', expected %s", Excerpt(request.label()), kLabelRule));
  }
  const std::optional<uint32_t> share = ShareOf(request.percent());
  if (!share.has_value()) {
    checks.Add("percent", absl::StrFormat("is %g, expected 0 to 100 in steps of 0.01", request.percent()));
  } else if (*share > 0 && request.label() != kCanaryLabel && request.label() != kShadowLabel) {
    checks.Add("percent", absl::StrFormat("is %g, expected 0: only canary and shadow have a share", request.percent()));
  } else if (*share > 0 && request.version() == 0) {
    checks.Add("percent", absl::StrFormat("is %g, expected 0 where the label is taken away", request.percent()));
  }
  if (request.version() == 0 && request.force()) checks.Add("force", "is set, expected a version with it");
  if (!checks.ok()) return checks.status();
  ASSIGN_OR_RETURN(const std::string model, ModelOf(request.model()));
  // Without a version the manager has none to tell of: what is asked for afterwards is the model.
  manager_->SetLabel(model, request.label(), request.version(), *share, request.force(),
                     [model, done = std::move(done)](const absl::Status& status, const VersionStatus& version) {
                       VersionStatus of_model = version;
                       of_model.model = model;
                       done(status, of_model);
                     });
  return absl::OkStatus();
}

void ModelService::WriteVersion(const VersionStatus& version, v1::ModelVersion* out) const {
  out->set_version(version.version);
  out->set_state(ToProto(version.state));
  out->set_reason(version.reason);
  out->set_step(version.step);
  out->set_progress(version.progress);
  out->set_serving(version.serving);
  out->set_poisoned(version.poisoned);
  for (const std::string& label : version.labels) out->add_labels(label);
  out->set_path(version.path);
  WriteTime(version.since, out->mutable_state_time());
  if (!version.digest.empty()) {
    out->set_digest(version.digest);
    out->set_bytes(version.bytes);
    out->set_load_seconds(version.load_seconds);
    out->set_golden_queries(static_cast<uint32_t>(version.golden_queries));
    v1::VersionDrift* drift = out->mutable_drift();
    drift->set_subjects(version.drift.subjects);
    drift->set_overlap(version.drift.overlap);
    drift->set_own_rank(version.drift.own_rank);
    drift->set_live_own_rank(version.drift.live_own_rank);
    drift->set_catalogue(version.drift.catalogue);
  }
  if (version.memory.bundle > 0) {
    v1::VersionMemory* memory = out->mutable_memory();
    memory->set_bundle(version.memory.bundle);
    memory->set_resident(version.memory.resident);
    memory->set_available(version.memory.available);
    memory->set_headroom(version.memory.headroom);
  }
  const ModelHandle model = models_->Find(StrCat(version.model, "@", version.version));
  if (model == nullptr) return;
  out->set_n_items(model->n_items());
  out->set_n_users(model->n_users());
  out->set_hybrid_ready(IsHybridReady(*model));
  absl::Time created;
  std::string unparsed;
  if (!absl::ParseTime(absl::RFC3339_full, model->info().created_at, &created, &unparsed)) return;
  WriteTime(absl::ToChronoTime(created), out->mutable_create_time());
}

void ModelService::WriteModel(const ModelStatus& model, v1::ServedModel* out) const {
  out->set_model(model.model);
  out->set_policy(model.policy == PolicyKind::kPinned ? v1::VERSION_POLICY_PINNED : v1::VERSION_POLICY_LATEST);
  out->set_serving_version(model.serving_version);
  for (const LabelStatus& label : model.labels) {
    v1::VersionLabel* added = out->add_labels();
    added->set_label(label.label);
    added->set_version(label.version);
    added->set_percent(PercentOf(label.share));
  }
  for (const VersionStatus& version : model.versions) WriteVersion(version, out->add_versions());
  if (shadow_ == nullptr) return;
  for (const ShadowFigures& figures : shadow_->Figures()) {
    if (figures.model != model.model) continue;
    v1::ShadowComparison* shadow = out->mutable_shadow();
    uint64_t version = 0;
    if (absl::SimpleAtoi(figures.version, &version)) shadow->set_version(version);
    shadow->set_compared(figures.compared);
    shadow->set_failed(figures.failed);
    shadow->set_dropped(figures.dropped);
    shadow->set_overlap(figures.overlap);
    shadow->set_score_shift(figures.score_shift);
    shadow->set_latency_ratio(figures.latency_ratio);
  }
}

}  // namespace kindred
