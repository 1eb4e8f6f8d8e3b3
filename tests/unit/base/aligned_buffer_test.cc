#include "core/base/aligned_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <new>
#include <utility>

namespace kindred {
namespace {

TEST(AlignedBufferTest, IsAlignedAndZeroedForEverySize) {
  for (size_t size : {1, 2, 15, 16, 17, 63, 64, 65, 1000}) {
    AlignedBuffer<float> buffer(size);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % 64, 0u) << size;
    EXPECT_EQ(buffer.size(), size);
    EXPECT_EQ(buffer.size_bytes(), size * 4);
    for (float value : buffer) EXPECT_EQ(value, 0.0f);
  }
}

TEST(AlignedBufferTest, EmptyHasNoMemory) {
  AlignedBuffer<double> buffer(0);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_TRUE(buffer.span().empty());
}

TEST(AlignedBufferTest, MoveHandsOverTheElements) {
  AlignedBuffer<int> from(3);
  from[2] = 7;
  AlignedBuffer<int> to = std::move(from);
  EXPECT_EQ(to[2], 7);
  EXPECT_EQ(to.span().size(), 3u);
}

TEST(AlignedBufferTest, SizeThatOverflowsBytesThrowsBadAlloc) {
  EXPECT_THROW(AlignedBuffer<uint64_t>(std::numeric_limits<size_t>::max() / 4), std::bad_alloc);
  EXPECT_THROW(AlignedBuffer<uint8_t>(std::numeric_limits<size_t>::max() - 3), std::bad_alloc);
}

}  // namespace
}  // namespace kindred
