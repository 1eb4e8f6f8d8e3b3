#include "server/model_service.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/model_events.h"
#include "tests/unit/server/test_manager.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// The service behind a server of one thread, over a store with the versions 1 to 3 of the model "shop".
class ModelServiceTest : public ::testing::Test {
 protected:
  using Stub = v1::ModelService::Stub;

  ModelServiceTest() {
    for (int version = 1; version <= 3; ++version) {
      const std::string folder = StrCat(store_.path(), "/shop/", version);
      std::filesystem::create_directories(folder);
      testing::WriteFile(StrCat(folder, "/", kBundleFileName), "the loader makes what it likes of it");
    }
    ManagerOptions options;
    options.store_dir = store_.path();
    options.poll_interval = std::chrono::milliseconds(100);
    options.default_policy.pinned = 1;
    auto loader = std::make_unique<testing::TestLoader>();
    loader_ = loader.get();
    auto manager =
        ModelManager::Open(options, &models_, &events_, std::move(loader), std::make_unique<testing::QuietWatch>());
    EXPECT_TRUE(manager.ok()) << manager.status();
    manager_ = *std::move(manager);
    const absl::Status loaded = manager_->LoadAll();
    EXPECT_TRUE(loaded.ok()) << loaded;
    manager_->Start();
    service_ = std::make_unique<ModelService>(manager_.get(), &models_, nullptr);
    rpc::RpcServerOptions rpc_options;
    rpc_options.listen = "127.0.0.1:0";
    server_ = std::make_unique<rpc::RpcServer>(rpc_options);
    service_->Register(server_.get());
    const absl::Status started = server_->Start();
    EXPECT_TRUE(started.ok()) << started;
    stub_ = v1::ModelService::NewStub(grpc::CreateChannel(server_->address(), grpc::InsecureChannelCredentials()));
  }
  ~ModelServiceTest() override {
    loader_->held = false;
    manager_->Stop();
    server_->Drain(std::chrono::seconds(20));
    server_->Stop();
  }

  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                   const Request& request, Response* response) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    return ((*stub_).*method)(&context, request, response);
  }
  v1::ServedModel Get() {
    v1::GetModelResponse response;
    const grpc::Status status = Ask(&Stub::GetModel, v1::GetModelRequest(), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.model();
  }
  v1::VersionState StateOf(uint64_t version) {
    const v1::ServedModel model = Get();
    for (const v1::ModelVersion& one : model.versions()) {
      if (one.version() == version) return one.state();
    }
    return v1::VERSION_STATE_UNSPECIFIED;
  }
  static v1::LoadVersionRequest LoadRequest(uint64_t version) {
    v1::LoadVersionRequest request;
    request.set_version(version);
    return request;
  }
  static v1::ActivateVersionRequest ActivateRequest(uint64_t version) {
    v1::ActivateVersionRequest request;
    request.set_model("shop");
    request.set_version(version);
    return request;
  }
  static bool Await(const std::function<bool()>& so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!so()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  }

  testing::TempDir store_;
  AvailabilityRegistry availability_;
  ModelRegistry models_;
  ModelEvents events_{&availability_};
  testing::TestLoader* loader_ = nullptr;  // the manager's
  std::unique_ptr<ModelManager> manager_;
  std::unique_ptr<ModelService> service_;
  std::unique_ptr<rpc::RpcServer> server_;
  std::unique_ptr<Stub> stub_;
};

struct Details {
  std::string reason;
  std::vector<std::string> fields;
};

Details DetailsOf(const grpc::Status& status) {
  Details out;
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest bad;
    if (detail.UnpackTo(&info)) out.reason = info.reason();
    if (!detail.UnpackTo(&bad)) continue;
    for (const auto& violation : bad.field_violations()) out.fields.push_back(violation.field());
  }
  return out;
}

TEST_F(ModelServiceTest, SaysWhatThereIs) {
  v1::ListModelsResponse list;
  ASSERT_TRUE(Ask(&Stub::ListModels, v1::ListModelsRequest(), &list).ok());
  ASSERT_EQ(list.models_size(), 1);
  const v1::ServedModel model = Get();
  EXPECT_EQ(model.SerializeAsString(), list.models(0).SerializeAsString());
  EXPECT_EQ(model.model(), "shop");
  EXPECT_EQ(model.policy(), v1::VERSION_POLICY_PINNED);
  EXPECT_EQ(model.serving_version(), 1u);
  EXPECT_FALSE(model.has_shadow());
  ASSERT_EQ(model.versions_size(), 3);
  const v1::ModelVersion& first = model.versions(0);
  EXPECT_EQ(first.state(), v1::VERSION_STATE_READY);
  EXPECT_TRUE(first.serving());
  EXPECT_EQ(first.golden_queries(), 3u);
  EXPECT_EQ(first.n_items(), 70u);
  EXPECT_EQ(first.n_users(), 9u);
  EXPECT_EQ(first.digest(), models_.Find("shop")->digest());
  EXPECT_GT(first.state_time().seconds(), 1'500'000'000);
  EXPECT_EQ(model.versions(2).state(), v1::VERSION_STATE_DISCOVERED);

  v1::GetModelRequest unknown;
  unknown.set_model("shoes");
  v1::GetModelResponse none;
  const grpc::Status status = Ask(&Stub::GetModel, unknown, &none);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(status).reason, "MODEL_NOT_FOUND");
}

TEST_F(ModelServiceTest, ActivatesGoesBackAndUnloads) {
  v1::ActivateVersionResponse activated;
  grpc::Status status = Ask(&Stub::ActivateVersion, ActivateRequest(2), &activated);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(activated.version().version(), 2u);
  EXPECT_TRUE(activated.version().serving());
  EXPECT_EQ(activated.version().drift().overlap(), 0.5);
  EXPECT_EQ(models_.Find("shop")->version(), "2");
  // Again: it is so already.
  EXPECT_TRUE(Ask(&Stub::ActivateVersion, ActivateRequest(2), &activated).ok());

  v1::UnloadVersionRequest unload;
  unload.set_version(2);
  v1::UnloadVersionResponse unloaded;
  status = Ask(&Stub::UnloadVersion, unload, &unloaded);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
  EXPECT_EQ(DetailsOf(status).reason, "VERSION_IN_USE");

  v1::RollbackModelResponse back;
  status = Ask(&Stub::RollbackModel, v1::RollbackModelRequest(), &back);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(back.version().version(), 1u);
  EXPECT_EQ(models_.Find("shop")->version(), "1");
  ASSERT_TRUE(Ask(&Stub::UnloadVersion, unload, &unloaded).ok());
  EXPECT_TRUE(Await([&] { return models_.Find("shop@2") == nullptr; }));
}

TEST_F(ModelServiceTest, ACallThatWaitsKeepsNoThreadAndItsWorkGoesOnWithoutItsCaller) {
  loader_->held = true;
  grpc::ClientContext context;
  std::thread caller([&] {
    v1::LoadVersionResponse response;
    EXPECT_EQ(stub_->LoadVersion(&context, LoadRequest(3), &response).error_code(), grpc::StatusCode::CANCELLED);
  });
  // The only thread of the server answers meanwhile.
  EXPECT_TRUE(Await([&] { return Get().versions(2).step() == "checksums"; }));
  EXPECT_EQ(StateOf(3), v1::VERSION_STATE_VERIFYING);
  context.TryCancel();
  caller.join();
  EXPECT_EQ(StateOf(3), v1::VERSION_STATE_VERIFYING);
  loader_->held = false;
  EXPECT_TRUE(Await([&] { return StateOf(3) == v1::VERSION_STATE_READY; }));
  v1::LoadVersionResponse response;
  EXPECT_TRUE(Ask(&Stub::LoadVersion, LoadRequest(3), &response).ok());
  EXPECT_EQ(response.version().state(), v1::VERSION_STATE_READY);
}

TEST_F(ModelServiceTest, WhoWaitsWhenTheServerStopsIsTold) {
  loader_->held = true;
  std::vector<std::thread> callers;
  for (int i = 0; i < 8; ++i) {
    callers.emplace_back([&] {
      v1::LoadVersionResponse response;
      const grpc::Status status = Ask(&Stub::LoadVersion, LoadRequest(3), &response);
      EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
      EXPECT_EQ(DetailsOf(status).reason, "SHUTTING_DOWN");
    });
  }
  EXPECT_TRUE(Await([&] { return StateOf(3) == v1::VERSION_STATE_VERIFYING; }));
  manager_->Stop();
  for (std::thread& caller : callers) caller.join();
}

TEST_F(ModelServiceTest, ARefusalSaysWhyAndForceIsHeard) {
  loader_->refusal = absl::FailedPreconditionError("overlap 0.01, at least 0.05 is expected");
  v1::ActivateVersionResponse response;
  grpc::Status status = Ask(&Stub::ActivateVersion, ActivateRequest(2), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("overlap 0.01"));
  EXPECT_EQ(DetailsOf(status).reason, "DRIFT_TOO_LARGE");
  EXPECT_EQ(StateOf(2), v1::VERSION_STATE_FAILED);
  EXPECT_THAT(Get().versions(1).reason(), HasSubstr("overlap 0.01"));
  EXPECT_EQ(models_.Find("shop")->version(), "1");
  v1::ActivateVersionRequest force = ActivateRequest(2);
  force.set_force(true);
  status = Ask(&Stub::ActivateVersion, force, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  loader_->refusal = absl::ResourceExhaustedError("needs 7 bytes, 6 are there");
  status = Ask(&Stub::ActivateVersion, ActivateRequest(3), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(DetailsOf(status).reason, "MEMORY_EXHAUSTED");
  status = Ask(&Stub::ActivateVersion, ActivateRequest(9), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(status).reason, "VERSION_NOT_FOUND");
}

TEST_F(ModelServiceTest, AModelThatThereIsNotIsToldFromAVersion) {
  v1::LoadVersionRequest request = LoadRequest(1);
  request.set_model("shoes");
  v1::LoadVersionResponse response;
  const grpc::Status status = Ask(&Stub::LoadVersion, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(DetailsOf(status).reason, "MODEL_NOT_FOUND");
}

TEST_F(ModelServiceTest, LabelsAreSetAndTakenAway) {
  v1::SetLabelRequest request;
  request.set_label("canary");
  request.set_version(2);
  request.set_percent(2.5);
  v1::SetLabelResponse response;
  grpc::Status status = Ask(&Stub::SetLabel, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.model().labels_size(), 1);
  EXPECT_EQ(response.model().labels(0).label(), "canary");
  EXPECT_EQ(response.model().labels(0).version(), 2u);
  EXPECT_EQ(response.model().labels(0).percent(), 2.5);
  EXPECT_EQ(models_.Find("shop@canary")->version(), "2");
  EXPECT_EQ(models_.Snapshot()->at("shop")->canary_share, 250u);
  request.set_version(0);
  request.clear_percent();
  status = Ask(&Stub::SetLabel, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.model().model(), "shop");
  EXPECT_EQ(response.model().labels_size(), 0);
}

TEST_F(ModelServiceTest, FieldsAreChecked) {
  v1::SetLabelRequest label;
  label.set_model(std::string(300, 'm'));
  label.set_label("stable");
  label.set_percent(200);
  v1::SetLabelResponse labelled;
  EXPECT_THAT(DetailsOf(Ask(&Stub::SetLabel, label, &labelled)).fields,
              UnorderedElementsAre("model", "label", "percent"));
  EXPECT_EQ(DetailsOf(Ask(&Stub::SetLabel, label, &labelled)).reason, "INVALID_FIELD");
  label.Clear();
  label.set_label("best");
  label.set_version(2);
  label.set_percent(5);
  EXPECT_THAT(DetailsOf(Ask(&Stub::SetLabel, label, &labelled)).fields, UnorderedElementsAre("percent"));
  label.set_label("canary");
  label.set_version(0);
  EXPECT_THAT(DetailsOf(Ask(&Stub::SetLabel, label, &labelled)).fields, UnorderedElementsAre("percent"));

  v1::ActivateVersionRequest follow = ActivateRequest(0);
  follow.set_pin(true);
  follow.set_force(true);
  v1::ActivateVersionResponse activated;
  EXPECT_THAT(DetailsOf(Ask(&Stub::ActivateVersion, follow, &activated)).fields, UnorderedElementsAre("pin", "force"));
  v1::LoadVersionResponse loaded;
  EXPECT_THAT(DetailsOf(Ask(&Stub::LoadVersion, LoadRequest(0), &loaded)).fields, UnorderedElementsAre("version"));
  v1::ValidateVersionResponse validated;
  EXPECT_THAT(DetailsOf(Ask(&Stub::ValidateVersion, v1::ValidateVersionRequest(), &validated)).fields,
              UnorderedElementsAre("version"));
  v1::UnloadVersionResponse unloaded;
  EXPECT_THAT(DetailsOf(Ask(&Stub::UnloadVersion, v1::UnloadVersionRequest(), &unloaded)).fields,
              UnorderedElementsAre("version"));
}

}  // namespace
}  // namespace kindred
