// What completing a configuration is made of: a default where a field is not set, then a range. Pure functions.
#pragma once

#include <google/protobuf/duration.pb.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "core/base/status_macros.h"

namespace kindred {

// Sets a field that is not set to its default, and checks that what it has is from `min` to `max`.
#define KINDRED_COMPLETE(config, field, default_value, min, max)                                                      \
  do {                                                                                                                \
    if (!(config)->has_##field()) (config)->set_##field(default_value);                                               \
    RETURN_IF_ERROR(CheckRange((config)->GetTypeName(), #field, static_cast<uint64_t>((config)->field()), min, max)); \
  } while (false)

// The same of a duration, called `name` in errors.
#define KINDRED_COMPLETE_DURATION(config, field, name, default_value, min, max)             \
  do {                                                                                      \
    if (!(config)->has_##field()) *(config)->mutable_##field() = ToDuration(default_value); \
    RETURN_IF_ERROR(CheckDuration(name, (config)->field(), min, max));                      \
  } while (false)

// The same of a fraction, called `name` in errors.
#define KINDRED_COMPLETE_NUMBER(config, field, name, default_value, min, max) \
  do {                                                                        \
    if (!(config)->has_##field()) (config)->set_##field(default_value);       \
    RETURN_IF_ERROR(CheckNumber(name, (config)->field(), min, max));          \
  } while (false)

// INVALID_ARGUMENT naming the field of `type` (kindred.v1.ServingConfig), what it is and what it may be.
absl::Status CheckRange(const std::string& type, std::string_view field, uint64_t value, uint64_t min, uint64_t max);
absl::Status CheckNumber(std::string_view name, double value, double min, double max);
absl::Status CheckDuration(std::string_view name, const google::protobuf::Duration& duration,
                           std::chrono::nanoseconds min, std::chrono::nanoseconds max);

google::protobuf::Duration ToDuration(std::chrono::nanoseconds value);
// REQUIRES: CheckDuration of it was OK, or it is below 292 years.
std::chrono::nanoseconds FromDuration(const google::protobuf::Duration& duration);

// "500us", "5ms", "90s", "10m", "24h", "365d": in the largest unit that keeps it whole and above 1 of the next one.
std::string DurationText(std::chrono::nanoseconds value);

// Splits "host:port" or "[v6]:port" of a port from `min_port` to 65535; false when it is neither. The brackets go.
bool SplitHostPort(std::string_view address, uint32_t min_port, std::string* host, uint16_t* port);

}  // namespace kindred
