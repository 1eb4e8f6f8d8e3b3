#include "server/grpc_status.h"

#include <gtest/gtest.h>

#include "core/base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/field_checks.h"

namespace kindred {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

template <typename Message>
std::vector<Message> Find(const google::rpc::Status& details) {
  std::vector<Message> found;
  for (const auto& any : details.details()) {
    Message message;
    if (any.Is<Message>() && any.UnpackTo(&message)) found.push_back(message);
  }
  return found;
}

TEST(GrpcStatus, OkHasNoDetails) {
  const grpc::Status status = ToGrpcStatus(absl::OkStatus());
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.error_details(), "");
}

TEST(GrpcStatus, EveryCodeMapsToItsNumberAndName) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status = ToGrpcStatus(absl::Status(static_cast<absl::StatusCode>(code), "why"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "why");
    const google::rpc::Status details = Details(status);
    EXPECT_EQ(details.code(), code);
    EXPECT_EQ(details.message(), "why");
    const auto infos = Find<google::rpc::ErrorInfo>(details);
    ASSERT_EQ(infos.size(), 1u);
    EXPECT_EQ(infos[0].domain(), "kindred");
    EXPECT_EQ(infos[0].reason(), GrpcCodeName(code));
  }
  EXPECT_EQ(GrpcCodeName(3), "INVALID_ARGUMENT");
  EXPECT_EQ(GrpcCodeName(14), "UNAVAILABLE");
  EXPECT_EQ(GrpcCodeName(99), "UNKNOWN");
  EXPECT_EQ(GrpcCodeName(-1), "UNKNOWN");
}

TEST(GrpcStatus, AnEntryOfABatchIsTheSameStatus) {
  const absl::Status status = WithReason(absl::NotFoundError("no such thing"), "MODEL_NOT_FOUND");
  EXPECT_EQ(ToStatusMessage(status).SerializeAsString(), ToGrpcStatus(status).error_details());
  EXPECT_EQ(ToStatusMessage(status).code(), 5);
  EXPECT_EQ(ToStatusMessage(absl::InternalError(std::string(5000, 'x'))).message().size(), 1027u);
}

TEST(GrpcStatus, CarriesReasonRetryAndViolations) {
  FieldChecks checks;
  checks.Id("user_id", "");
  const auto status = ToGrpcStatus(WithRetryAfter(checks.status(), std::chrono::milliseconds(1250)));
  const google::rpc::Status details = Details(status);
  const auto infos = Find<google::rpc::ErrorInfo>(details);
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].reason(), "INVALID_FIELD");
  const auto bad = Find<google::rpc::BadRequest>(details);
  ASSERT_EQ(bad.size(), 1u);
  EXPECT_EQ(bad[0].field_violations(0).field(), "user_id");
  const auto retry = Find<google::rpc::RetryInfo>(details);
  ASSERT_EQ(retry.size(), 1u);
  EXPECT_EQ(retry[0].retry_delay().seconds(), 1);
  EXPECT_EQ(retry[0].retry_delay().nanos(), 250'000'000);
}

TEST(GrpcStatus, TheLastReasonCounts) {
  const auto status = WithReason(WithReason(absl::NotFoundError("x"), "A"), "B");
  const auto infos = Find<google::rpc::ErrorInfo>(Details(ToGrpcStatus(status)));
  ASSERT_EQ(infos.size(), 1u);
  EXPECT_EQ(infos[0].reason(), "B");
}

TEST(GrpcStatus, ALongMessageIsCutBetweenCharacters) {
  std::string message = "x";
  for (int i = 0; i < 1000; ++i) message += "é";
  const grpc::Status status = ToGrpcStatus(absl::InternalError(message));
  EXPECT_LE(status.error_message().size(), 1024u + 3);
  EXPECT_TRUE(IsValidUtf8(status.error_message()));
}

}  // namespace
}  // namespace kindred
