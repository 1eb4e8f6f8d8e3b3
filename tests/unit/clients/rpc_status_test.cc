#include "clients/cpp/rpc_status.h"

#include <gtest/gtest.h>

#include "clients/cli/words.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace kindred {
namespace {

TEST(FromGrpcStatus, OkIsOk) { EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok()); }

TEST(FromGrpcStatus, KeepsCodeMessageAndDetails) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("page_size");
  violation->set_description("is -1, expected 0 or more");
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_nanos(250'000'000);
  google::rpc::Status details;
  details.add_details()->PackFrom(bad_request);
  details.add_details()->PackFrom(retry);

  const absl::Status status =
      FromGrpcStatus(grpc::Status(grpc::INVALID_ARGUMENT, "bad field", details.SerializeAsString()));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "bad field");
  const auto violations = FieldViolations(status);
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "page_size");
  EXPECT_EQ(violations[0].description, "is -1, expected 0 or more");
  EXPECT_EQ(RetryDelay(status), absl::Milliseconds(250));
  EXPECT_EQ(ErrorText(status),
            "INVALID_ARGUMENT: bad field\n"
            "  page_size: is -1, expected 0 or more\n"
            "  the server asks to wait 250ms\n");
}

TEST(FromGrpcStatus, DetailsThatAreNoStatusAreIgnored) {
  const absl::Status status = FromGrpcStatus(grpc::Status(grpc::INTERNAL, "x", "\xff\xff not a proto"));
  EXPECT_EQ(status.code(), absl::StatusCode::kInternal);
  EXPECT_TRUE(FieldViolations(status).empty());
  EXPECT_FALSE(RetryDelay(status).has_value());
}

}  // namespace
}  // namespace kindred
