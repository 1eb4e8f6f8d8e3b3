#include "server/config_checks.h"

#include <array>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"

namespace kindred {
namespace {

using std::chrono::nanoseconds;

// Beyond it nanoseconds overflow; far beyond every range.
constexpr int64_t kMaxSeconds = 9'000'000'000;

}  // namespace

absl::Status CheckRange(const std::string& type, std::string_view field, uint64_t value, uint64_t min, uint64_t max) {
  if (value >= min && value <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s.%s is %d; expected %d to %d", type.substr(type.rfind('.') + 1), field, value, min, max));
}

absl::Status CheckNumber(std::string_view name, double value, double min, double max) {
  if (value >= min && value <= max) return absl::OkStatus();  // false for NaN
  return absl::InvalidArgumentError(absl::StrFormat("%s is %g; expected %g to %g", name, value, min, max));
}

absl::Status CheckDuration(std::string_view name, const google::protobuf::Duration& duration, nanoseconds min,
                           nanoseconds max) {
  const bool fits = duration.seconds() >= -kMaxSeconds && duration.seconds() <= kMaxSeconds;
  if (fits && FromDuration(duration) >= min && FromDuration(duration) <= max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("%s is %gs; expected %s to %s", name,
                      static_cast<double>(duration.seconds()) + static_cast<double>(duration.nanos()) * 1e-9,
                      DurationText(min), DurationText(max)));
}

google::protobuf::Duration ToDuration(nanoseconds value) {
  google::protobuf::Duration duration;
  duration.set_seconds(value.count() / 1'000'000'000);
  duration.set_nanos(static_cast<int32_t>(value.count() % 1'000'000'000));
  return duration;
}

nanoseconds FromDuration(const google::protobuf::Duration& duration) {
  return std::chrono::seconds(duration.seconds()) + nanoseconds(duration.nanos());
}

std::string DurationText(nanoseconds value) {
  static constexpr std::array<std::pair<int64_t, const char*>, 6> kUnits = {{{86'400'000'000'000, "d"},
                                                                             {3'600'000'000'000, "h"},
                                                                             {60'000'000'000, "m"},
                                                                             {1'000'000'000, "s"},
                                                                             {1'000'000, "ms"},
                                                                             {1'000, "us"}}};
  for (const auto& [unit, name] : kUnits) {
    // 24h is how people say it.
    const int64_t least = unit == kUnits[0].first ? 2 * unit : unit;
    if (value.count() >= least && value.count() % unit == 0) return absl::StrFormat("%d%s", value.count() / unit, name);
  }
  return absl::StrFormat("%gs", static_cast<double>(value.count()) * 1e-9);
}

bool SplitHostPort(std::string_view address, uint32_t min_port, std::string* host, uint16_t* port) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  const std::string_view digits = address.substr(colon + 1);
  uint32_t number = 0;
  if (digits.empty() || digits.size() > 5 || digits.find_first_not_of("0123456789") != std::string_view::npos ||
      !absl::SimpleAtoi(absl::string_view(digits.data(), digits.size()), &number) || number < min_port ||
      number > 65535) {
    return false;
  }
  std::string_view name = address.substr(0, colon);
  if (name.front() == '[' || name.back() == ']') {
    if (name.size() < 4 || name.front() != '[' || name.back() != ']') return false;
    name = name.substr(1, name.size() - 2);
    if (name.find_first_of("[]") != std::string_view::npos) return false;
  } else if (name.find(':') != std::string_view::npos) {
    return false;  // an address of IPv6 without brackets: where does it end?
  }
  *host = std::string(name);
  *port = static_cast<uint16_t>(number);
  return true;
}

}  // namespace kindred
