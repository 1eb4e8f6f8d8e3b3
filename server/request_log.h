// A sample of calls with their answers, as lines of JSON for `kindred replay` (docs/operations.md):
//
//   {"time":"2024-05-01T12:00:00.123Z","method":"Recommend","profile_token":"S1BUAQ…","request":{…},"response":{…}}
//
// Requests never wait for it: they hand over a copy, and one thread writes. What comes faster than the disk takes it is
// dropped and counted. Holds user ids and what belongs to them, so the file is for the server's own user only.
// Thread-safe.
#pragma once

#include <google/protobuf/message.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "core/profile/profile.h"
#include "kindred/v1/server_config.pb.h"

namespace kindred {

struct RequestLogCounts {
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> dropped{0};  // no room in the queue
  std::atomic<uint64_t> failed{0};   // the file did not take it
};

class RequestLog {
 public:
  // Calls that wait to be written, and the bytes of their messages.
  static constexpr size_t kMaxQueued = 4'096;
  static constexpr size_t kMaxQueuedBytes = 32u << 20;
  // How long the end waits for the disk.
  static constexpr std::chrono::seconds kStopTime{2};

  // `config` is complete. UNAVAILABLE when the file cannot be opened for appending; the folder must be there.
  static absl::StatusOr<std::unique_ptr<RequestLog>> Open(const v1::RequestLogConfig& config);
  // Writes what waits, as far as the disk takes it within kStopTime.
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // Whether this call belongs to the sample: at random, in the share that was asked for.
  bool Sample() const;
  // Queues a call that was answered. `profile`: the one that was used; of version 0: none. `time_ms`: the time that the
  // answer took for events that say none, by which it can be had again. Copies all of it.
  void Add(const char* method, const google::protobuf::Message& request, const google::protobuf::Message& response,
           const Profile& profile, int64_t time_ms);

  const RequestLogCounts& counts() const;

 private:
  class Writer;

  RequestLog(const v1::RequestLogConfig& config, int file, uint64_t file_bytes);

  const v1::RequestLogConfig config_;
  const std::shared_ptr<Writer> writer_;  // its thread's too, which may outlive this
  std::thread thread_;
};

// Sets what is not set, and checks the rest. INVALID_ARGUMENT naming the field, what it is and what it may be.
absl::Status CompleteRequestLog(v1::RequestLogConfig* config);

}  // namespace kindred
