#include "core/bundle/fault_guard.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <mutex>

namespace kindred {
namespace {

static_assert(std::atomic<uintptr_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

std::atomic<GuardedRange*> g_ranges = nullptr;
struct sigaction g_previous;

void PassOn(int signal, siginfo_t* info, void* context) {
  if ((g_previous.sa_flags & SA_SIGINFO) != 0) {
    g_previous.sa_sigaction(signal, info, context);
    return;
  }
  if (g_previous.sa_handler != SIG_DFL && g_previous.sa_handler != SIG_IGN) {
    g_previous.sa_handler(signal);
    return;
  }
  // A signal that somebody sent is blocked until this returns; a fault happens again when it does.
  sigaction(signal, &g_previous, nullptr);
  if (info->si_code <= 0) raise(signal);
}

void OnFault(int signal, siginfo_t* info, void* context) {
  const int error = errno;
  const bool repaired = info->si_code > 0 && GuardedRange::Repair(reinterpret_cast<uintptr_t>(info->si_addr));
  if (!repaired) PassOn(signal, info, context);
  errno = error;
}

}  // namespace

void InstallFaultGuard() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action = {};
    action.sa_sigaction = OnFault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&action.sa_mask);
    // Read first: a fault may come as soon as the handler is there.
    sigaction(SIGBUS, nullptr, &g_previous);
    sigaction(SIGBUS, &action, nullptr);
  });
}

void GuardedRange::Set(uintptr_t begin, uintptr_t end) {
  version_.fetch_add(1);
  begin_.store(begin);
  end_.store(end);
  version_.fetch_add(1);
}

GuardedRange* GuardedRange::Add(std::span<const std::byte> bytes) {
  GuardedRange* range = g_ranges.load();
  for (; range != nullptr; range = range->next_) {
    bool used = false;
    if (range->used_.compare_exchange_strong(used, true)) break;
  }
  const bool is_new = range == nullptr;
  if (is_new) range = new GuardedRange();
  range->faulted_.store(false);
  const auto begin = reinterpret_cast<uintptr_t>(bytes.data());
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  range->Set(begin, (begin + bytes.size() + page - 1) / page * page);
  if (is_new) {
    range->next_ = g_ranges.load();
    while (!g_ranges.compare_exchange_weak(range->next_, range)) {
    }
  }
  return range;
}

void GuardedRange::Remove(GuardedRange* range) {
  range->Set(0, 0);
  range->used_.store(false);
}

// All of the range at once, not the page alone: a file of a million pages would take a million faults, and as many maps
// as the system allows a process (vm.max_map_count). What is left of the file says nothing without the rest.
bool GuardedRange::Repair(uintptr_t address) {
  for (GuardedRange* range = g_ranges.load(); range != nullptr; range = range->next_) {
    const uint32_t version = range->version_.load();
    const uintptr_t begin = range->begin_.load(), end = range->end_.load();
    // Whoever reads a map holds it, so bounds that change are not those of this fault.
    if (version % 2 != 0 || range->version_.load() != version || address < begin || address >= end) continue;
    // Before there are zeros to be read. Threads that fault together do the same once more, to the same end.
    range->faulted_.store(true);
    // The bare system call: sanitizers put more than is safe here behind mmap().
    return syscall(SYS_mmap, begin, end - begin, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1,
                   0) == static_cast<long>(begin);
  }
  return false;
}

}  // namespace kindred
