// Structured logs on standard error: one JSON object a line, or text for a terminal. Thread-safe after InitLogging.
//
//   LogInfo("model loaded", {{"model", name}, {"items", n_items}});
//   → {"time":"2024-05-01T12:00:00.123456Z","level":"info","msg":"model loaded","model":"groceries","items":5555}
//
// Never user ids, events or tokens: logs travel.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "kindred/v1/server_config.pb.h"

namespace kindred {

using LogFields = nlohmann::ordered_json;

// Sets level and format, and takes over what gRPC and protobuf log. Call once, before threads start.
void InitLogging(const v1::LoggingConfig& config);
// Writes out what is buffered.
void FlushLogs();

void LogDebug(std::string_view message, const LogFields& fields = LogFields::object());
void LogInfo(std::string_view message, const LogFields& fields = LogFields::object());
void LogWarn(std::string_view message, const LogFields& fields = LogFields::object());
void LogError(std::string_view message, const LogFields& fields = LogFields::object());

// One line as it is logged, without the line end. `time` is RFC 3339. Bytes that are not UTF-8 are replaced; fields
// that take the names time, level or msg are dropped.
std::string FormatLogLine(v1::LogFormat format, std::string_view time, std::string_view level, std::string_view message,
                          const LogFields& fields);

}  // namespace kindred
