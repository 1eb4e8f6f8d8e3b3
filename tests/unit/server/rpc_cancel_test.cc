// What becomes of calls that nobody waits for any more, and of long work: noticing, resting, going on.
#include <gmock/gmock.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/unit/server/rpc_test_server.h"

namespace kindred::rpc {
namespace {

class RpcCancelTest : public RpcTestServer {
 protected:
  // Works until it is told to stop, and says how that ended.
  static void Work(Call* call) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    WorkBudget budget = call->budget(16);
    while (!budget.should_stop() && std::chrono::steady_clock::now() < give_up) {
    }
    call->Finish(call->Standing());
  }

  // A call in a thread of its own, to be cancelled.
  struct Pending {
    grpc::ClientContext context;
    v1::GetProfileResponse response;
    std::future<grpc::Status> status;
  };
  std::unique_ptr<Pending> Begin(const std::string& user_id, int timeout_ms = 20'000) {
    auto pending = std::make_unique<Pending>();
    SetTimeout(&pending->context, timeout_ms);
    pending->status = std::async(std::launch::async, [this, user_id, call = pending.get()] {
      v1::GetProfileRequest request;
      request.set_user_id(user_id);
      return stub_->GetProfile(&call->context, request, &call->response);
    });
    return pending;
  }
};

TEST_F(RpcCancelTest, WorkOnTheOnlyThreadNoticesThatItsCallerCancelled) {
  std::atomic<int> working{0};
  Serve(
      [&](Call* call) {
        ++working;
        Work(call);
      },
      NoStream, OneThread(1));
  for (int i = 1; i <= 20; ++i) {
    const auto call = Begin("x");
    ASSERT_TRUE(Await([&] { return working == i; }));
    call->context.TryCancel();
    EXPECT_EQ(call->status.get().error_code(), grpc::CANCELLED);
  }
  EXPECT_TRUE(AwaitHandled(kUnary, grpc::CANCELLED, 20));
}

TEST_F(RpcCancelTest, WorkStopsAtItsDeadline) {
  Serve(Work, NoStream, OneThread(1));
  for (int i = 0; i < 5; ++i) {
    v1::GetProfileResponse response;
    EXPECT_EQ(Ask("x", &response, 50).error_code(), grpc::DEADLINE_EXCEEDED);
  }
  // The server may hear that the client hung up before its own clock says so.
  EXPECT_TRUE(Await([this] {
    return Handled(kUnary, grpc::DEADLINE_EXCEEDED) + Handled(kUnary, grpc::CANCELLED) == Started(kUnary);
  }));
}

TEST_F(RpcCancelTest, WorkInAnotherThreadNoticesToo) {
  std::promise<Call*> given;
  Serve([&](Call* call) { given.set_value(call); }, NoStream);
  const auto pending = Begin("x");
  Call* call = given.get_future().get();
  EXPECT_FALSE(call->cancelled());
  EXPECT_FALSE(call->expired());
  EXPECT_TRUE(call->Standing().ok());
  pending->context.TryCancel();
  EXPECT_EQ(pending->status.get().error_code(), grpc::CANCELLED);
  EXPECT_TRUE(Await([call] { return call->cancelled(); }));
  EXPECT_EQ(call->Standing().code(), absl::StatusCode::kCancelled);
  call->Finish(call->Standing());
  EXPECT_TRUE(AwaitHandled(kUnary, grpc::CANCELLED, 1));
}

TEST_F(RpcCancelTest, AnAnswerToACancelledCallIsHarmlessAndTheCallIsUsedAgain) {
  std::mutex mutex;
  std::condition_variable changed;
  Call* held = nullptr;
  Serve(
      [&](Call* call) {
        if (call->request().user_id() != "hold") return Echo(call);
        const std::lock_guard lock(mutex);
        held = call;
        changed.notify_all();
      },
      NoStream, OneThread(1));
  for (int i = 0; i < 20; ++i) {
    const auto pending = Begin("hold");
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return held != nullptr; });
    Call* const call = std::exchange(held, nullptr);
    lock.unlock();
    // Either order of the answer and the cancellation.
    if (i % 2 == 0) {
      pending->context.TryCancel();
      EXPECT_TRUE(Await([call] { return call->cancelled(); }));
      Echo(call);
    } else {
      Echo(call);
      pending->context.TryCancel();
    }
    pending->status.get();
    v1::GetProfileResponse response;
    EXPECT_TRUE(Ask("next", &response).ok());
    EXPECT_EQ(response.user_id(), "next");
  }
}

TEST_F(RpcCancelTest, ACallThatIsCancelledWhileItWaitsIsNotHandled) {
  std::mutex mutex;
  std::condition_variable changed;
  bool busy = false, leave = false;
  std::atomic<int> second{0};
  Serve(
      [&](Call* call) {
        if (call->request().user_id() == "second") ++second;
        if (call->request().user_id() == "first") {
          {
            const std::lock_guard lock(mutex);
            busy = true;
            changed.notify_all();
          }
          // Looks at the queue, and so takes what comes in, until it may leave.
          const auto may_leave = [&] {
            const std::lock_guard lock(mutex);
            return leave;
          };
          while (!call->ShouldStop() && !may_leave()) {
          }
        }
        Echo(call);
      },
      NoStream, OneThread(4));
  const bool refused = Await([&] {
    const auto first = Begin("first");
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return busy; });
    lock.unlock();
    const auto waiting = Begin("second");
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // what it takes to get there, mostly
    waiting->context.TryCancel();
    waiting->status.get();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    lock.lock();
    leave = true;
    lock.unlock();
    EXPECT_TRUE(first->status.get().ok());
    lock.lock();
    busy = leave = false;
    return Handled(kUnary, grpc::CANCELLED) > 0;
  });
  EXPECT_TRUE(refused) << "no call was ever cancelled in the queue";
  EXPECT_TRUE(
      Await([this] { return Handled(kUnary, grpc::CANCELLED) + Handled(kUnary, grpc::OK) == Started(kUnary); }));
}

TEST_F(RpcCancelTest, LongWorkGoesOnStepByStepWhileOthersAreAnswered) {
  struct Progress {
    int steps = 0;
    std::vector<int> seen;
  };
  std::atomic<bool> enough{false};
  std::atomic<int> steps{0};
  Serve(
      [&](Call* call) {
        if (call->request().user_id() != "long") return Echo(call);
        auto* progress = call->state<Progress>();
        progress->seen.push_back(progress->steps++);
        ++steps;
        if (!enough) return call->Again();
        EXPECT_EQ(progress->seen.size(), static_cast<size_t>(progress->steps));
        EXPECT_EQ(progress->seen.back(), progress->steps - 1);
        Echo(call);
      },
      NoStream, OneThread(2));
  for (int round = 0; round < 2; ++round) {
    enough = false;
    const int before = steps;
    const auto pending = Begin("long");
    EXPECT_TRUE(Await([&] { return steps > before; }));
    for (int i = 0; i < 100; ++i) {
      v1::GetProfileResponse response;
      ASSERT_TRUE(Ask("short", &response).ok());
    }
    enough = true;
    EXPECT_TRUE(pending->status.get().ok());
    EXPECT_EQ(pending->response.user_id(), "long");
    EXPECT_GT(steps, before + 1);
  }
}

TEST_F(RpcCancelTest, LongWorkThatIsCancelledIsNotGoneOnWith) {
  std::atomic<int> steps{0};
  Serve(
      [&](Call* call) {
        ++steps;
        call->Again();
      },
      NoStream, OneThread(1));
  for (int i = 1; i <= 10; ++i) {
    const int before = steps;
    const auto pending = Begin("x", i % 2 == 0 ? 50 : 20'000);
    EXPECT_TRUE(Await([&] { return steps > before; }));
    if (i % 2 != 0) pending->context.TryCancel();
    EXPECT_FALSE(pending->status.get().ok());
    EXPECT_TRUE(Await([&] {
      return Handled(kUnary, grpc::CANCELLED) + Handled(kUnary, grpc::DEADLINE_EXCEEDED) == Started(kUnary);
    }));
  }
}

TEST_F(RpcCancelTest, ARestIsDueAfterAMillisecond) {
  Serve(
      [](Call* call) {
        EXPECT_TRUE(Await([call] { return call->ShouldRest(); }));
        Echo(call);
      },
      NoStream);
  v1::GetProfileResponse response;
  EXPECT_TRUE(Ask("x", &response).ok());
}

TEST_F(RpcCancelTest, TheServerStopsInTheMiddleOfLongWork) {
  std::atomic<int> steps{0};
  Serve(
      [&](Call* call) {
        ++steps;
        call->Again();
      },
      NoStream);
  const auto pending = Begin("x");
  EXPECT_TRUE(Await([&] { return steps > 10; }));
  server_->Drain(std::chrono::milliseconds(10));
  server_->Stop();
  EXPECT_FALSE(pending->status.get().ok());
}

TEST_F(RpcCancelTest, ManyCallersCancelAtRandom) {
  RpcServerOptions options;
  options.threads = 2;
  options.calls_per_method = 3;
  Serve(
      [](Call* call) {
        if (call->state<int>() != nullptr && ++*call->state<int>() < 20) return call->Again();
        Echo(call);
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
        const bool as_it_should = status.ok() ? response.user_id() == request.user_id()
                                              : i % 3 == 0 && status.error_code() == grpc::CANCELLED;
        wrong += !as_it_should;
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_TRUE(
      Await([this] { return Handled(kUnary, grpc::OK) + Handled(kUnary, grpc::CANCELLED) == Started(kUnary); }));
}

}  // namespace
}  // namespace kindred::rpc
