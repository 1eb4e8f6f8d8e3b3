#include "server/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/memory_profile_store.h"
#include "tests/unit/server/test_model.h"

namespace kindred {
namespace {

using ::testing::HasSubstr;

TEST(StatusPage, SaysWhatServes) {
  rpc::CallStats calls({{"s", "Recommend"}}, 2);
  calls.cell(0, 0).handled[0].Add(3);
  calls.cell(0, 1).handled[5].Add(1);
  calls.cell(0, 1).Observe(40'000);
  MemoryProfileStore store;
  StatusSnapshot snapshot;
  snapshot.state = "ready";
  snapshot.grpc_address = "127.0.0.1:50051";
  snapshot.uptime_seconds = 90061;
  snapshot.models = {testing::LoadTestModel(testing::BundleBuilder())};
  snapshot.store = &store;
  snapshot.calls = &calls;
  snapshot.admin_grpc_address = "127.0.0.1:50052";
  rpc::CallStats admin_calls({{"s", "SetAvailability"}}, 1);
  admin_calls.cell(0, 0).handled[0].Add(7);
  snapshot.admin_calls = &admin_calls;
  const std::vector<std::string_view> out = {"a", "b"};
  snapshot.unavailable = std::make_shared<const UnavailableItems>(out, 5);
  const std::string page = StatusPage(snapshot);
  EXPECT_THAT(page, HasSubstr("<span class=ready>ready</span>"));
  EXPECT_THAT(page, HasSubstr("127.0.0.1:50051"));
  EXPECT_THAT(page, HasSubstr("1 d 1 h 1 min"));
  EXPECT_THAT(page, HasSubstr("<td>shop</td><td>3</td><td class=n>70</td><td class=n>9</td>"));
  EXPECT_THAT(page, HasSubstr("<td>no</td><td><code>" + snapshot.models[0]->digest()));  // it has no content
  EXPECT_THAT(page, HasSubstr("<td>Store</td><td>memory</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Recommend</td><td class=n>4</td><td class=n>1</td><td class=n>10.0 µs</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Admin gRPC</td><td>127.0.0.1:50052</td>"));
  EXPECT_THAT(page, HasSubstr("<td>SetAvailability</td><td class=n>7</td>"));
  EXPECT_THAT(page, HasSubstr("<td>Unavailable</td><td>2, version 5</td>"));
  EXPECT_THAT(page, ::testing::Not(HasSubstr("http://")));  // nothing is fetched from elsewhere
}

TEST(StatusPage, SaysWhyAVersionDoesNotServe) {
  StatusSnapshot snapshot;
  snapshot.state = "ready";
  ModelStatus& shop = snapshot.versions.emplace().models.emplace_back();
  shop.model = "shop";
  shop.labels = {{"canary", 8, 250}};
  VersionStatus version;
  version.version = 7;
  version.state = VersionState::kReady;
  version.serving = true;
  version.load_seconds = 0.25;
  shop.versions.push_back(version);
  version = VersionStatus();
  version.version = 8;
  version.state = VersionState::kFailed;
  version.reason = "tensor <x> is damaged";
  shop.versions.push_back(version);
  version = VersionStatus();
  version.version = 9;
  version.state = VersionState::kVerifying;
  version.step = "checksums";
  version.progress = 0.5;
  shop.versions.push_back(version);
  ShadowFigures& shadow = snapshot.versions->shadows.emplace_back();
  shadow.model = "shop";
  shadow.version = "8";
  shadow.overlap = 0.5;
  shadow.failed = 6;
  const std::string page = StatusPage(snapshot);
  EXPECT_THAT(page, HasSubstr("<td class=n>7</td><td>ready, serves</td><td></td><td class=n>0.25 s</td>"));
  EXPECT_THAT(page, HasSubstr("<td>failed: tensor &lt;x&gt; is damaged</td><td>canary (2.5 %)</td>"));
  EXPECT_THAT(page, HasSubstr("<td>verifying: checksums, 50 %</td>"));
  EXPECT_THAT(page, HasSubstr("<td>shop</td><td>8</td><td class=n>0</td><td class=n>6</td><td class=n>0</td>"
                              "<td class=n>0.500</td>"));
}

TEST(StatusPage, SaysHowRedisIsWhereThereIsOne) {
  StatusSnapshot snapshot;
  snapshot.state = "ready";
  EXPECT_THAT(StatusPage(snapshot), ::testing::Not(HasSubstr("<h2>Redis</h2>")));
  snapshot.redis.emplace().client.nodes.emplace_back().endpoint = "redis.internal:6379";
  const std::string page = StatusPage(snapshot);
  EXPECT_THAT(page, HasSubstr("<h2>Redis</h2>"));
  EXPECT_THAT(page, HasSubstr("<td>redis.internal:6379</td><td>closed</td>"));
}

TEST(StatusPage, WhileLoadingThereIsLittleToSay) {
  StatusSnapshot snapshot;
  snapshot.state = "loading";
  EXPECT_THAT(StatusPage(snapshot), HasSubstr("not listening yet"));
}

TEST(StatusPage, EscapesWhatOthersNamed) {
  EXPECT_EQ(EscapeHtml("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
  StatusSnapshot snapshot;
  snapshot.state = "ready";
  snapshot.models = {testing::LoadTestModel(testing::BundleBuilder(), "<script>")};
  EXPECT_THAT(StatusPage(snapshot), ::testing::Not(HasSubstr("<script>")));
}

}  // namespace
}  // namespace kindred
