// A unary call as its handler sees it: call.h with the types of a method.
#pragma once

#include <functional>

#include "server/rpc/call.h"

namespace kindred::rpc {

// Any unary call, for carriers.
class UnaryCallBase : public Call {
 public:
  // Calls the handler: when the call comes in, and after each Again.
  virtual void Handle() = 0;
};

template <typename Req, typename Res>
class UnaryCall final : public UnaryCallBase {
 public:
  using Handler = std::function<void(UnaryCall*)>;

  // `handler` must outlive this.
  explicit UnaryCall(const Handler* handler) : handler_(handler) {}

  const Req& request() const { return static_cast<const Req&>(*request_); }
  Res* response() { return static_cast<Res*>(response_); }

  void Handle() override { (*handler_)(this); }

 private:
  google::protobuf::Message* NewRequest(google::protobuf::Arena* arena) override {
    return google::protobuf::Arena::CreateMessage<Req>(arena);
  }
  google::protobuf::Message* NewResponse(google::protobuf::Arena* arena) override {
    return google::protobuf::Arena::CreateMessage<Res>(arena);
  }

  const Handler* const handler_;
};

}  // namespace kindred::rpc
