// Keeps the process alive when a mapped file loses pages: truncated, or unreadable on its disk. Reading such a page
// raises SIGBUS; the guard puts zeros in the place of the map and marks it, so that whoever reads it goes on and can
// tell afterwards (MappedFile::faulted). Thread-safe.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

namespace kindred {

// Handles SIGBUS of the whole process. A fault that no guarded range explains goes to the handler that was there
// before, or ends the process as it would have. Once a process; more calls do nothing.
void InstallFaultGuard();

// A range of addresses that the guard watches. Ranges are reused and never freed: the handler walks them without locks.
class GuardedRange {
 public:
  // `bytes`: a whole map, from a page's start. REQUIRES: ranges do not overlap; Remove before it is unmapped.
  static GuardedRange* Add(std::span<const std::byte> bytes);
  static void Remove(GuardedRange* range);

  // Whether reading the range has faulted, and all of it is zeros now. One load.
  bool faulted() const { return faulted_.load(std::memory_order_acquire); }

  // Async-signal-safe. If `address` is in a guarded range, maps zeros over all of that range and marks it. False: it is
  // in none, or zeros cannot be mapped.
  static bool Repair(uintptr_t address);

 private:
  GuardedRange() = default;
  void Set(uintptr_t begin, uintptr_t end);

  // Odd while the bounds change, so that the handler never takes the bounds of one map for those of another.
  std::atomic<uint32_t> version_ = 0;
  std::atomic<uintptr_t> begin_ = 0, end_ = 0;
  std::atomic<bool> used_ = true;
  std::atomic<bool> faulted_ = false;
  GuardedRange* next_ = nullptr;  // fixed before the range is published
};

}  // namespace kindred
