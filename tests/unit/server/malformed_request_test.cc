#include "server/rpc/malformed_request.h"

#include <gtest/gtest.h>

#include "google/rpc/error_details.pb.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred::rpc {
namespace {

// A message as a careless client sends it: the strings are whatever bytes they are.
std::string Wire(const google::protobuf::Message& message) {
  std::string wire;
  EXPECT_TRUE(message.SerializePartialToString(&wire));
  return wire;
}

// Replaces `from` by as many bytes of `to`.
std::string Replace(std::string wire, std::string_view from, std::string_view to) {
  EXPECT_EQ(from.size(), to.size());
  const size_t at = wire.find(from);
  EXPECT_NE(at, std::string::npos);
  return wire.replace(at, from.size(), to);
}

const google::protobuf::Descriptor& Request() { return *v1::RecommendRequest::descriptor(); }

TEST(MalformedRequest, NamesThePathOfTheStringThatIsNotUtf8) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("AAAA");
  EXPECT_EQ(FindInvalidUtf8(Request(), Replace(Wire(request), "AAAA", "\xff\xfe\xfd\xfc")), "subject.user_id");
  request.mutable_subject()->mutable_events()->add_events()->set_item_id("first");
  request.mutable_subject()->mutable_events()->add_events()->set_item_id("BBBB");
  EXPECT_EQ(FindInvalidUtf8(Request(), Replace(Wire(request), "BBBB", "a\xc3(b")), "subject.events.events[1].item_id");
  request.Clear();
  for (const char* id : {"x", "y", "CCCC"}) request.add_exclude_item_ids(id);
  EXPECT_EQ(FindInvalidUtf8(Request(), Replace(Wire(request), "CCCC", "\xed\xa0\x80!")), "exclude_item_ids[2]");
}

TEST(MalformedRequest, ACleanMessageHasNone) {
  v1::RecommendRequest request;
  request.mutable_subject()->set_user_id("übung");
  EXPECT_EQ(FindInvalidUtf8(Request(), Wire(request)), std::nullopt);
  EXPECT_EQ(FindInvalidUtf8(Request(), "\xff\xff\xff garbage"), std::nullopt);
}

TEST(MalformedRequest, DeepNestingEnds) {
  // A group of 10,000 levels, and a field nested in itself by length.
  EXPECT_EQ(FindInvalidUtf8(Request(), std::string(10'000, '\x0b')), std::nullopt);
}

TEST(MalformedRequest, TheErrorNamesTheFieldOrTheMessage) {
  const auto error = [](const std::string& wire) {
    grpc::Slice slice(wire);
    return MalformedRequestError(Request(), grpc::ByteBuffer(&slice, 1));
  };
  v1::RecommendRequest request;
  request.set_model("DDDD");
  const absl::Status field = error(Replace(Wire(request), "DDDD", "\xff\xff\xff\xff"));
  EXPECT_EQ(field.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(field.message()), "model is not valid UTF-8");
  const absl::Status garbage = error("\xff\xff\xff garbage");
  EXPECT_EQ(garbage.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(std::string(garbage.message()), "request 11 bytes that are not a kindred.v1.RecommendRequest");
}

}  // namespace
}  // namespace kindred::rpc
