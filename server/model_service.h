// kindred.v1.ModelService, what operators do with models and their versions: checks fields, asks the manager, says what
// became of it. A call that waits for the manager keeps no thread, and its work goes on when the caller goes away.
// Thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/lifecycle/model_manager.h"
#include "kindred/v1/model_service.grpc.pb.h"
#include "server/rpc/rpc_server.h"
#include "server/shadow_scorer.h"

namespace kindred {

class ModelService {
 public:
  // All must outlive this. `shadow` may be null.
  ModelService(ModelManager* manager, const ModelRegistry* models, const ShadowScorer* shadow)
      : manager_(manager), models_(models), shadow_(shadow) {}

  // Adds the service and its methods to `server`. REQUIRES: the manager stops before the server does, which ends the
  // calls that wait for it.
  void Register(rpc::RpcServer* server);

  // The methods that wait for nobody, with no notion of a call.
  void ListModels(v1::ListModelsResponse* response) const;
  absl::Status GetModel(const v1::GetModelRequest& request, v1::GetModelResponse* response) const;

  // The others ask the manager, whose answer comes to `done`, as of ModelManager: what is wrong with the request is the
  // result, and `done` is not called then.
  using Done = ModelManager::Done;
  absl::Status LoadVersion(const v1::LoadVersionRequest& request, Done done) const;
  absl::Status ValidateVersion(const v1::ValidateVersionRequest& request, Done done) const;
  absl::Status ActivateVersion(const v1::ActivateVersionRequest& request, Done done) const;
  absl::Status RollbackModel(const v1::RollbackModelRequest& request, Done done) const;
  absl::Status UnloadVersion(const v1::UnloadVersionRequest& request, Done done) const;
  absl::Status SetLabel(const v1::SetLabelRequest& request, Done done) const;

  void WriteVersion(const VersionStatus& version, v1::ModelVersion* out) const;
  void WriteModel(const ModelStatus& model, v1::ServedModel* out) const;

 private:
  // Adds a method that asks the manager with ask(request, done) and answers with write(version, response).
  // `precondition`, a constant: why it may fail with FAILED_PRECONDITION.
  template <typename Request, typename Response, typename Member, typename Ask, typename Write>
  void AddWork(rpc::RpcServer* server, std::string_view method, Member member, Ask ask, std::string_view precondition,
               Write write);

  // What a program can act on, of an error of the manager about the model that a request names.
  std::string_view ReasonOf(const absl::Status& status, const std::string& model, std::string_view precondition) const;
  // The model that a request names; the only one where it names none.
  absl::StatusOr<std::string> ModelOf(const std::string& name) const;

  ModelManager* const manager_;
  const ModelRegistry* const models_;
  const ShadowScorer* const shadow_;
  using Service = v1::ModelService;
  template <typename Base>
  using Reading = Service::WithRawMethod_ListModels<Service::WithRawMethod_GetModel<Base>>;
  template <typename Base>
  using Loading = Service::WithRawMethod_LoadVersion<
      Service::WithRawMethod_ValidateVersion<Service::WithRawMethod_ActivateVersion<Base>>>;
  template <typename Base>
  using Changing =
      Service::WithRawMethod_RollbackModel<Service::WithRawMethod_UnloadVersion<Service::WithRawMethod_SetLabel<Base>>>;
  using Raw = Reading<Loading<Changing<Service::Service>>>;
  Raw raw_;
};

}  // namespace kindred
