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

}  // namespace

void BlockStopSignals() {
  const sigset_t set = StopSignals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGXFSZ, SIG_IGN);
}

std::string WaitForStopSignal() {
  const sigset_t set = StopSignals();
  int number = 0;
  while (sigwait(&set, &number) != 0) continue;
  struct sigaction at_once = {};
  at_once.sa_handler = [](int second) { _exit(128 + second); };
  sigaction(SIGTERM, &at_once, nullptr);
  sigaction(SIGINT, &at_once, nullptr);
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
  return number == SIGTERM ? "SIGTERM" : "SIGINT";
}

}  // namespace kindred
