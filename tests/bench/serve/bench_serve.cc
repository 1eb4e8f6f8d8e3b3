// One caller, one call at a time: Recommend and an empty Echo in turns, in one run. Prints JSON with the median over
// the rounds of each round's percentiles. Without addresses it asks an echo server of its own, to see that all of it
// works.
#include <google/protobuf/message.h>
#include <grpcpp/create_channel.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "tests/bench/serve/echo_service.h"

namespace kindred::bench {
namespace {

double Quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  return values[static_cast<size_t>(q * static_cast<double>(values.size() - 1))];
}

// A kind of call and what it took, per round.
struct Contender {
  std::function<grpc::Status(grpc::ClientContext*)> call;
  std::vector<double> p50_us, p99_us;
  uint64_t calls = 0;
};

bool RunRound(Contender* contender, int calls) {
  std::vector<double> times;
  times.reserve(calls);
  for (int i = 0; i < calls; ++i) {
    grpc::ClientContext context;
    const auto begin = std::chrono::steady_clock::now();
    const grpc::Status status = contender->call(&context);
    times.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count());
    if (!status.ok()) {
      std::fprintf(stderr, "bench_serve: %s\n", status.error_message().c_str());
      return false;
    }
  }
  contender->p50_us.push_back(Quantile(times, 0.5));
  contender->p99_us.push_back(Quantile(times, 0.99));
  contender->calls += times.size();
  return true;
}

nlohmann::json Figures(const Contender& contender) {
  return {{"p50_us", Quantile(contender.p50_us, 0.5)},
          {"p99_us", Quantile(contender.p99_us, 0.5)},
          {"calls", contender.calls}};
}

}  // namespace

int Main(int argc, char** argv) {
  CLI::App app("Latency of one caller.", "bench_serve");
  std::string echo, recommend;
  std::vector<std::string> users;
  int rounds = 1, calls = 100, warm_up = 100, items = 10;
  app.add_option("--echo", echo, "Address of bench_echo_server");
  app.add_option("--recommend", recommend, "Address of kindred-server");
  app.add_option("--user", users, "Users to ask for, in turn");
  app.add_option("--items", items, "Items to ask for");
  app.add_option("--rounds", rounds);
  app.add_option("--calls", calls, "A round");
  app.add_option("--warm-up", warm_up, "Calls before the first round");
  CLI11_PARSE(app, argc, argv);

  std::unique_ptr<EchoServer> own;
  if (echo.empty()) {
    rpc::RpcServerOptions options;
    options.listen = "127.0.0.1:0";
    own = std::make_unique<EchoServer>(options);
    const absl::Status started = own->Start();
    if (!started.ok()) {
      std::fprintf(stderr, "bench_serve: %s\n", std::string(started.message()).c_str());
      return 1;
    }
    echo = own->address();
  }
  const auto connect = [](const std::string& address) {
    return grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  };
  const auto echo_stub = EchoService::NewStub(connect(echo));
  std::unique_ptr<v1::RecommendationService::Stub> stub;

  std::vector<std::pair<std::string, Contender>> contenders(1);
  EchoResponse echo_response;
  contenders[0].first = "echo";
  contenders[0].second.call = [&](grpc::ClientContext* context) {
    return echo_stub->Echo(context, EchoRequest(), &echo_response);
  };
  v1::RecommendRequest request;
  v1::RecommendResponse response;
  size_t asked = 0;
  if (!recommend.empty()) {
    stub = v1::RecommendationService::NewStub(connect(recommend));
    request.set_page_size(items);
    contenders.emplace_back("recommend", Contender());
    contenders[1].second.call = [&](grpc::ClientContext* context) {
      if (!users.empty()) request.mutable_subject()->set_user_id(users[asked++ % users.size()]);
      const grpc::Status status = stub->Recommend(context, request, &response);
      if (status.ok() && response.items_size() != items) {
        return grpc::Status(grpc::INTERNAL, "expected " + std::to_string(items) + " items");
      }
      return status;
    };
  }
  for (auto& [name, contender] : contenders) {
    if (!RunRound(&contender, warm_up)) return 1;
    contender = Contender{contender.call, {}, {}, 0};
  }
  for (int round = 0; round < rounds; ++round) {
    for (auto& [name, contender] : contenders) {
      if (!RunRound(&contender, calls)) return 1;
    }
  }
  nlohmann::json figures;
  for (const auto& [name, contender] : contenders) figures[name] = Figures(contender);
  std::printf("%s\n", figures.dump().c_str());
  return 0;
}

}  // namespace kindred::bench

int main(int argc, char** argv) { return kindred::bench::Main(argc, argv); }
