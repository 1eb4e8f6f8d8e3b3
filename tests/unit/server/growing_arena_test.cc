#include "server/rpc/growing_arena.h"

#include <gtest/gtest.h>

#include "kindred/v1/recommendation_service.pb.h"
#include "server/limits.h"

namespace kindred::rpc {
namespace {

void Fill(GrowingArena* arena, int items) {
  auto* message = google::protobuf::Arena::CreateMessage<v1::RecommendResponse>(arena->arena());
  for (int i = 0; i < items; ++i) message->add_items()->set_score(static_cast<float>(i));
}

TEST(GrowingArena, HasNoMemoryBeforeItIsUsed) {
  GrowingArena arena;
  arena.Reset();
  EXPECT_EQ(arena.block_bytes(), 0u);
}

TEST(GrowingArena, SmallMessagesLeaveItsBlockAsItIs) {
  GrowingArena arena;
  for (int i = 0; i < 3; ++i) {
    Fill(&arena, 1);
    arena.Reset();
    EXPECT_EQ(arena.block_bytes(), limits::kCallArenaBytes);
  }
}

TEST(GrowingArena, TheSecondMessageOfASizeAllocatesNothing) {
  GrowingArena arena;
  Fill(&arena, 10'000);
  EXPECT_GT(arena.arena()->SpaceAllocated(), arena.block_bytes());
  arena.Reset();
  for (int i = 0; i < 3; ++i) {
    Fill(&arena, 10'000);
    EXPECT_EQ(arena.arena()->SpaceAllocated(), arena.block_bytes()) << "nothing beyond the block";
    arena.Reset();
  }
}

TEST(GrowingArena, ItsBlockStaysBelowTheLargestAnswer) {
  GrowingArena arena;
  for (int i = 0; i < 3; ++i) {
    Fill(&arena, 100'000);
    arena.Reset();
    EXPECT_LE(arena.block_bytes(), limits::kMaxResponseBytes);
  }
}

}  // namespace
}  // namespace kindred::rpc
