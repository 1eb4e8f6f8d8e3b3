#include "server/model_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "server/config_loader.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

v1::ServerConfig Complete(v1::ServerConfig config = {}) {
  const absl::Status status = CompleteConfig(&config);
  EXPECT_TRUE(status.ok()) << status;
  return config;
}

std::string Problem(const v1::ModelsConfig& models) {
  v1::ServerConfig config;
  *config.mutable_models() = models;
  const absl::Status status = CompleteConfig(&config);
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(ModelConfig, DefaultsAreThoseOfTheSchema) {
  const ManagerOptions options = ManagerOptionsOf(Complete());
  EXPECT_EQ(options.store_dir, "models");
  EXPECT_EQ(options.state_dir, "data/models");
  EXPECT_EQ(options.work_dir, "data/models/unpacked");
  EXPECT_EQ(options.gate.load_mode, LoadMode::kMap);
  EXPECT_EQ(options.gate.verify, VerifyLevel::kChecksums);
  EXPECT_EQ(options.gate.memory_headroom_bytes, 64u << 20);
  EXPECT_EQ(options.gate.memory_limit_bytes, 0u);
  EXPECT_EQ(options.gate.min_overlap, 0.05);
  EXPECT_EQ(options.gate.max_own_rank_drop, 0.2);
  EXPECT_EQ(options.gate.min_catalogue, 0.5);
  EXPECT_EQ(options.keep_ready, 1);
  EXPECT_EQ(options.poll_interval, std::chrono::seconds(5));
  EXPECT_EQ(options.prefault_bytes_per_second, 512.0 * (1 << 20));
  EXPECT_EQ(options.scrub_bytes_per_second, 16.0 * (1 << 20));
  EXPECT_EQ(options.scrub_interval, std::chrono::hours(1));
  EXPECT_TRUE(options.policies.empty());
}

TEST(ModelConfig, WhatIsSaidReachesTheManager) {
  v1::ServerConfig config;
  v1::ModelsConfig* models = config.mutable_models();
  models->set_dir("/srv/models/");
  models->set_load_mode(v1::LOAD_MODE_COPY);
  models->set_verify(v1::VERIFY_MODE_HEADER);
  models->set_scrub_bytes(0);
  models->mutable_poll_interval()->set_nanos(100'000'000);
  v1::ModelPolicyConfig& policy = (*models->mutable_policies())["shop"];
  policy.set_pinned(7);
  (*policy.mutable_labels())["canary"] = 8;
  policy.set_canary_percent(0.07);
  policy.set_shadow_percent(100);
  const ManagerOptions options = ManagerOptionsOf(Complete(config));
  EXPECT_EQ(options.work_dir, "data/models/unpacked");
  EXPECT_EQ(options.gate.load_mode, LoadMode::kCopy);
  EXPECT_EQ(options.gate.verify, VerifyLevel::kHeader);
  EXPECT_EQ(options.scrub_bytes_per_second, 0);
  EXPECT_EQ(options.poll_interval, std::chrono::milliseconds(100));
  const ModelPolicy& shop = options.policies.at("shop");
  EXPECT_EQ(shop.pinned, 7u);
  EXPECT_EQ(shop.labels.at("canary"), 8u);
  EXPECT_EQ(shop.canary_share, 7u);
  EXPECT_EQ(shop.shadow_share, kWholeShare);
}

TEST(ModelConfig, WithProfilesInMemoryDecisionsAreForgottenToo) {
  v1::ServerConfig config;
  config.mutable_profiles()->mutable_memory();
  EXPECT_EQ(ManagerOptionsOf(Complete(config)).state_dir, "");
}

TEST(ModelConfig, RangesAreChecked) {
  v1::ModelsConfig models;
  models.set_keep_ready(17);
  EXPECT_EQ(Problem(models), "ModelsConfig.keep_ready is 17; expected 0 to 16");
  models.Clear();
  models.mutable_poll_interval()->set_nanos(1'000'000);
  EXPECT_EQ(Problem(models), "models.poll_interval is 0.001s; expected 100ms to 1h");
  models.Clear();
  models.set_prefault_bytes(1);
  EXPECT_THAT(Problem(models), HasSubstr("prefault_bytes is 1"));
  models.Clear();
  models.mutable_gate()->set_min_overlap(1.5);
  EXPECT_EQ(Problem(models), "models.gate.min_overlap is 1.5; expected 0 to 1");
}

TEST(ModelConfig, PoliciesAreChecked) {
  v1::ModelsConfig models;
  (*models.mutable_policies())["a/b"];
  EXPECT_THAT(Problem(models), HasSubstr("none of them / or @"));
  models.Clear();
  v1::ModelPolicyConfig& policy = (*models.mutable_policies())["shop"];
  (*policy.mutable_labels())["7"] = 7;
  EXPECT_THAT(Problem(models), HasSubstr("models.policies.shop.labels has '7'; a label is 1 to 64 letters"));
  policy.clear_labels();
  (*policy.mutable_labels())["canary"] = 0;
  EXPECT_THAT(Problem(models), HasSubstr("models.policies.shop.labels.canary is 0; expected a version"));
  policy.clear_labels();
  policy.set_canary_percent(101);
  EXPECT_EQ(Problem(models), "models.policies.shop.canary_percent is 101; expected 0 to 100 in steps of 0.01");
}

TEST(ModelConfig, LabelsAndShares) {
  for (const char* good : {"canary", "v7", "2024-05", "a.b_c"}) EXPECT_TRUE(IsLabel(good)) << good;
  for (const char* wrong : {"", "7", "stable", "a b", "ä", "a@b"}) EXPECT_FALSE(IsLabel(wrong)) << wrong;
  EXPECT_FALSE(IsLabel(std::string(65, 'a')));
  EXPECT_EQ(ShareOf(0), 0u);
  EXPECT_EQ(ShareOf(0.29), 29u);
  EXPECT_EQ(ShareOf(100), kWholeShare);
  for (const double wrong : {-0.01, 100.01, 0.005, std::nan("")}) EXPECT_EQ(ShareOf(wrong), std::nullopt) << wrong;
}

}  // namespace
}  // namespace kindred
