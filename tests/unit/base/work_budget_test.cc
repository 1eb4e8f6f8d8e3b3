#include "core/base/work_budget.h"

#include <gtest/gtest.h>

namespace kindred {
namespace {

struct Asker {
  int asked = 0;
  int stop_at = 0;  // the question that is answered with true; 0: none
  static bool Ask(void* context) {
    auto* asker = static_cast<Asker*>(context);
    return ++asker->asked == asker->stop_at;
  }
};

TEST(WorkBudget, WithoutAQuestionWorkIsNeverStopped) {
  WorkBudget budget;
  for (int i = 0; i < 1000; ++i) EXPECT_FALSE(budget.should_stop());
  EXPECT_FALSE(budget.stopped());
}

TEST(WorkBudget, AsksAtTheFirstStepAndEverySoManyAfterIt) {
  Asker asker;
  WorkBudget budget(&Asker::Ask, &asker, 4);
  for (int step = 0; step < 12; ++step) {
    EXPECT_FALSE(budget.should_stop());
    EXPECT_EQ(asker.asked, step / 4 + 1) << step;
  }
}

TEST(WorkBudget, ZeroAsksAtEveryStep) {
  Asker asker;
  WorkBudget budget(&Asker::Ask, &asker, 0);
  for (int step = 0; step < 5; ++step) EXPECT_FALSE(budget.should_stop());
  EXPECT_EQ(asker.asked, 5);
}

TEST(WorkBudget, OnceStoppedItStaysSoAndAsksNoMore) {
  Asker asker;
  asker.stop_at = 2;
  WorkBudget budget(&Asker::Ask, &asker, 3);
  for (int step = 0; step < 3; ++step) EXPECT_FALSE(budget.should_stop());
  EXPECT_FALSE(budget.stopped());
  for (int step = 0; step < 9; ++step) EXPECT_TRUE(budget.should_stop());
  EXPECT_TRUE(budget.stopped());
  EXPECT_EQ(asker.asked, 2);
}

}  // namespace
}  // namespace kindred
