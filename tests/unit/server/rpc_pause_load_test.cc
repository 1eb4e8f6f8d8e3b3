// Paused calls in great number, at random, of streams, and without a network.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <thread>
#include <vector>

#include "tests/unit/server/paused_calls.h"
#include "tests/unit/server/rpc_test_server.h"

namespace kindred::rpc {
namespace {

class RpcPauseLoadTest : public RpcTestServer {
 protected:
  RpcPauseLoadTest() { Kept::alive = 0; }
};

TEST_F(RpcPauseLoadTest, ThousandsOfPausedCallsAreResumedByManyThreads) {
  constexpr int kCalls = 4'000, kPauses = 3;
  Others others(4);
  std::atomic<int> waiting{0};
  std::promise<void> all_paused;
  const std::shared_future<void> may_resume = all_paused.get_future().share();
  RpcServerOptions options = OneThread(kCalls);
  options.threads = 2;
  options.max_concurrent_streams = 2 * kCalls;
  Serve(
      [&](Call* call) {
        Kept* const kept = call->state<Kept>();
        if (kept->value == kPauses) return Echo(call);
        call->Pause();
        if (kept->value == 0 && ++waiting == kCalls) all_paused.set_value();
        others.Do([call, kept, may_resume] {
          may_resume.wait();
          ++kept->value;
          call->Resume();
        });
      },
      NoStream, options);
  struct Asked {
    grpc::ClientContext context;
    v1::GetProfileResponse response;
    grpc::Status status;
    std::unique_ptr<grpc::ClientAsyncResponseReader<v1::GetProfileResponse>> reader;
  };
  std::vector<std::unique_ptr<Service::Stub>> stubs;
  for (int s = 0; s < 4; ++s) stubs.push_back(Connect());
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<Asked>> calls;
  for (int i = 0; i < kCalls; ++i) {
    calls.push_back(std::make_unique<Asked>());
    Asked* const asked = calls.back().get();
    SetTimeout(&asked->context, 60'000);
    v1::GetProfileRequest request;
    request.set_user_id(std::to_string(i));
    asked->reader = stubs[i % 4]->AsyncGetProfile(&asked->context, request, &queue);
    asked->reader->Finish(&asked->response, &asked->status, asked);
  }
  int good = 0;
  void* tag = nullptr;
  bool ok = false;
  for (int i = 0; i < kCalls && queue.Next(&tag, &ok); ++i) good += static_cast<Asked*>(tag)->status.ok();
  queue.Shutdown();
  while (queue.Next(&tag, &ok)) {
  }
  EXPECT_EQ(good, kCalls);
  for (int i = 0; i < kCalls; ++i) EXPECT_EQ(calls[i]->response.user_id(), std::to_string(i));
  EXPECT_TRUE(AwaitHandled(kUnary, grpc::OK, kCalls));
  EXPECT_EQ(Kept::alive, 0);
  server_.reset();
}

TEST_F(RpcPauseLoadTest, PausedCallsOfCallersWhoCancelAtRandom) {
  Others others(3);
  RpcServerOptions options = OneThread(3);
  options.threads = 2;
  Serve(
      [&](Call* call) {
        Kept* const kept = call->state<Kept>();
        if (++kept->value == 10) return Echo(call);
        call->Pause();
        others.Do([call] { call->Resume(); });
      },
      NoStream, options);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&, c] {
      const auto stub = Connect();
      for (int i = 0; i < 200; ++i) {
        grpc::ClientContext context;
        SetTimeout(&context);
        v1::GetProfileRequest request;
        v1::GetProfileResponse response;
        request.set_user_id(std::to_string(c * 1000 + i));
        std::thread canceller;
        if (i % 3 == 0) canceller = std::thread([&context] { context.TryCancel(); });
        const grpc::Status status = stub->GetProfile(&context, request, &response);
        if (canceller.joinable()) canceller.join();
        wrong += !(status.ok() ? response.user_id() == request.user_id()
                               : i % 3 == 0 && status.error_code() == grpc::CANCELLED);
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(
      Await([this] { return Handled(kUnary, grpc::OK) + Handled(kUnary, grpc::CANCELLED) == Started(kUnary); }));
  EXPECT_EQ(Kept::alive, 0);
  server_.reset();
}

// Waits before each message, for a thread that fills in what it says.
class Fed final : public MessageSource<v1::StreamRecommendResponse> {
 public:
  Fed(Call* call, Others* others, int messages) : call_(call), others_(others), messages_(messages) {}
  absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
    if (next_ == messages_) return StreamStep::kEnd;
    if (fed_ == next_) {
      call_->Pause();
      others_->Do([this] {
        fed_ = next_ + 1;
        call_->Resume();
      });
      return StreamStep::kWait;
    }
    response->set_first(next_++);
    return StreamStep::kMessage;
  }

 private:
  Call* const call_;
  Others* const others_;
  const int messages_;
  int next_ = 0, fed_ = 0;
  Kept kept_;
};

TEST_F(RpcPauseLoadTest, AStreamWaitsForItsMessages) {
  Others others(2);
  Serve(Echo, [&](Stream* call) -> absl::StatusOr<std::unique_ptr<Source>> {
    return std::make_unique<Fed>(call, &others, 2'000);
  });
  for (const bool whole : {true, false, true}) {
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, v1::StreamRecommendRequest());
    v1::StreamRecommendResponse message;
    int count = 0;
    while ((whole || count < 7) && reader->Read(&message)) EXPECT_EQ(message.first(), count++);
    if (!whole) context.TryCancel();
    while (reader->Read(&message)) {
    }
    EXPECT_EQ(reader->Finish().error_code(), whole ? grpc::OK : grpc::CANCELLED);
    EXPECT_TRUE(!whole || count == 2'000) << count;
    EXPECT_TRUE(Await([] { return Kept::alive == 0; }));
  }
  server_.reset();
}

TEST_F(RpcPauseLoadTest, LocalCallsPauseToo) {
  Others others(2);
  Make(
      [&](Call* call) {
        Kept* const kept = call->state<Kept>();
        if (kept->value == 5) return Echo(call);
        call->Pause();
        others.Do([call, kept] {
          ++kept->value;
          call->Resume();
        });
      },
      [&](Stream* call) -> absl::StatusOr<std::unique_ptr<Source>> { return std::make_unique<Fed>(call, &others, 20); },
      {});
  std::vector<std::string> responses;
  v1::GetProfileRequest request;
  request.set_user_id("x");
  const auto run = [&](std::string_view method, const google::protobuf::Message& message) {
    return server_->RunLocally("kindred.v1.RecommendationService", method, message.SerializeAsString(), &responses);
  };
  EXPECT_TRUE(run("GetProfile", request).ok());
  EXPECT_EQ(responses.size(), 1u);
  EXPECT_TRUE(run("StreamRecommend", v1::StreamRecommendRequest()).ok());
  EXPECT_EQ(responses.size(), 21u);
  EXPECT_EQ(Kept::alive, 0);
}

}  // namespace
}  // namespace kindred::rpc
