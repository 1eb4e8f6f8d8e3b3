// What the registration of every service says of its methods: their names, and how gRPC is asked for their next call.
#pragma once

#include <grpcpp/completion_queue.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <string>
#include <string_view>

#include "server/rpc/call_stats.h"

namespace kindred::rpc {

// A function from a method to its name; `service` must outlive it.
inline auto MethodsOf(std::string_view service) {
  return [service](std::string_view method) { return MethodName{std::string(service), std::string(method)}; };
}

// A function from a member of Raw, `&Raw::RequestRecommend`, to what asks for the next call of that method. `raw`, a
// service with raw methods, must outlive both.
template <typename Raw>
auto RequestsOf(Raw* raw) {
  return [raw](auto member) {
    return [raw, member](grpc::ServerContext* context, grpc::ByteBuffer* bytes, auto* writer,
                         grpc::CompletionQueue* calls, grpc::ServerCompletionQueue* notifications,
                         void* tag) { (raw->*member)(context, bytes, writer, calls, notifications, tag); };
  };
}

}  // namespace kindred::rpc
