#include "core/lifecycle/manager_queue.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

using Kind = ManagerTask::Kind;

void Push(ManagerQueue* queue, Kind kind, uint64_t version, const std::string& model = "demo") {
  ManagerTask task;
  task.kind = kind;
  task.model = model;
  task.version = version;
  ASSERT_TRUE(queue->Push(&task));
}

size_t Same(ManagerQueue* queue) {
  const std::optional<ManagerTask> task = queue->Pop();
  return queue->TakeSame(*task).size();
}

TEST(ManagerQueue, LoadsOfOneVersionJoinAcrossOtherLoads) {
  ManagerQueue queue;
  for (int i = 0; i < 3; ++i) {
    Push(&queue, Kind::kLoad, 1);
    Push(&queue, Kind::kLoad, 2);
    Push(&queue, Kind::kActivate, 1, "other");
  }
  EXPECT_EQ(Same(&queue), 2u);
  EXPECT_EQ(queue.Pop()->version, 2u);
}

TEST(ManagerQueue, AnActivationAfterAnotherOneIsItsOwn) {
  ManagerQueue queue;
  for (const uint64_t version : {1, 1, 2, 1}) Push(&queue, Kind::kActivate, version);
  EXPECT_TRUE(queue.WantsAnother("demo", 1));
  EXPECT_FALSE(queue.WantsAnother("other", 1));
  EXPECT_EQ(Same(&queue), 1u);
  EXPECT_EQ(queue.Pop()->version, 2u);
  EXPECT_EQ(queue.Pop()->version, 1u);
  EXPECT_TRUE(queue.empty());
}

TEST(ManagerQueue, ALoadAfterAnUnloadIsItsOwn) {
  ManagerQueue queue;
  Push(&queue, Kind::kLoad, 1);
  Push(&queue, Kind::kUnload, 1);
  Push(&queue, Kind::kLoad, 1);
  EXPECT_EQ(Same(&queue), 0u);
}

TEST(ManagerQueue, TakesNothingOnceClosed) {
  ManagerQueue queue;
  Push(&queue, Kind::kLoad, 1);
  EXPECT_EQ(queue.Close().size(), 1u);
  ManagerTask task;
  task.model = "demo";
  EXPECT_FALSE(queue.Push(&task));
  EXPECT_EQ(task.model, "demo");
}

}  // namespace
}  // namespace kindred
