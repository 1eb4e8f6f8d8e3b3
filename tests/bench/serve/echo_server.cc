// Serves EchoService until SIGTERM. Prints the ready line of kindred-server.
#include <cstdio>
#include <cstdlib>

#include "server/signals.h"
#include "tests/bench/serve/echo_service.h"

int main(int argc, char** argv) {
  kindred::BlockSignals();
  kindred::rpc::RpcServerOptions options;
  options.listen = "127.0.0.1:0";
  options.threads = argc > 1 ? static_cast<uint32_t>(std::atoi(argv[1])) : 1;
  kindred::bench::EchoServer server(options);
  const absl::Status started = server.Start();
  if (!started.ok()) {
    std::fprintf(stderr, "bench_echo_server: %s\n", std::string(started.message()).c_str());
    return 1;
  }
  std::printf("bench_echo_server ready: grpc=%s\n", server.address().c_str());
  std::fflush(stdout);
  kindred::WaitForStopSignal([] {});
  return 0;
}
