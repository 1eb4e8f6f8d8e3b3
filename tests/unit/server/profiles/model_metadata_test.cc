#include "server/profiles/model_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "core/base/str_cat.h"
#include "server/request_events.h"
#include "tests/unit/server/profiles/fake_redis.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;

class ModelMetadataTest : public ::testing::Test {
 protected:
  std::vector<ModelSighting> List(const std::string& name) {
    std::promise<std::vector<ModelSighting>> listed;
    one_.List(name, std::chrono::steady_clock::now() + std::chrono::seconds(10),
              [&](std::vector<ModelSighting> all) { listed.set_value(std::move(all)); });
    return listed.get_future().get();
  }
  std::vector<std::string> Said(const std::string& name) {
    std::vector<std::string> said;
    for (const ModelSighting& one : List(name))
      said.push_back(StrCat(one.server_id, " ", one.version, " ", one.digest));
    return said;
  }

  testing::FakeRedis redis_;
  ModelMetadata one_{&redis_, "one"}, two_{&redis_, "two"};
};

TEST_F(ModelMetadataTest, ShowsWhatEveryServerServes) {
  EXPECT_TRUE(List("groceries").empty());
  one_.Publish("groceries", "v 1", "aaaa");
  two_.Publish("groceries", "v 1", "aaaa");
  one_.Publish("books", "7", "cccc");
  EXPECT_THAT(Said("groceries"), ElementsAre("one v 1 aaaa", "two v 1 aaaa"));
  two_.Publish("groceries", "v 2", "bbbb");
  EXPECT_THAT(Said("groceries"), ElementsAre("one v 1 aaaa", "two v 2 bbbb"));
  EXPECT_NEAR(List("groceries")[0].seen_ms, NowMs(), 60'000);
  EXPECT_EQ(redis_.TtlOf("model:groceries:metadata"), 7 * 24 * 3600 * 1000);
  two_.Withdraw("groceries");
  EXPECT_THAT(Said("groceries"), ElementsAre("one v 1 aaaa"));
  EXPECT_THAT(Said("books"), ElementsAre("one 7 cccc"));
}

TEST_F(ModelMetadataTest, SaysItAgainAndForgetsWhoIsSilent) {
  one_.Publish("m", "1", "aa");
  List("m");
  redis_.Clear(false);
  const std::string key = "model:m:metadata";
  redis_.Execute({key, {"HSET", key, "gone", "1000 dd 0"}}, {}, [](const redis::Reply&) {});
  redis_.Execute({key, {"HSET", key, "odd", "what is this"}}, {}, [](const redis::Reply&) {});
  one_.PublishAll();
  List("m");  // after it the first HDEL is on its way
  EXPECT_THAT(Said("m"), ElementsAre("one 1 aa"));
  redis_.Fail(redis::Failure::kTimeout);
  EXPECT_TRUE(List("m").empty());
}

}  // namespace
}  // namespace kindred
