#include "clients/cli/version_changes.h"

#include <gtest/gtest.h>

#include "tests/unit/clients/fake_model_server.h"

namespace kindred {
namespace {

class VersionChangesTest : public ::testing::Test {
 protected:
  VersionChangesTest() {
    testing::AddVersion(&model(), 1, v1::VERSION_STATE_DISCOVERED);
    testing::AddVersion(&model(), 2, v1::VERSION_STATE_READY)->set_serving(true);
  }
  v1::ServedModel& model() { return models_.size() > 0 ? *models_.Mutable(0) : *models_.Add(); }
  v1::ModelVersion* version(int i) { return model().mutable_versions(i); }

  // The versions that changed.
  std::vector<uint64_t> Take() {
    last_ = changes_.Take(models_);
    std::vector<uint64_t> versions;
    for (const VersionChange& change : last_) versions.push_back(change.version.version());
    return versions;
  }
  using Versions = std::vector<uint64_t>;

  google::protobuf::RepeatedPtrField<v1::ServedModel> models_;
  VersionChanges changes_;
  std::vector<VersionChange> last_;
};

TEST_F(VersionChangesTest, BeginsWithWhatIsMoreThanAFile) {
  EXPECT_EQ(Take(), Versions{2});
  EXPECT_EQ(Take(), Versions{});
}

TEST_F(VersionChangesTest, EveryStateOnceAndNotEveryStep) {
  Take();
  version(0)->set_state(v1::VERSION_STATE_VERIFYING);
  EXPECT_EQ(Take(), Versions{1});
  version(0)->set_step("checksums");
  version(0)->set_progress(0.5);
  EXPECT_EQ(Take(), Versions{});
  version(0)->set_state(v1::VERSION_STATE_FAILED);
  version(0)->set_reason("one");
  EXPECT_EQ(Take(), Versions{1});
  version(0)->set_reason("two");
  EXPECT_EQ(Take(), Versions{1}) << "it failed again, otherwise";
}

TEST_F(VersionChangesTest, ServingPoisonAndLabels) {
  Take();
  version(1)->set_serving(false);
  version(1)->set_poisoned(true);
  EXPECT_EQ(Take(), Versions{2});
  version(0)->add_labels("canary");
  v1::VersionLabel* label = model().add_labels();
  label->set_label("canary");
  label->set_version(1);
  label->set_percent(5);
  EXPECT_EQ(Take(), Versions{1});
  EXPECT_EQ(last_[0].labels, "canary 5 %");
  label->set_percent(10);
  EXPECT_EQ(Take(), Versions{1}) << "another share of users";
}

TEST_F(VersionChangesTest, ThoseThatComeAndGo) {
  Take();
  testing::AddVersion(&model(), 3, v1::VERSION_STATE_DISCOVERED);
  EXPECT_EQ(Take(), Versions{3});
  EXPECT_FALSE(last_[0].removed);
  model().mutable_versions()->DeleteSubrange(0, 1);
  EXPECT_EQ(Take(), Versions{1});
  EXPECT_TRUE(last_[0].removed);
}

}  // namespace
}  // namespace kindred
