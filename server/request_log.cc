#include "server/request_log.h"

#include <fcntl.h>
#include <google/protobuf/util/json_util.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <random>
#include <string_view>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "core/base/str_cat.h"
#include "server/config_checks.h"
#include "server/logging.h"
#include "server/profile_token.h"
#include "server/request_events.h"

namespace kindred {
namespace {

constexpr double kDefaultPercent = 1;

int OpenForAppending(const std::string& path) {
  return open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, S_IRUSR | S_IWUSR);
}

uint64_t SizeOf(int file) {
  struct stat found = {};
  return fstat(file, &found) == 0 ? static_cast<uint64_t>(found.st_size) : 0;
}

std::string JsonOf(const google::protobuf::Message& message) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string json;
  // Fails only for Any and the like, of which there are none in requests; of an answer that has some the line is "{}".
  return google::protobuf::util::MessageToJsonString(message, &json, options).ok() ? json : "{}";
}

std::unique_ptr<google::protobuf::Message> CopyOf(const google::protobuf::Message& message) {
  std::unique_ptr<google::protobuf::Message> copy(message.New());
  copy->CopyFrom(message);
  return copy;
}

// All of `line`, or false with errno.
bool WriteWhole(int file, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = write(file, line.data(), line.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    line.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

absl::Status CompleteRequestLog(v1::RequestLogConfig* config) {
  if (!config->has_percent()) config->set_percent(kDefaultPercent);
  // Written so that NaN is refused.
  if (!(config->percent() >= 0 && config->percent() <= 100)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("RequestLogConfig.percent is %g; expected 0 to 100", config->percent()));
  }
  KINDRED_COMPLETE(config, max_file_bytes, 64u << 20, 64u << 10, uint64_t{1} << 40);
  KINDRED_COMPLETE(config, max_old_files, 4, 0, 100);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<RequestLog>> RequestLog::Open(const v1::RequestLogConfig& config) {
  const int file = OpenForAppending(config.path());
  if (file < 0) {
    return absl::UnavailableError(
        absl::StrFormat("logging.request_log.path '%s' cannot be opened for appending: %s; name a file in a folder "
                        "that is there and that the server may write to",
                        config.path(), std::strerror(errno)));
  }
  return std::unique_ptr<RequestLog>(new RequestLog(config, file, SizeOf(file)));
}

RequestLog::RequestLog(const v1::RequestLogConfig& config, int file, uint64_t file_bytes)
    : config_(config), file_(file), file_bytes_(file_bytes), torn_(file_bytes > 0), writer_([this] { Write(); }) {}

RequestLog::~RequestLog() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_one();
  writer_.join();
  if (file_ >= 0) close(file_);
}

bool RequestLog::Sample() const {
  if (config_.percent() >= 100) return true;
  thread_local std::minstd_rand random(std::random_device{}());
  return std::uniform_real_distribution<double>(0, 100)(random) < config_.percent();
}

void RequestLog::Add(const char* method, const google::protobuf::Message& request,
                     const google::protobuf::Message& response, const Profile& profile) {
  Entry entry;
  entry.time_ms = NowMs();
  entry.method = method;
  entry.bytes = request.ByteSizeLong() + response.ByteSizeLong();
  {
    // Before anything is copied, so that a disk that hangs costs requests nothing.
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= kMaxQueued || queued_bytes_ + entry.bytes > kMaxQueuedBytes) {
      counts_.dropped.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queued_bytes_ += entry.bytes;
  }
  entry.request = CopyOf(request);
  entry.response = CopyOf(response);
  thread_local ProfileCodecScratch scratch;
  EncodeProfileToken(profile, &scratch, &entry.profile_token);
  entry.profile_cut =
      !entry.profile_token.empty() && scratch.record.events_size() < static_cast<int>(profile.events.size());
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(entry));
  }
  changed_.notify_one();
}

void RequestLog::Write() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const Entry entry = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    WriteEntry(entry);
    lock.lock();
    queued_bytes_ -= entry.bytes;
  }
}

void RequestLog::WriteEntry(const Entry& entry) {
  std::string line = LineOf(entry);
  if (file_bytes_ > 0 && file_bytes_ + line.size() > config_.max_file_bytes()) Rotate();
  if (file_ < 0) file_ = OpenForAppending(config_.path());
  if (std::exchange(torn_, false)) line.insert(line.begin(), '\n');
  if (file_ >= 0 && WriteWhole(file_, line)) {
    file_bytes_ += line.size();
    failing_ = false;
    counts_.written.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  torn_ = true;
  counts_.failed.fetch_add(1, std::memory_order_relaxed);
  if (std::exchange(failing_, true)) return;
  LogWarn("the request log cannot be written; its lines are lost until it can",
          {{"path", config_.path()}, {"error", std::strerror(errno)}});
}

void RequestLog::Rotate() {
  if (file_ >= 0) close(file_);
  const auto old = [this](uint32_t n) { return n == 0 ? config_.path() : StrCat(config_.path(), ".", n); };
  // What cannot be put aside is written on, and looked at again with the next line.
  for (uint32_t n = config_.max_old_files(); n > 0; --n) std::rename(old(n - 1).c_str(), old(n).c_str());
  if (config_.max_old_files() == 0) std::remove(config_.path().c_str());
  file_ = OpenForAppending(config_.path());
  file_bytes_ = file_ >= 0 ? SizeOf(file_) : 0;
  torn_ = false;
}

std::string RequestLog::LineOf(const Entry& entry) {
  const std::string time =
      absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(entry.time_ms), absl::UTCTimeZone());
  std::string line = StrCat(R"({"time":")", time, R"(","method":")", entry.method, R"(",)");
  if (!entry.profile_token.empty()) {
    const std::string token =
        absl::Base64Escape(absl::string_view(entry.profile_token.data(), entry.profile_token.size()));
    StrAppend(&line, R"("profile_token":")", token, R"(",)");
  }
  if (entry.profile_cut) StrAppend(&line, R"("profile_cut":true,)");
  StrAppend(&line, R"("request":)", JsonOf(*entry.request), R"(,"response":)", JsonOf(*entry.response), "}\n");
  return line;
}

}  // namespace kindred
