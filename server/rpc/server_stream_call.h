// A call that is answered by many messages. The handler gives a source, which is asked for one message at a time; the
// next question comes when gRPC has taken the message before, so a slow reader slows the source down, no more than one
// message is in memory, and other calls of the worker are answered between two.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "core/base/status_macros.h"
#include "server/rpc/call.h"
#include "server/rpc/growing_arena.h"

namespace kindred::rpc {

enum class StreamStep : uint8_t {
  kMessage,  // send this message, then ask again
  kAgain,    // nothing yet: ask again when others have had their turn (Call::ShouldRest)
  kWait,     // nothing yet: the source has paused the call (Call::Pause); ask again when it is resumed
  kEnd,      // nothing more, nothing of this message; the call ends OK
};

// What one call is answered with. Lives on its worker's thread, until the call is over, however it ends.
template <typename Res>
class MessageSource {
 public:
  virtual ~MessageSource() = default;

  // Makes the next message. *response is empty at first and after each message; after kAgain and kWait it is as it was
  // left. An
  // error ends the call; what was sent before stays sent. Not called when the call is cancelled or expired.
  virtual absl::StatusOr<StreamStep> Next(Res* response) = 0;
};

// Any such call, for carriers.
class ServerStreamCallBase : public Call {
 public:
  // Asks the handler for the source. An error is the call's answer.
  virtual absl::Status Open() = 0;
  // The source's next step. The message is in response(), until ClearResponse.
  virtual absl::StatusOr<StreamStep> Next() = 0;
  // Lets go of the source and its message.
  virtual void Close() = 0;

  const google::protobuf::Message& response() const { return *message_; }
  void ClearResponse() {
    message_ = nullptr;
    responses_.Reset();
  }

 protected:
  google::protobuf::Message* NewResponse(google::protobuf::Arena* arena) final { return nullptr; }

  GrowingArena responses_;
  google::protobuf::Message* message_ = nullptr;  // on responses_
};

template <typename Req, typename Res>
class ServerStreamCall final : public ServerStreamCallBase {
 public:
  using Source = MessageSource<Res>;
  // The call stays good as long as the source.
  using Handler = std::function<absl::StatusOr<std::unique_ptr<Source>>(ServerStreamCall*)>;

  // `handler` must outlive this.
  explicit ServerStreamCall(const Handler* handler) : handler_(handler) {}

  const Req& request() const { return static_cast<const Req&>(*request_); }

  absl::Status Open() override {
    ASSIGN_OR_RETURN(source_, (*handler_)(this));
    return absl::OkStatus();
  }
  absl::StatusOr<StreamStep> Next() override {
    if (message_ == nullptr) message_ = google::protobuf::Arena::CreateMessage<Res>(responses_.arena());
    return source_->Next(static_cast<Res*>(message_));
  }
  void Close() override {
    source_ = nullptr;
    ClearResponse();
  }

 private:
  google::protobuf::Message* NewRequest(google::protobuf::Arena* arena) override {
    return google::protobuf::Arena::CreateMessage<Req>(arena);
  }

  const Handler* const handler_;
  std::unique_ptr<Source> source_;
};

}  // namespace kindred::rpc
