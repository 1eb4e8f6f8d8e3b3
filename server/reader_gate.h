// Lets many threads read something that one thread now and then replaces. Entering costs one atomic addition on a cache
// line that few threads share; there is no lock. Thread-safe; Close and Open are for one thread.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <thread>

namespace kindred {

class ReaderGate {
  struct alignas(64) Slot {
    std::atomic<uint32_t> readers{0};
  };

 public:
  // While one lives and is inside, Close waits. Not movable; for the thread that made it.
  class Reader {
   public:
    explicit Reader(ReaderGate* gate) : slot_(&gate->slots_[ThreadSlot()]) {
      // Both orders are seq_cst: either Close sees this reader, or this reader sees that the gate is closed.
      slot_->readers.fetch_add(1);
      inside_ = !gate->closed_.load();
      if (!inside_) slot_->readers.fetch_sub(1);
    }
    ~Reader() {
      if (inside_) slot_->readers.fetch_sub(1, std::memory_order_release);
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    // False: the gate is closed, stay away.
    bool inside() const { return inside_; }

   private:
    ReaderGate::Slot* slot_;
    bool inside_;
  };

  // Lets nobody in and waits for those inside to leave.
  void Close() {
    closed_.store(true);
    for (Slot& slot : slots_) {
      while (slot.readers.load() != 0) std::this_thread::yield();
    }
  }
  void Open() { closed_.store(false); }

 private:
  static constexpr uint32_t kSlots = 16;
  // Threads are numbered as they come and share the slots evenly.
  static uint32_t ThreadSlot() {
    static std::atomic<uint32_t> next{0};
    thread_local const uint32_t slot = next.fetch_add(1, std::memory_order_relaxed) % kSlots;
    return slot;
  }

  std::array<Slot, kSlots> slots_;
  std::atomic<bool> closed_{false};
};

}  // namespace kindred
