// Streams of the call skeleton: order, slow readers, cancellation, deadlines, draining.
#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <limits>
#include <thread>
#include <vector>

#include "google/rpc/status.pb.h"
#include "server/limits.h"
#include "tests/unit/server/rpc_test_server.h"

namespace kindred::rpc {
namespace {

// Counts 0, 1, … in `first`, `messages` of them, or without end; every message has `bytes` of ballast. Steps of kAgain
// in between as `rests` says. Counts those that live.
class Counting final : public MessageSource<v1::StreamRecommendResponse> {
 public:
  static constexpr int kEndless = -1;

  struct Shape {
    int messages = 0;
    size_t bytes = 0;
    int rests = 0;  // before each message
  };

  Counting(Shape shape, std::atomic<int>* made, std::atomic<int>* alive) : shape_(shape), made_(made), alive_(alive) {
    ++*alive_;
  }
  ~Counting() override { --*alive_; }

  absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
    if (rested_++ < shape_.rests) return StreamStep::kAgain;
    rested_ = 0;
    if (next_ == shape_.messages) return StreamStep::kEnd;
    response->set_first(next_++);
    if (shape_.bytes > 0) {
      response->add_results()->mutable_response()->set_model(std::string(shape_.bytes, 'x'));
    }
    ++*made_;
    return StreamStep::kMessage;
  }

 private:
  const Shape shape_;
  std::atomic<int>* const made_;
  std::atomic<int>* const alive_;
  int next_ = 0;
  int rested_ = 0;
};

class RpcStreamTest : public RpcTestServer {
 protected:
  Stream::Handler Count(Counting::Shape shape) {
    return [this, shape](Stream*) -> absl::StatusOr<std::unique_ptr<Source>> {
      return std::make_unique<Counting>(shape, &made_, &alive_);
    };
  }
  void ServeCounting(Counting::Shape shape, RpcServerOptions options = OneThread()) {
    Serve(Echo, Count(shape), std::move(options));
  }

  // Reads up to `most` messages, each of which must be the next number.
  static int Read(grpc::ClientReader<v1::StreamRecommendResponse>* reader, int most, int first = 0) {
    v1::StreamRecommendResponse response;
    int count = 0;
    while (count < most && reader->Read(&response)) {
      EXPECT_EQ(response.first(), first + count);
      ++count;
    }
    return count;
  }

  std::atomic<int> made_{0}, alive_{0};
  const v1::StreamRecommendRequest request_;
};

TEST_F(RpcStreamTest, ThousandsOfMessagesArriveInTheirOrder) {
  ServeCounting({.messages = 5000, .bytes = 100});
  for (int call = 0; call < 3; ++call) {
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, request_);
    EXPECT_EQ(Read(&*reader, 10'000), 5000);
    const grpc::Status status = reader->Finish();
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  EXPECT_TRUE(AwaitHandled(kStream, grpc::OK, 3));
  EXPECT_EQ(Started(kStream), 3u);
  EXPECT_EQ(alive_.load(), 0);
}

TEST_F(RpcStreamTest, MoreCallsThanCallObjects) {
  ServeCounting({.messages = 20}, OneThread(1));
  std::vector<std::thread> callers;
  std::atomic<int> good{0};
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 10; ++i) {
        grpc::ClientContext context;
        SetTimeout(&context);
        const auto reader = stub_->StreamRecommend(&context, request_);
        good += Read(&*reader, 100) == 20 && reader->Finish().ok();
      }
    });
  }
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(good.load(), 40);
}

TEST_F(RpcStreamTest, NoMessageAtAllIsAnAnswer) {
  ServeCounting({.messages = 0});
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 0);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(RpcStreamTest, ASourceThatCannotBeMadeIsTheAnswer) {
  Serve(Echo, NoStream);
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 0);
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::NOT_FOUND);
  google::rpc::Status details;
  ASSERT_TRUE(details.ParseFromString(status.error_details()));
  EXPECT_EQ(details.message(), "no stream here");
  EXPECT_TRUE(AwaitHandled(kStream, grpc::NOT_FOUND, 1));
}

TEST_F(RpcStreamTest, AnErrorInTheMiddleEndsWhatCameBefore) {
  class Failing final : public Source {
   public:
    absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
      if (next_ == 7) return absl::DataLossError("gone");
      response->set_first(next_++);
      return StreamStep::kMessage;
    }

   private:
    int next_ = 0;
  };
  Serve(Echo, [](Stream*) -> absl::StatusOr<std::unique_ptr<Source>> { return std::make_unique<Failing>(); });
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 100), 7);
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::DATA_LOSS);
  EXPECT_EQ(status.error_message(), "gone");
}

TEST_F(RpcStreamTest, AMessageAboveTheLimitEndsTheStreamWithAnError) {
  ServeCounting({.messages = 1, .bytes = limits::kMaxResponseBytes});
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 0);
  EXPECT_EQ(reader->Finish().error_code(), grpc::RESOURCE_EXHAUSTED);
}

TEST_F(RpcStreamTest, AMalformedRequestNamesTheField) {
  ServeCounting({.messages = 1});
  grpc::ClientContext context;
  SetTimeout(&context);
  v1::StreamRecommendRequest request;
  request.mutable_request()->set_model("\xff");
  const auto reader = stub_->StreamRecommend(&context, request);
  EXPECT_EQ(Read(&*reader, 1), 0);
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), ::testing::HasSubstr("request.model is not valid UTF-8"));
}

TEST_F(RpcStreamTest, ASlowReaderSlowsTheSourceAndNobodyElse) {
  constexpr int kMessages = 1000;
  ServeCounting({.messages = kMessages, .bytes = 200 << 10});
  grpc::ClientContext context;
  SetTimeout(&context, 120'000);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 1);
  // On the same worker, of another client, while nobody reads the stream.
  stub_ = Connect();
  for (int i = 0; i < 200; ++i) {
    v1::GetProfileResponse response;
    ASSERT_TRUE(Ask("x", &response).ok());
  }
  EXPECT_LT(made_.load(), kMessages / 2) << "the source ran ahead of its reader";
  EXPECT_EQ(Read(&*reader, kMessages, 1), kMessages - 1);
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(RpcStreamTest, OthersAreAnsweredBetweenTwoMessagesAndTwoSteps) {
  for (const int rests : {0, 3}) {
    ServeCounting({.messages = Counting::kEndless, .rests = rests});
    grpc::ClientContext context;
    SetTimeout(&context, 120'000);
    const auto reader = stub_->StreamRecommend(&context, request_);
    std::thread reading([&] { Read(&*reader, 1 << 30); });
    for (int i = 0; i < 100; ++i) {
      v1::GetProfileResponse response;
      ASSERT_TRUE(Ask("x", &response).ok());
    }
    context.TryCancel();
    reading.join();
    EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
    EXPECT_TRUE(AwaitHandled(kStream, grpc::CANCELLED, 1));
  }
}

TEST_F(RpcStreamTest, ACallerThatCancelsEndsTheWorkAndTheCallIsUsedAgain) {
  ServeCounting({.messages = Counting::kEndless, .bytes = 1000}, OneThread(1));
  for (int call = 0; call < 20; ++call) {
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, request_);
    EXPECT_EQ(Read(&*reader, 1 + call % 5), 1 + call % 5);
    context.TryCancel();
    EXPECT_EQ(reader->Finish().error_code(), grpc::CANCELLED);
  }
  EXPECT_TRUE(AwaitHandled(kStream, grpc::CANCELLED, 20));
  EXPECT_TRUE(Await([this] { return alive_ == 0; }));
}

TEST_F(RpcStreamTest, ACallerThatGoesAwayEndsTheWork) {
  ServeCounting({.messages = Counting::kEndless, .bytes = 10'000});
  {
    const auto other = Connect();
    grpc::ClientContext context;
    const auto reader = other->StreamRecommend(&context, request_);
    EXPECT_EQ(Read(&*reader, 2), 2);
    context.TryCancel();  // a ClientReader must be finished or cancelled before it goes
  }
  EXPECT_TRUE(AwaitHandled(kStream, grpc::CANCELLED, 1));
  EXPECT_TRUE(Await([this] { return alive_ == 0; }));
}

TEST_F(RpcStreamTest, AStreamThatNobodyReadsEndsWithItsConnection) {
  RpcServerOptions options = OneThread();
  options.max_connection_age = options.max_connection_grace = std::chrono::milliseconds(100);
  ServeCounting({.messages = Counting::kEndless, .bytes = 100'000}, std::move(options));
  grpc::ClientContext context;
  SetTimeout(&context, 60'000);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 1);
  EXPECT_TRUE(Await([this] { return alive_ == 0; }));
  Read(&*reader, std::numeric_limits<int>::max(), 1);
  EXPECT_EQ(reader->Finish().error_code(), grpc::UNAVAILABLE);
  // Calls that come later have a new connection.
  v1::GetProfileResponse response;
  const grpc::Status status = Ask("u", &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(RpcStreamTest, ADeadlineInTheMiddleEndsTheWork) {
  // Sources that send without end, that never send, and that send what is not read.
  for (const Counting::Shape shape : {Counting::Shape{.messages = Counting::kEndless},
                                      Counting::Shape{.messages = Counting::kEndless, .rests = 1 << 30},
                                      Counting::Shape{.messages = Counting::kEndless, .bytes = 1 << 20}}) {
    ServeCounting(shape);
    grpc::ClientContext context;
    SetTimeout(&context, 100);
    const auto reader = stub_->StreamRecommend(&context, request_);
    if (shape.bytes == 0) Read(&*reader, 1 << 30);
    EXPECT_EQ(reader->Finish().error_code(), grpc::DEADLINE_EXCEEDED);
    // What the server saw first: the time that passed, or the client that hung up at its own.
    EXPECT_TRUE(Await([&] {
      return Handled(kStream, grpc::DEADLINE_EXCEEDED) + Handled(kStream, grpc::CANCELLED) == 1 && alive_ == 0;
    }));
  }
}

TEST_F(RpcStreamTest, DrainingLetsAStreamGoOn) {
  std::atomic<bool> draining{false};
  class Waiting final : public Source {
   public:
    Waiting(const std::atomic<bool>* draining, std::atomic<int>* alive) : draining_(draining), alive_(alive) {
      ++*alive_;
    }
    ~Waiting() override { --*alive_; }
    absl::StatusOr<StreamStep> Next(v1::StreamRecommendResponse* response) override {
      if (next_ == 1 && !draining_->load()) return StreamStep::kAgain;
      if (next_ == 500) return StreamStep::kEnd;
      response->set_first(next_++);
      return StreamStep::kMessage;
    }

   private:
    const std::atomic<bool>* const draining_;
    std::atomic<int>* const alive_;
    int next_ = 0;
  };
  Serve(Echo, [&](Stream*) -> absl::StatusOr<std::unique_ptr<Source>> {
    return std::make_unique<Waiting>(&draining, &alive_);
  });
  grpc::ClientContext context;
  SetTimeout(&context);
  const auto reader = stub_->StreamRecommend(&context, request_);
  EXPECT_EQ(Read(&*reader, 1), 1);
  auto drained = std::async(std::launch::async, [this] { server_->Drain(std::chrono::seconds(20)); });
  EXPECT_TRUE(Await([this] {
    v1::GetProfileResponse response;
    return Ask("x", &response).error_code() == grpc::UNAVAILABLE;
  }));
  draining = true;
  EXPECT_EQ(Read(&*reader, 1000, 1), 499);
  EXPECT_TRUE(reader->Finish().ok());
  drained.get();
  server_->Stop();
  EXPECT_EQ(alive_.load(), 0);
}

TEST_F(RpcStreamTest, DrainingGivesUpStreamsAfterItsTimeout) {
  // One with a reader, one without, one that never sends.
  for (const Counting::Shape shape : {Counting::Shape{.messages = Counting::kEndless},
                                      Counting::Shape{.messages = Counting::kEndless, .bytes = 1 << 20},
                                      Counting::Shape{.messages = Counting::kEndless, .rests = 1 << 30}}) {
    ServeCounting(shape);
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, request_);
    std::thread reading;
    if (shape.bytes == 0) reading = std::thread([&] { Read(&*reader, 1 << 30); });
    EXPECT_TRUE(Await([this] { return alive_ == 1; }));
    server_->Drain(std::chrono::milliseconds(10));
    server_->Stop();
    EXPECT_EQ(alive_.load(), 0);
    if (reading.joinable()) reading.join();
    Read(&*reader, 1 << 30);  // a client hears of the end when it has read what came before
    EXPECT_FALSE(reader->Finish().ok());
  }
}

TEST_F(RpcStreamTest, NewStreamsAreRefusedWhileDraining) {
  std::promise<Call*> held;
  Serve([&](Call* call) { held.set_value(call); }, Count({.messages = 1}));
  auto answer = std::async(std::launch::async, [this] {
    v1::GetProfileResponse response;
    return Ask("slow", &response);
  });
  Call* call = held.get_future().get();
  auto drained = std::async(std::launch::async, [this] { server_->Drain(std::chrono::seconds(20)); });
  EXPECT_TRUE(Await([this] {
    grpc::ClientContext context;
    SetTimeout(&context);
    const auto reader = stub_->StreamRecommend(&context, request_);
    Read(&*reader, 10);
    return reader->Finish().error_code() == grpc::UNAVAILABLE;
  }));
  Echo(call);
  EXPECT_TRUE(answer.get().ok());
  drained.get();
}

}  // namespace
}  // namespace kindred::rpc
