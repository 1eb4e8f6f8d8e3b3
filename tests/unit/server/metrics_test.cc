#include "server/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "absl/strings/str_split.h"
#include "server/memory_profile_store.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

// Everything that a serving process has.
class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest()
      : calls_({{"kindred.v1.RecommendationService", "Recommend"}, {"grpc.health.v1.Health", "Check"}}, 2),
        admin_calls_({{"kindred.v1.ItemService", "SetAvailability"}, {"grpc.health.v1.Health", "Check"}}, 1),
        service_(2),
        writer_(&store_, {}),
        items_(*AvailabilityStore::Open("", &availability_)),
        request_log_(*RequestLog::Open(LogConfig())) {
    testing::BundleBuilder builder;
    // Trained long ago, of events older still.
    builder.metadata()[std::string(names::kTraining)] =
        R"({"trained_at":"2017-03-01T00:00:00Z","last_event_ms":1487000000000})";
    models_.Publish(testing::LoadTestModel(std::move(builder)));
    metrics_.SetSources({&calls_, &service_, &models_, &store_, &writer_, &admin_calls_, items_.get(),
                         [] {
                           RedisSnapshot redis;
                           redis.client.nodes.emplace_back().endpoint = "127.0.0.1:6379";
                           return redis;
                         },
                         [] { return Versions(); }, request_log_.get()});
  }
  ~MetricsTest() override { std::filesystem::remove(LogConfig().path()); }

  static v1::RequestLogConfig LogConfig() {
    v1::RequestLogConfig config;
    config.set_path(::testing::TempDir() + "metrics_test_requests.jsonl");
    return config;
  }

  // Version 2 serves, with a shadow; 3 was refused.
  static ModelsSnapshot Versions() {
    ModelsSnapshot snapshot;
    ModelStatus& shop = snapshot.models.emplace_back();
    shop.model = "shop";
    shop.serving_version = 2;
    for (const VersionState state : {VersionState::kReady, VersionState::kReady, VersionState::kFailed}) {
      VersionStatus& version = shop.versions.emplace_back();
      version.model = "shop";
      version.version = shop.versions.size();
      version.state = state;
      version.load_seconds = 0.5;
      version.drift.subjects = 10;
      version.drift.overlap = 0.75;
    }
    shop.versions[0].poisoned = true;
    ModelCounts& counts = snapshot.counts["shop"];
    counts.loaded = 2;
    counts.refused = 1;
    counts.swaps = 1;
    counts.damage["modified"] = 1;
    ShadowFigures& shadow = snapshot.shadows.emplace_back();
    shadow.model = "shop";
    shadow.version = "1";
    shadow.dropped = 4;
    return snapshot;
  }

  rpc::CallStats calls_, admin_calls_;
  ServiceCounters service_;
  ModelRegistry models_;
  MemoryProfileStore store_;
  ProfileWriter writer_;
  AvailabilityRegistry availability_;
  std::unique_ptr<AvailabilityStore> items_;
  std::unique_ptr<RequestLog> request_log_;
  Metrics metrics_;
};

TEST_F(MetricsTest, TellsStreamsFromUnaryCalls) {
  rpc::CallStats calls({{"s.S", "One"}, {"s.S", "Many", "server_stream"}}, 1);
  metrics_.SetSources({&calls, &service_, &models_, &store_, &writer_});
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr(R"(grpc_type="unary",grpc_service="s.S",grpc_method="One")"));
  EXPECT_THAT(text, HasSubstr(R"(grpc_type="server_stream",grpc_service="s.S",grpc_method="Many")"));
  metrics_.SetSources({});
}

// Dashboards and alerts are built on these: a change here is a change for users (docs/operations.md, CHANGELOG.md).
TEST_F(MetricsTest, NamesTypesAndLabelsAreThoseOfTheList) {
  std::set<std::string> found;
  for (const auto& family : metrics_.Collect()) {
    std::string line = family.name;
    line += family.type == prometheus::MetricType::Counter     ? " counter"
            : family.type == prometheus::MetricType::Histogram ? " histogram"
                                                               : " gauge";
    ASSERT_FALSE(family.metric.empty()) << family.name;
    for (const auto& label : family.metric.front().label) line += " " + label.name;
    found.insert(line);
    EXPECT_FALSE(family.help.empty()) << family.name;
  }
  std::set<std::string> expected;
  for (absl::string_view line : absl::StrSplit(testing::ReadFile(KINDRED_METRIC_NAMES), '\n', absl::SkipEmpty())) {
    expected.insert(std::string(line));
  }
  EXPECT_EQ(found, expected);
}

TEST_F(MetricsTest, VersionsAreInOneStateEach) {
  const std::string text = metrics_.Text();
  for (const char* line :
       {R"(kindred_model_version_state{model="shop",version="2",state="ready"} 1)",
        R"(kindred_model_version_state{model="shop",version="2",state="failed"} 0)",
        R"(kindred_model_version_state{model="shop",version="3",state="failed"} 1)",
        R"(kindred_model_serving_version{model="shop"} 2)", R"(kindred_model_versions_ready{model="shop"} 1)",
        R"(kindred_model_versions_damaged{model="shop"} 1)", R"(kindred_model_newest_version_failed{model="shop"} 1)",
        R"(kindred_model_loads_total{model="shop",result="refused"} 1)", R"(kindred_model_swaps_total{model="shop"} 1)",
        R"(kindred_model_damage_total{model="shop",kind="modified"} 1)",
        // There before the first, so that an alert sees it.
        R"(kindred_model_damage_total{model="shop",kind="sigbus"} 0)",
        R"(kindred_model_damage_total{model="shop",kind="ignored"} 0)",
        R"(kindred_model_hybrid_ready{model="shop",version="3"} 0)",
        R"(kindred_model_drift_overlap{model="shop",version="2"} 0.75)",
        R"(kindred_shadow_answers_total{model="shop",version="1",result="dropped"} 4)"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(MetricsTest, AddsWorkersUp) {
  calls_.cell(0, 0).started.Add(2);
  calls_.cell(0, 1).started.Add(3);
  calls_.cell(0, 0).handled[0].Add(1);
  calls_.cell(0, 1).handled[0].Add(1);
  calls_.cell(0, 1).handled[3].Add(1);
  calls_.cell(0, 0).Observe(9'000);          // ≤ 10 µs
  calls_.cell(0, 1).Observe(10'000);         // on the edge: ≤ 10 µs
  calls_.cell(0, 1).Observe(2'000'000'000);  // beyond the last bound
  service_.CountAnswer(0, AnswerSource::kAverage);
  service_.CountAnswer(1, AnswerSource::kAverage);
  service_.CountAnswer(0, AnswerSource::kCategory);
  service_.CountAnswer(1, AnswerSource::kPrecomputed);
  service_.CountAnswer(1, AnswerSource::kPopularity);
  service_.CountDegraded(1, DegradedMethod::kGetProfile, DegradedReason::kStoreUnavailable);
  service_.CountDegraded(0, DegradedMethod::kBatchGetProfile, DegradedReason::kStaleProfile);
  const std::string text = metrics_.Text();
  const std::string method =
      R"(grpc_type="unary",grpc_service="kindred.v1.RecommendationService",grpc_method="Recommend")";
  EXPECT_THAT(text, HasSubstr("grpc_server_started_total{" + method + "} 5\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handled_total{" + method + ",grpc_code=\"OK\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handled_total{" + method + ",grpc_code=\"INVALID_ARGUMENT\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handling_seconds_bucket{" + method + ",le=\"1e-05\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handling_seconds_bucket{" + method + ",le=\"1\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handling_seconds_bucket{" + method + ",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("grpc_server_handling_seconds_count{" + method + "} 3\n"));
  EXPECT_THAT(text, HasSubstr("kindred_calls_in_flight{grpc_method=\"Recommend\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kindred_answers_total{source=\"average\"} 2\n"));
  for (const char* source : {"category", "precomputed", "popularity"}) {
    EXPECT_THAT(text, HasSubstr("kindred_answers_total{source=\"" + std::string(source) + "\"} 1\n"));
  }
  EXPECT_THAT(text,
              HasSubstr("kindred_degraded_total{grpc_method=\"GetProfile\",reason=\"profile_store_unavailable\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kindred_degraded_total{grpc_method=\"BatchGetProfile\",reason=\"stale_profile\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kindred_degraded_total{grpc_method=\"Recommend\",reason=\"stale_profile\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("kindred_model_items{model=\"shop\"} 70\n"));
  EXPECT_THAT(text, HasSubstr("kindred_model_users{model=\"shop\"} 9\n"));
  EXPECT_THAT(text, HasSubstr("kindred_model_info{model=\"shop\",version=\"3\",digest=\""));
}

TEST_F(MetricsTest, AddsTheServersUpWhereTheyHaveTheSameMethod) {
  calls_.cell(1, 0).started.Add(2);
  calls_.cell(1, 1).started.Add(3);
  admin_calls_.cell(1, 0).started.Add(4);
  admin_calls_.cell(0, 0).started.Add(1);
  const std::string text = metrics_.Text();
  const std::string health = R"(grpc_server_started_total{grpc_type="unary",grpc_service="grpc.health.v1.Health",)"
                             R"(grpc_method="Check"} )";
  EXPECT_THAT(text, HasSubstr(health + "9\n"));
  EXPECT_EQ(text.find(health), text.rfind(health));
  EXPECT_THAT(text, HasSubstr(R"(grpc_service="kindred.v1.ItemService",grpc_method="SetAvailability"} 1)"));
}

TEST_F(MetricsTest, CountsUnavailableItems) {
  const std::vector<std::string_view> out = {"item-1", "item-2"};
  ASSERT_TRUE(items_->Set(out, {}).ok());
  ASSERT_TRUE(items_->Set(out, {}).ok());
  ASSERT_TRUE(items_->Set({}, std::span(out).first(1)).ok());
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr("kindred_items_unavailable 1\n"));
  EXPECT_THAT(text, HasSubstr("kindred_availability_version 2\n"));
  EXPECT_THAT(text, HasSubstr("kindred_availability_changes_total{result=\"applied\"} 2\n"));
  EXPECT_THAT(text, HasSubstr("kindred_availability_changes_total{result=\"unchanged\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("kindred_availability_changes_total{result=\"failed\"} 0\n"));
}

TEST_F(MetricsTest, AdvisesByAgeAndByWhatRequestsBrought) {
  const std::string age = R"(kindred_model_retrain_advised{model="shop",space="default",reason="age"} 1)";
  const std::string tokens = R"(kindred_model_retrain_advised{model="shop",space="default",reason="new_tokens"} )";
  std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr(age + "\n"));
  EXPECT_THAT(text, HasSubstr(tokens + "0\n"));
  EXPECT_THAT(text, HasSubstr(R"(kindred_model_new_token_ratio{model="shop",space="default"} 0)"
                              "\n"));
  EXPECT_THAT(text, HasSubstr(R"(kindred_model_update_advised{model="shop"} 1)"
                              "\n"));
  std::string key;
  const ModelHandle model = models_.Find("shop");
  // 4 of 70 known items: 5.7 %.
  for (const char* item : {"item-1", "x1", "x2", "x3", "x3", "x4"}) {
    model->new_vocabulary().Add(*model, std::vector<EventView>{{.item_id = item}}, &key);
  }
  text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr(tokens + "1\n"));
  EXPECT_THAT(text, HasSubstr(R"(kindred_model_new_token_ratio{model="shop",space="default"} 0.057)"));
}

TEST_F(MetricsTest, ModelsThatDoNotSayWhenTheyWereTrainedHaveNoAge) {
  testing::BundleBuilder builder;
  builder.metadata().erase(std::string(names::kCreatedAt));
  models_.Publish(testing::LoadTestModel(std::move(builder)));
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, ::testing::Not(HasSubstr("kindred_model_age_seconds")));
  EXPECT_THAT(text, HasSubstr(R"(kindred_model_retrain_advised{model="shop",space="default",reason="age"} 0)"));
}

TEST_F(MetricsTest, SaysWhetherItIsReady) {
  EXPECT_THAT(metrics_.Text(), HasSubstr("kindred_ready 0\n"));
  metrics_.SetReady(true);
  EXPECT_THAT(metrics_.Text(), HasSubstr("kindred_ready 1\n"));
}

TEST_F(MetricsTest, WithoutSourcesTheProcessIsStillThere) {
  metrics_.SetSources({});
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr("process_resident_memory_bytes "));
  EXPECT_THAT(text, HasSubstr("kindred_build_info{"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("grpc_server_started_total")));
}

TEST_F(MetricsTest, ProcessFiguresAreOfThisProcess) {
  for (const auto& family : metrics_.Collect()) {
    if (!family.name.starts_with("process_") || family.name == "process_cpu_seconds_total") continue;
    EXPECT_GT(family.metric.front().gauge.value, 0) << family.name;
  }
}

}  // namespace
}  // namespace kindred
