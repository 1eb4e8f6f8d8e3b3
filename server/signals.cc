#include "server/signals.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace kindred {
namespace {

sigset_t StopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

sigset_t AllSignals() {
  sigset_t set = StopSignals();
  sigaddset(&set, SIGHUP);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = AllSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

bool StopSignalWaits() {
  sigset_t waiting;
  sigemptyset(&waiting);
  sigpending(&waiting);
  return sigismember(&waiting, SIGTERM) == 1 || sigismember(&waiting, SIGINT) == 1;
}

std::string WaitForStopSignal(const std::function<void()>& on_hangup) {
  const sigset_t all = AllSignals();
  int number = 0;
  while (sigwait(&all, &number) != 0 || number == SIGHUP) {
    if (number == SIGHUP) on_hangup();
    number = 0;
  }
  struct sigaction at_once = {};
  at_once.sa_handler = [](int second) { _exit(128 + second); };
  sigaction(SIGTERM, &at_once, nullptr);
  sigaction(SIGINT, &at_once, nullptr);
  const sigset_t stop = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &stop, nullptr);
  return number == SIGTERM ? "SIGTERM" : "SIGINT";
}

}  // namespace kindred
