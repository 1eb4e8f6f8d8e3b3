// The call skeleton under a real client, with handlers of its own behind a service of the API.
#include "server/rpc/rpc_server.h"

#include <gmock/gmock.h>
#include <grpcpp/create_channel.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "kindred/v1/recommendation_service.grpc.pb.h"
#include "server/limits.h"

namespace kindred::rpc {
namespace {

using Service = v1::RecommendationService;
using Raw = Service::WithRawMethod_GetProfile<Service::Service>;
using Call = UnaryCall<v1::GetProfileRequest, v1::GetProfileResponse>;

class RpcServerTest : public ::testing::Test {
 protected:
  void Serve(Call::Handler handler, RpcServerOptions options = {}) {
    options.listen = "127.0.0.1:0";
    server_ = std::make_unique<RpcServer>(options);
    server_->AddService(&raw_);
    server_->AddUnary<v1::GetProfileRequest, v1::GetProfileResponse>(
        {"kindred.v1.RecommendationService", "GetProfile"},
        [this](grpc::ServerContext* context, grpc::ByteBuffer* bytes, RawWriter* writer, grpc::CompletionQueue* calls,
               grpc::ServerCompletionQueue* notifications,
               void* tag) { raw_.RequestGetProfile(context, bytes, writer, calls, notifications, tag); },
        std::move(handler));
    const absl::Status started = server_->Start();
    ASSERT_TRUE(started.ok()) << started;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    stub_ =
        Service::NewStub(grpc::CreateCustomChannel(server_->address(), grpc::InsecureChannelCredentials(), arguments));
  }

  grpc::Status Ask(const std::string& user_id, v1::GetProfileResponse* response, int timeout_ms = 20'000) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(timeout_ms));
    v1::GetProfileRequest request;
    request.set_user_id(user_id);
    return stub_->GetProfile(&context, request, response);
  }

  // Calls that reached the handler and calls answered, over all workers.
  uint64_t Started() const {
    uint64_t sum = 0;
    for (uint32_t w = 0; w < server_->stats().workers(); ++w) sum += server_->stats().cell(0, w).started.value();
    return sum;
  }
  uint64_t Handled(int code) const {
    uint64_t sum = 0;
    for (uint32_t w = 0; w < server_->stats().workers(); ++w) sum += server_->stats().cell(0, w).handled[code].value();
    return sum;
  }
  void AwaitHandled(int code, uint64_t count) const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (Handled(code) < count && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    EXPECT_EQ(Handled(code), count);
  }

  Raw raw_;
  std::unique_ptr<RpcServer> server_;
  std::unique_ptr<Service::Stub> stub_;
};

void Echo(Call* call) {
  call->response()->set_user_id(call->request().user_id());
  call->Finish(absl::OkStatus());
}

TEST_F(RpcServerTest, AnswersMoreCallsThanItHasCallObjects) {
  RpcServerOptions options;
  options.threads = 2;
  options.calls_per_method = 1;
  Serve(Echo, options);
  for (int i = 0; i < 100; ++i) {
    v1::GetProfileResponse response;
    const grpc::Status status = Ask("user-" + std::to_string(i), &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(response.user_id(), "user-" + std::to_string(i));
  }
  AwaitHandled(0, 100);
  EXPECT_EQ(Started(), 100u);
}

TEST_F(RpcServerTest, ConcurrentCallersEachGetTheirOwnAnswer) {
  RpcServerOptions options;
  options.threads = 2;
  options.calls_per_method = 4;
  Serve(Echo, options);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&, c] {
      for (int i = 0; i < 50; ++i) {
        // Long and short in turn: what is left of another call on the same arena would show.
        const std::string id = std::to_string(c) + std::string(i % 2 == 0 ? 5000 : 1, 'a' + c) + std::to_string(i);
        v1::GetProfileResponse response;
        if (!Ask(id, &response).ok() || response.user_id() != id) ++wrong;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0);
}

TEST_F(RpcServerTest, AHandlerMayFinishLaterFromAnotherThread) {
  std::mutex mutex;
  std::vector<Call*> held;
  Serve([&](Call* call) {
    const std::lock_guard lock(mutex);
    held.push_back(call);
  });
  std::thread finisher([&] {
    for (int finished = 0; finished < 10;) {
      std::vector<Call*> ready;
      {
        const std::lock_guard lock(mutex);
        ready.swap(held);
      }
      for (Call* call : ready) {
        Echo(call);
        ++finished;
      }
      std::this_thread::yield();
    }
  });
  for (int i = 0; i < 10; ++i) {
    v1::GetProfileResponse response;
    EXPECT_TRUE(Ask(std::to_string(i), &response).ok());
    EXPECT_EQ(response.user_id(), std::to_string(i));
  }
  finisher.join();
}

TEST_F(RpcServerTest, ErrorsCarryTheirDetails) {
  Serve([](Call* call) { call->Finish(absl::NotFoundError("no such thing")); });
  v1::GetProfileResponse response;
  const grpc::Status status = Ask("x", &response);
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such thing");
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.code(), 5);
  AwaitHandled(5, 1);
}

TEST_F(RpcServerTest, AnAnswerAboveTheLimitIsAnErrorNotAClosedConnection) {
  Serve([](Call* call) {
    call->response()->set_user_id(std::string(limits::kMaxResponseBytes, 'x'));
    call->Finish(absl::OkStatus());
  });
  v1::GetProfileResponse response;
  const grpc::Status status = Ask("x", &response);
  EXPECT_EQ(status.error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("ask for fewer items"));
}

TEST_F(RpcServerTest, ARequestAboveTheLimitIsRefusedAndTheNextIsServed) {
  Serve(Echo);
  v1::GetProfileResponse response;
  EXPECT_EQ(Ask(std::string(5 << 20, 'x'), &response).error_code(), grpc::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Ask("x", &response).ok());
}

// To the server, a call's time begins when the server reads the call, which on a busy machine may be long after the
// client has given up: such a call may still be handled. One whose time is over when its turn comes must not be.
TEST_F(RpcServerTest, APassedDeadlineCostsNoWork) {
  constexpr int kTimeoutMs = 50;
  constexpr int kDeadlineExceeded = 4;
  constexpr auto kClockSlack = std::chrono::milliseconds(5);  // between the clock of the wire and the system's
  std::mutex mutex;
  std::condition_variable changed;
  bool busy = false, leave = false;
  int too_late = 0;
  std::chrono::system_clock::time_point left;
  RpcServerOptions options;
  options.threads = 1;
  Serve(
      [&](Call* call) {
        std::unique_lock lock(mutex);
        if (call->request().user_id() == "first") {
          busy = true;
          changed.notify_all();
          changed.wait(lock, [&] { return leave; });
        } else if (call->request().user_id() == "second") {
          too_late += call->deadline() + kClockSlack < left;
        }
        Echo(call);
      },
      options);
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (Handled(kDeadlineExceeded) == 0 && std::chrono::steady_clock::now() < give_up) {
    std::thread first([&] {
      v1::GetProfileResponse response;
      EXPECT_TRUE(Ask("first", &response).ok());
    });
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return busy; });
    lock.unlock();
    // The only worker is busy: this one expires in the queue.
    v1::GetProfileResponse response;
    EXPECT_EQ(Ask("second", &response, kTimeoutMs).error_code(), grpc::DEADLINE_EXCEEDED);
    std::this_thread::sleep_for(std::chrono::milliseconds(kTimeoutMs));  // the time that the server may have granted
    lock.lock();
    left = std::chrono::system_clock::now();
    leave = true;
    changed.notify_all();
    lock.unlock();
    first.join();
    EXPECT_TRUE(Ask("third", &response).ok());
    lock.lock();
    busy = leave = false;
  }
  server_->Drain(std::chrono::seconds(20));
  EXPECT_GE(Handled(kDeadlineExceeded), 1u) << "no call ever expired in the queue";
  EXPECT_EQ(too_late, 0) << "the handler saw a call whose deadline had passed";
}

TEST_F(RpcServerTest, DrainingWaitsForCallsInFlight) {
  std::promise<Call*> held;
  Serve([&](Call* call) { held.set_value(call); });
  auto answer = std::async(std::launch::async, [this] {
    v1::GetProfileResponse response;
    return Ask("slow", &response);
  });
  Call* call = held.get_future().get();
  std::thread finisher([call] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the work that this call takes
    Echo(call);
  });
  server_->Drain(std::chrono::seconds(20));
  finisher.join();
  server_->Stop();
  EXPECT_TRUE(answer.get().ok());
  v1::GetProfileResponse response;
  EXPECT_EQ(Ask("late", &response, 2000).error_code(), grpc::UNAVAILABLE);
}

TEST_F(RpcServerTest, DrainingGivesUpAfterItsTimeout) {
  std::promise<Call*> held;
  Serve([&](Call* call) { held.set_value(call); });
  auto answer = std::async(std::launch::async, [this] {
    v1::GetProfileResponse response;
    return Ask("stuck", &response);
  });
  Call* call = held.get_future().get();
  server_->Drain(std::chrono::milliseconds(10));
  EXPECT_FALSE(answer.get().ok());
  Echo(call);  // too late, but harmless
  server_->Stop();
}

TEST_F(RpcServerTest, ATakenPortIsAnErrorThatNamesIt) {
  Serve(Echo);
  RpcServerOptions options;
  options.listen = server_->address();
  RpcServer second(options);
  const absl::Status status = second.Start();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), ::testing::HasSubstr(server_->address()));
}

TEST_F(RpcServerTest, StopsWithoutHavingAnsweredAnything) {
  Serve(Echo);
  server_.reset();
}

}  // namespace
}  // namespace kindred::rpc
