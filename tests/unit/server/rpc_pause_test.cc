// Calls that wait for other threads: pausing, being resumed, and what ends meanwhile.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

#include "tests/unit/server/paused_calls.h"
#include "tests/unit/server/rpc_test_server.h"

namespace kindred::rpc {
namespace {

class RpcPauseTest : public RpcTestServer {
 protected:
  RpcPauseTest() { Kept::alive = 0; }

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

  // Pauses at the first question, and answers at the second.
  void PauseOnce(Call* call) {
    ++handled_;
    Kept* const kept = call->state<Kept>();
    if (kept->value != 0) return Echo(call);
    call->Pause();
    const std::lock_guard lock(mutex_);
    paused_.emplace_back(call, kept);
  }
  int paused() {
    const std::lock_guard lock(mutex_);
    return static_cast<int>(paused_.size());
  }
  void ResumeAll() {
    std::vector<std::pair<Call*, Kept*>> paused;
    {
      const std::lock_guard lock(mutex_);
      paused.swap(paused_);
    }
    for (const auto& [call, kept] : paused) {
      kept->value = 1;
      call->Resume();
    }
  }

  std::mutex mutex_;
  std::vector<std::pair<Call*, Kept*>> paused_;  // guarded by mutex_
  std::atomic<int> handled_{0};
};

TEST_F(RpcPauseTest, APausedCallGoesOnWithWhatItKeptWhenItIsResumed) {
  Serve([this](Call* call) { PauseOnce(call); }, NoStream);
  for (int i = 1; i <= 50; ++i) {
    const auto pending = Begin(std::to_string(i));
    EXPECT_TRUE(Await([this] { return paused() == 1; }));
    EXPECT_EQ(handled_, 2 * i - 1);
    ResumeAll();
    EXPECT_TRUE(pending->status.get().ok());
    EXPECT_EQ(pending->response.user_id(), std::to_string(i));
    EXPECT_EQ(handled_, 2 * i);
    EXPECT_EQ(Kept::alive, 0) << "gone when the call finishes";
  }
}

TEST_F(RpcPauseTest, ACallMayBeResumedBeforeItsHandlerReturns) {
  std::atomic<int> inside{0}, most{0};
  Serve(
      [&](Call* call) {
        most = std::max(most.load(), ++inside);
        Kept* const kept = call->state<Kept>();
        if (++kept->value <= 20) {
          call->Pause();
          std::thread([call] { call->Resume(); }).join();
          --inside;
          return;
        }
        --inside;
        Echo(call);
      },
      NoStream);
  for (int i = 0; i < 5; ++i) {
    v1::GetProfileResponse response;
    EXPECT_TRUE(Ask("x", &response).ok());
  }
  EXPECT_EQ(most, 1) << "a handler was called again before it had returned";
}

TEST_F(RpcPauseTest, OthersAreAnsweredWhileCallsArePaused) {
  Serve(
      [this](Call* call) {
        if (call->request().user_id() == "short") return Echo(call);
        PauseOnce(call);
      },
      NoStream);
  const auto pending = Begin("long");
  EXPECT_TRUE(Await([this] { return paused() == 1; }));
  for (int i = 0; i < 100; ++i) {
    v1::GetProfileResponse response;
    ASSERT_TRUE(Ask("short", &response).ok());
  }
  ResumeAll();
  EXPECT_TRUE(pending->status.get().ok());
}

TEST_F(RpcPauseTest, ACancelledCallEndsWhenItIsResumedAndNotBefore) {
  Serve([this](Call* call) { PauseOnce(call); }, NoStream, OneThread(1));
  for (int i = 1; i <= 10; ++i) {
    const auto pending = Begin("x", i % 2 == 0 ? 50 : 20'000);
    EXPECT_TRUE(Await([this] { return paused() == 1; }));
    if (i % 2 != 0) pending->context.TryCancel();
    EXPECT_FALSE(pending->status.get().ok());
    EXPECT_TRUE(Await([this] {
      const std::lock_guard lock(mutex_);
      return !paused_[0].first->Standing().ok();
    }));
    EXPECT_EQ(Handled(kUnary, grpc::CANCELLED) + Handled(kUnary, grpc::DEADLINE_EXCEEDED), uint64_t(i - 1));
    EXPECT_EQ(Kept::alive, 1) << "others write into it";
    ResumeAll();
    EXPECT_TRUE(Await(
        [&] { return Handled(kUnary, grpc::CANCELLED) + Handled(kUnary, grpc::DEADLINE_EXCEEDED) == uint64_t(i); }));
    EXPECT_EQ(handled_, i) << "it was gone on with";
    EXPECT_EQ(Kept::alive, 0);
  }
}

TEST_F(RpcPauseTest, TheServerStopsWhenPausedCallsAreResumed) {
  for (const bool streams : {false, true}) {
    class Waiting final : public Source {
     public:
      Waiting(Stream* call, std::atomic<Stream*>* paused) : call_(call), paused_(paused) {}
      absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
        call_->Pause();
        *paused_ = call_;
        return StreamStep::kWait;
      }

     private:
      Stream* const call_;
      std::atomic<Stream*>* const paused_;
      Kept kept_;
    };
    std::atomic<Stream*> stream{nullptr};
    Serve([this](Call* call) { PauseOnce(call); },
          [&](Stream* call) -> absl::StatusOr<std::unique_ptr<Source>> {
            return std::make_unique<Waiting>(call, &stream);
          });
    const int before = handled_;
    std::unique_ptr<Pending> pending;
    grpc::ClientContext context;
    std::unique_ptr<grpc::ClientReader<v1::StreamRecommendResponse>> reader;
    if (streams) {
      reader = stub_->StreamRecommend(&context, v1::StreamRecommendRequest());
      EXPECT_TRUE(Await([&] { return stream != nullptr; }));
    } else {
      pending = Begin("x");
      EXPECT_TRUE(Await([this] { return paused() == 1; }));
    }
    server_->Drain(std::chrono::milliseconds(10));
    auto stopped = std::async(std::launch::async, [this] { server_->Stop(); });
    // The caller hears of it before the server is down.
    v1::StreamRecommendResponse message;
    if (streams) {
      EXPECT_FALSE(reader->Read(&message));
      EXPECT_FALSE(reader->Finish().ok());
    } else {
      EXPECT_FALSE(pending->status.get().ok());
    }
    EXPECT_EQ(Kept::alive, 1);
    EXPECT_NE(stopped.wait_for(std::chrono::milliseconds(0)), std::future_status::ready);
    if (streams) stream.load()->Resume();
    ResumeAll();
    stopped.get();
    EXPECT_EQ(handled_, before + (streams ? 0 : 1)) << "gone on with";
    EXPECT_EQ(Kept::alive, 0);
  }
}

TEST_F(RpcPauseTest, ADrainWaitsForPausedCalls) {
  Serve(
      [this](Call* call) {
        if (call->request().user_id() == "next") return Echo(call);
        PauseOnce(call);
      },
      NoStream);
  const auto pending = Begin("x");
  EXPECT_TRUE(Await([this] { return paused() == 1; }));
  auto drained = std::async(std::launch::async, [this] { server_->Drain(std::chrono::seconds(20)); });
  EXPECT_TRUE(Await([this] {
    v1::GetProfileResponse response;
    return Ask("next", &response).error_code() == grpc::UNAVAILABLE;
  }));
  ResumeAll();
  EXPECT_TRUE(pending->status.get().ok());
  drained.get();
}

}  // namespace
}  // namespace kindred::rpc
