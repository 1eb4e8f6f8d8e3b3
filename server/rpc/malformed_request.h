// Says what is wrong with a request that protobuf would not parse. Its C++ parser refuses a message with a string that
// is not UTF-8 without saying which one; callers deserve to know.
#pragma once

#include <google/protobuf/descriptor.h>
#include <grpcpp/support/byte_buffer.h>

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace kindred::rpc {

// INVALID_ARGUMENT with a BadRequest that names the first field whose string is not UTF-8, or that says that the bytes
// are not a message of this type. REQUIRES: `bytes` did not parse as `type`.
absl::Status MalformedRequestError(const google::protobuf::Descriptor& type, const grpc::ByteBuffer& bytes);

// The path of the first string field in `wire` (a serialized message of `type`) that is not UTF-8; nullopt when there
// is none, or when the bytes are not a message.
std::optional<std::string> FindInvalidUtf8(const google::protobuf::Descriptor& type, std::string_view wire);

}  // namespace kindred::rpc
