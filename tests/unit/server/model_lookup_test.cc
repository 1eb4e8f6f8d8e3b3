#include "server/model_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

std::string Reason(const absl::Status& status) {
  google::rpc::ErrorInfo info;
  const auto payload = status.GetPayload("type.googleapis.com/google.rpc.ErrorInfo");
  return payload.has_value() && info.ParseFromString(std::string(*payload)) ? info.reason() : "";
}

TEST(ModelLookup, NamesTheModelsThereAre) {
  ModelRegistry models;
  models.Publish(testing::LoadTestModel(testing::BundleBuilder(), "books"));
  models.Publish(testing::LoadTestModel(testing::BundleBuilder(), "shop"));
  const absl::Status unknown = NoSuchModel(models, "shoes");
  EXPECT_EQ(unknown.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Reason(unknown), "MODEL_NOT_FOUND");
  EXPECT_EQ(std::string(unknown.message()), "no model 'shoes'; this server has: books, shop");
  const absl::Status unnamed = NoSuchModel(models, "");
  EXPECT_EQ(unnamed.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unnamed.message()), HasSubstr("model is empty, but this server has more than one model"));
}

TEST(ModelLookup, NamesTheVersionsAndLabelsThereAre) {
  ModelRegistry models;
  const ModelHandle serving = testing::LoadGeneration(7), canary = testing::LoadGeneration(8);
  ModelRoutes routes = testing::RoutesOf(serving, {canary});
  routes.labels = {{"canary", canary}};
  models.Publish(std::move(routes));
  for (const char* wrong : {"shop@9", "shop@stabel", "@9"}) {
    const absl::Status status = NoSuchModel(models, wrong);
    EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
    EXPECT_EQ(Reason(status), "VERSION_NOT_FOUND");
    EXPECT_THAT(std::string(status.message()), HasSubstr("versions that are ready: 7, 8; labels: canary (version 8)"));
  }
  EXPECT_EQ(Reason(NoSuchModel(models, "shoes@8")), "MODEL_NOT_FOUND");
}

TEST(ModelLookup, AModelOfWhichNothingIsSoundIsDamaged) {
  ModelRegistry models;
  const ModelHandle serving = testing::LoadGeneration(7), earlier = testing::LoadGeneration(6);
  models.Publish(testing::RoutesOf(serving, {earlier}));
  serving->Poison();
  EXPECT_EQ(models.Find("shop"), earlier);
  EXPECT_EQ(models.Find("shop@7"), nullptr);
  EXPECT_EQ(Reason(NoSuchModel(models, "shop@7")), "MODEL_DAMAGED");
  earlier->Poison();
  for (const char* reference : {"shop", "", "shop@6"}) {
    EXPECT_EQ(models.Find(reference), nullptr);
    const absl::Status status = NoSuchModel(models, reference);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << reference;
    EXPECT_EQ(Reason(status), "MODEL_DAMAGED");
  }
}

TEST(ModelLookup, TenModelsAreEnoughToName) {
  ModelRegistry models;
  for (int i = 0; i < 12; ++i) {
    models.Publish(testing::LoadTestModel(testing::BundleBuilder(), StrCat("m", 10 + i)));
  }
  const std::string message(NoSuchModel(models, "x").message());
  EXPECT_THAT(message, HasSubstr("m18, m19, …"));
  EXPECT_THAT(message, ::testing::Not(HasSubstr("m20")));
}

TEST(ModelLookup, TellsSpacesFromItems) {
  const auto model = testing::LoadTestModel(testing::BundleBuilder());
  const absl::Status no_space = NoSuchSpace(*model, "none");
  EXPECT_EQ(no_space.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(Reason(no_space), "SPACE_NOT_FOUND");
  EXPECT_EQ(std::string(no_space.message()), "model 'shop' has no space 'none'");
  EXPECT_TRUE(EngineStatus(absl::OkStatus(), *model, "").ok());
  EXPECT_EQ(Reason(EngineStatus(absl::NotFoundError("?"), *model, "none")), "SPACE_NOT_FOUND");
  EXPECT_EQ(Reason(EngineStatus(absl::NotFoundError("?"), *model, "default")), "ITEM_NOT_FOUND");
  EXPECT_EQ(Reason(EngineStatus(absl::InternalError("?"), *model, "none")), "");
}

}  // namespace
}  // namespace kindred
