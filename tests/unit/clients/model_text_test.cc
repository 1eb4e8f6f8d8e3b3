#include "clients/cli/model_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cli/model_json.h"
#include "tests/unit/clients/fake_model_server.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kMade = 1'700'000'000;
const absl::Time kNow = absl::FromUnixSeconds(kMade + 3 * 3'600);

v1::ServedModel Groceries() {
  v1::ServedModel model;
  v1::ModelVersion* version = testing::AddVersion(&model, 6, v1::VERSION_STATE_READY);
  version->set_serving(true);
  version->add_labels("stable");
  version->set_digest("0123456789abcdef0123");
  version->set_bytes(12'900'000);
  version->set_n_items(5'555);
  version->set_n_users(1'500);
  version->set_golden_queries(3);
  version->mutable_create_time()->set_seconds(kMade);
  version = testing::AddVersion(&model, 7, v1::VERSION_STATE_FAILED);
  version->set_step("golden queries");
  version->set_reason("golden query 2: rank 1 is i4, expected i3; pack it again");
  version = testing::AddVersion(&model, 8, v1::VERSION_STATE_WARMING);
  version->set_progress(0.41);
  version->add_labels("canary");
  model.set_serving_version(6);
  model.set_policy(v1::VERSION_POLICY_LATEST);
  v1::VersionLabel* label = model.add_labels();
  label->set_label("canary");
  label->set_version(8);
  label->set_percent(2.5);
  return model;
}

TEST(ModelText, ARowAVersion) {
  v1::ListModelsResponse response;
  *response.add_models() = Groceries();
  EXPECT_EQ(ToText(response, kNow),
            "  model      version  state         serving  labels        items  users      size  digest        age  "
            "reason\n"
            "  groceries        6  ready         yes      stable        5,555  1,500  12.3 MiB  0123456789ab  3 h\n"
            "  groceries        7  failed                                                                          "
            "golden query 2: rank 1 is i4, expected i3; pack it again\n"
            "  groceries        8  warming 41 %           canary 2.5 %\n");
  EXPECT_EQ(ToText(v1::ListModelsResponse(), kNow), "no models\n");
}

TEST(ModelText, AReasonIsNeverCut) {
  v1::ListModelsResponse response;
  *response.add_models() = Groceries();
  const std::string reason = std::string(3'000, 'r') + " the end";
  response.mutable_models(0)->mutable_versions(1)->set_reason(reason);
  EXPECT_THAT(ToText(response, kNow), HasSubstr(reason));
  EXPECT_THAT(ToText(response.models(0), kNow), HasSubstr(reason));
}

TEST(ModelText, WhatAnOperationMadeOfAVersion) {
  v1::ServedModel model = Groceries();
  EXPECT_EQ(ToText("groceries", model.versions(0)),
            "groceries 6: ready, 5,555 items, 1,500 users, 12.3 MiB, digest 0123456789ab, loaded in 0.00 s, 3 golden "
            "queries\n");
  EXPECT_EQ(ToText("groceries", model.versions(1)),
            "groceries 7: failed at golden queries: golden query 2: rank 1 is i4, expected i3; pack it again\n");
  model.mutable_versions(0)->mutable_drift()->set_subjects(200);
  model.mutable_versions(0)->mutable_drift()->set_overlap(0.25);
  EXPECT_THAT(ToText("groceries", model.versions(0)), HasSubstr("over 200 users or histories: 25 % of the ten best"));
}

TEST(ModelText, AllThatIsKnownOfAModel) {
  v1::ServedModel model = Groceries();
  model.mutable_shadow()->set_version(8);
  model.mutable_shadow()->set_compared(1'234);
  model.mutable_shadow()->set_failed(5);
  model.mutable_shadow()->set_overlap(0.875);
  const std::string text = ToText(model, kNow);
  EXPECT_THAT(text, HasSubstr("model groceries: version 6 serves, policy latest\n"));
  EXPECT_THAT(text, HasSubstr("label canary: version 8, 2.5 %\n"));
  EXPECT_THAT(text, HasSubstr("shadow: version 8, 1,234 answers compared (5 failed, 0 left out): 87.5 %"));
  EXPECT_THAT(text, HasSubstr("digest 0123456789abcdef0123\n"));
  EXPECT_THAT(text, HasSubstr("  hybrid: no, it has no content\n"));
  model.mutable_versions(0)->set_hybrid_ready(true);
  EXPECT_THAT(ToText(model, kNow), HasSubstr("  hybrid: ready\n"));
  model.set_serving_version(0);
  EXPECT_THAT(ToText(model, kNow), HasSubstr("model groceries: nothing serves"));
}

TEST(ModelText, NothingThatATerminalWouldObey) {
  v1::ServedModel model = Groceries();
  model.mutable_versions(1)->set_reason("\x1b[31mred");
  v1::ListModelsResponse response;
  *response.add_models() = model;
  EXPECT_THAT(ToText(response, kNow), Not(HasSubstr("\x1b")));
  EXPECT_THAT(ToText(model, kNow), Not(HasSubstr("\x1b")));
  EXPECT_THAT(ToText("groceries", model.versions(1)), Not(HasSubstr("\x1b")));
}

TEST(ModelText, SizesAndAges) {
  EXPECT_EQ(SizeText(0), "0 B");
  EXPECT_EQ(SizeText(1'023), "1023 B");
  EXPECT_EQ(SizeText(1'536), "1.5 KiB");
  EXPECT_EQ(SizeText(uint64_t{3} << 40), "3.0 TiB");
  EXPECT_EQ(AgeText(absl::Seconds(-5)), "");
  EXPECT_EQ(AgeText(absl::ZeroDuration()), "");
  EXPECT_EQ(AgeText(absl::Seconds(1)), "1 s");
  EXPECT_EQ(AgeText(absl::Seconds(119)), "119 s");
  EXPECT_EQ(AgeText(absl::Seconds(120)), "2 min");
  EXPECT_EQ(AgeText(absl::Hours(47)), "47 h");
  EXPECT_EQ(AgeText(absl::Hours(48)), "2 d");
}

TEST(ModelJson, FieldsAsInTheApi) {
  v1::ServedModel model = Groceries();
  auto json = ToJson(model);
  EXPECT_EQ(json["model"], "groceries");
  EXPECT_EQ(json["policy"], "latest");
  EXPECT_EQ(json["serving_version"], 6);
  EXPECT_EQ(json["labels"][0].dump(), R"({"label":"canary","version":8,"percent":2.5})");
  EXPECT_EQ(json["versions"][0]["state"], "ready");
  EXPECT_EQ(json["versions"][0]["serving"], true);
  EXPECT_EQ(json["versions"][0]["create_time"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(json["versions"][1]["reason"], model.versions(1).reason());
  EXPECT_FALSE(json.contains("shadow"));
  EXPECT_FALSE(json["versions"][0].contains("drift"));
  EXPECT_EQ(ToJson("groceries", model.versions(2)).dump().substr(0, 49),
            R"({"model":"groceries","version":8,"state":"warming)");
}

}  // namespace
}  // namespace kindred
