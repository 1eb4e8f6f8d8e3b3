#include "server/logging.h"

#include <google/protobuf/stubs/logging.h>
#include <grpc/support/log.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

std::atomic<v1::LogFormat> log_format{v1::LOG_FORMAT_JSON};

spdlog::level::level_enum SpdlogLevel(v1::LogLevel level) {
  switch (level) {
    case v1::LOG_LEVEL_DEBUG:
      return spdlog::level::debug;
    case v1::LOG_LEVEL_WARN:
      return spdlog::level::warn;
    case v1::LOG_LEVEL_ERROR:
      return spdlog::level::err;
    default:
      return spdlog::level::info;
  }
}

std::string Dump(const LogFields& value) { return value.dump(-1, ' ', false, LogFields::error_handler_t::replace); }

void Write(spdlog::level::level_enum level, std::string_view name, std::string_view message, const LogFields& fields) {
  if (!spdlog::should_log(level)) return;
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", absl::Now(), absl::UTCTimeZone());
  const std::string line = FormatLogLine(log_format.load(), time, name, message, fields);
  spdlog::default_logger_raw()->log(level, spdlog::string_view_t(line.data(), line.size()));
}

void WriteGrpcLog(gpr_log_func_args* args) {
  const LogFields fields = {{"source", "grpc"}, {"at", StrCat(args->file, ":", args->line)}};
  // What gRPC calls an error is often a peer that went away; our own errors are said by us.
  if (args->severity == GPR_LOG_SEVERITY_ERROR) return LogWarn(args->message, fields);
  LogDebug(args->message, fields);
}

void WriteProtobufLog(google::protobuf::LogLevel, const char* file, int line, const std::string& message) {
  // A client that sends what is not UTF-8 gets an answer that says so; it must not fill the log as well.
  LogDebug(message, {{"source", "protobuf"}, {"at", StrCat(file, ":", line)}});
}

}  // namespace

std::string FormatLogLine(v1::LogFormat format, std::string_view time, std::string_view level, std::string_view message,
                          const LogFields& fields) {
  const auto reserved = [](const std::string& key) { return key == "time" || key == "level" || key == "msg"; };
  if (format == v1::LOG_FORMAT_TEXT) {
    std::string line = StrCat(time, " ", level, " ", message);
    for (const auto& [key, value] : fields.items()) {
      if (!reserved(key)) StrAppend(&line, " ", key, "=", Dump(value));
    }
    // One line whatever the message holds.
    for (char& c : line) {
      if (static_cast<unsigned char>(c) < 0x20) c = ' ';
    }
    return line;
  }
  LogFields object = {{"time", time}, {"level", level}, {"msg", message}};
  for (const auto& [key, value] : fields.items()) {
    if (!reserved(key)) object[key] = value;
  }
  return Dump(object);
}

void InitLogging(const v1::LoggingConfig& config) {
  log_format.store(config.format());
  auto logger = std::make_shared<spdlog::logger>("kindred", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_pattern("%v");
  logger->set_level(SpdlogLevel(config.level()));
  spdlog::set_default_logger(std::move(logger));
  gpr_set_log_function(WriteGrpcLog);
  google::protobuf::SetLogHandler(WriteProtobufLog);
}

void FlushLogs() { spdlog::default_logger_raw()->flush(); }

void LogDebug(std::string_view message, const LogFields& fields) {
  Write(spdlog::level::debug, "debug", message, fields);
}
void LogInfo(std::string_view message, const LogFields& fields) { Write(spdlog::level::info, "info", message, fields); }
void LogWarn(std::string_view message, const LogFields& fields) { Write(spdlog::level::warn, "warn", message, fields); }
void LogError(std::string_view message, const LogFields& fields) {
  Write(spdlog::level::err, "error", message, fields);
}

}  // namespace kindred
