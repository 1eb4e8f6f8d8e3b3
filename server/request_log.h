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
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
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

  // `config` is complete. UNAVAILABLE when the file cannot be opened for appending; the folder must be there.
  static absl::StatusOr<std::unique_ptr<RequestLog>> Open(const v1::RequestLogConfig& config);
  // Writes what waits.
  ~RequestLog();
  RequestLog(const RequestLog&) = delete;
  RequestLog& operator=(const RequestLog&) = delete;

  // Whether this call belongs to the sample: at random, in the share that was asked for.
  bool Sample() const;
  // Queues a call that was answered. `profile`: the one that was used; of version 0: none. Copies all of it.
  void Add(const char* method, const google::protobuf::Message& request, const google::protobuf::Message& response,
           const Profile& profile);

  const RequestLogCounts& counts() const { return counts_; }

 private:
  struct Entry {
    int64_t time_ms = 0;
    const char* method = nullptr;
    std::string profile_token;
    bool profile_cut = false;  // the token holds only the last of its events
    std::unique_ptr<google::protobuf::Message> request, response;
    size_t bytes = 0;
  };

  RequestLog(const v1::RequestLogConfig& config, int file, uint64_t file_bytes);
  void Write();
  void WriteEntry(const Entry& entry);
  void Rotate();
  static std::string LineOf(const Entry& entry);

  const v1::RequestLogConfig config_;
  RequestLogCounts counts_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> queue_;  // guarded by mutex_, as the next two
  size_t queued_bytes_ = 0;
  bool stopped_ = false;
  // Of the writer's thread.
  int file_;  // -1: could not be opened again
  uint64_t file_bytes_;
  bool failing_ = false;
  bool torn_;  // the file may end within a line
  std::thread writer_;
};

// Sets what is not set, and checks the rest. INVALID_ARGUMENT naming the field, what it is and what it may be.
absl::Status CompleteRequestLog(v1::RequestLogConfig* config);

}  // namespace kindred
