// Enums of the API in the words that people and scripts read: lower case, without the enum's prefix.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "kindred/v1/model_service.pb.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

std::string SourceWord(v1::AnswerSource source);           // "trained_vector", "live_profile", …
std::string DegradationWord(v1::Degradation degradation);  // "profile_store_unavailable"
std::string DurabilityWord(v1::Durability durability);     // "memory", "journal"
std::string FallbackWord(v1::TokenFallback fallback);      // "category", "action", "zero"
std::string StateWord(v1::VersionState state);             // "discovered", "verifying", …
std::string PolicyWord(v1::VersionPolicy policy);          // "latest", "pinned"

// `status` as lines for stderr: code and message, then each field violation.
std::string ErrorText(const absl::Status& status);

}  // namespace kindred
