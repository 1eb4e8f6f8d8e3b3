#include "server/reader_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace kindred {
namespace {

TEST(ReaderGate, LetsReadersInUnlessClosed) {
  ReaderGate gate;
  EXPECT_TRUE(ReaderGate::Reader(&gate).inside());
  gate.Close();
  EXPECT_FALSE(ReaderGate::Reader(&gate).inside());
  gate.Open();
  const ReaderGate::Reader one(&gate), two(&gate);
  EXPECT_TRUE(one.inside() && two.inside());
}

TEST(ReaderGate, NobodyIsInsideWhileItIsClosed) {
  ReaderGate gate;
  auto value = std::make_unique<uint64_t>(0);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> reads{0}, refused{0}, wrong{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) {
    readers.emplace_back([&] {
      while (!stop.load()) {
        const ReaderGate::Reader reader(&gate);
        if (!reader.inside()) {
          ++refused;
          continue;
        }
        // Null while replaced, and odd in the middle of it.
        if (value == nullptr || *value % 2 != 0) ++wrong;
        ++reads;
      }
    });
  }
  for (uint64_t round = 1; round <= 200 || reads.load() == 0; ++round) {
    gate.Close();
    value.reset();
    value = std::make_unique<uint64_t>(2 * round + 1);
    ++*value;
    gate.Open();
    std::this_thread::yield();
  }
  stop.store(true);
  for (auto& reader : readers) reader.join();
  EXPECT_EQ(wrong.load(), 0u);
  EXPECT_GT(reads.load(), 0u);
}

}  // namespace
}  // namespace kindred
