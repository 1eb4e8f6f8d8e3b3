#include "clients/cli/words.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "clients/cpp/rpc_status.h"

namespace kindred {
namespace {

// A value that this build does not know (from a newer server) is its number.
std::string Word(const std::string& name, const char* prefix, int number) {
  if (name.empty()) return absl::StrCat(number);
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

}  // namespace

std::string SourceWord(v1::AnswerSource source) {
  return Word(v1::AnswerSource_Name(source), "ANSWER_SOURCE_", source);
}

std::string DegradationWord(v1::Degradation degradation) {
  return Word(v1::Degradation_Name(degradation), "DEGRADATION_", degradation);
}

std::string DurabilityWord(v1::Durability durability) {
  return Word(v1::Durability_Name(durability), "DURABILITY_", durability);
}

std::string FallbackWord(v1::TokenFallback fallback) {
  return Word(v1::TokenFallback_Name(fallback), "TOKEN_FALLBACK_", fallback);
}

std::string StateWord(v1::VersionState state) { return Word(v1::VersionState_Name(state), "VERSION_STATE_", state); }

std::string PolicyWord(v1::VersionPolicy policy) {
  return Word(v1::VersionPolicy_Name(policy), "VERSION_POLICY_", policy);
}

std::string ErrorText(const absl::Status& status) {
  std::string text = absl::StrCat(absl::StatusCodeToString(status.code()), ": ", status.message(), "\n");
  for (const FieldViolation& violation : FieldViolations(status)) {
    absl::StrAppend(&text, "  ", violation.field, ": ", violation.description, "\n");
  }
  if (const auto delay = RetryDelay(status)) {
    absl::StrAppend(&text, "  the server asks to wait ", absl::FormatDuration(*delay), "\n");
  }
  return text;
}

}  // namespace kindred
