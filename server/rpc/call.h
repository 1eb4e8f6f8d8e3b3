// One call as its handler sees it, whatever carried it here: a completion queue (queued_call.h) or the same process
// (local_call.h). Request and response live on an arena that is reset between calls, so after warm-up a call allocates
// only what gRPC itself does.
//
// A handler calls Finish exactly once: before it returns, or later from another thread. After Finish the call may
// already be serving someone else: touch nothing of it. Until then it belongs to the handler.
//
// Long work asks ShouldStop now and then, and gives up with Standing() when it says so. Work of more than a
// millisecond keeps other calls of its worker waiting: it asks ShouldRest too, and calls Again in place of Finish. What
// waits for another thread, such as a store's, keeps no thread: it calls Pause in place of Finish, and the other
// Resume.
#pragma once

#include <google/protobuf/arena.h>
#include <google/protobuf/message.h>
#include <grpc/support/time.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <new>
#include <string_view>

#include "absl/status/status.h"
#include "core/base/work_budget.h"

namespace kindred::rpc {

// What has become of a call when a step of its work ends.
enum class CallStep : uint8_t {
  kDone,   // the answer is there: Finish
  kAgain,  // there is more to do: Again
  kWait,   // others go on with it: it is paused, or they finish it
};

class Call {
 public:
  // What brings calls to their handlers and takes the answers.
  class Carrier {
   public:
    virtual void Finish(const absl::Status& status) = 0;
    virtual void Again() = 0;
    virtual void Pause() = 0;
    virtual void Resume() = 0;
    // Finds out whether the caller has gone; tells it with Cancel.
    virtual void Look() = 0;

   protected:
    ~Carrier() = default;
  };

  Call();
  virtual ~Call() { DropState(); }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Which worker's state this call may use while its handler has not returned.
  uint32_t worker() const { return worker_; }
  // The arena of request and response.
  google::protobuf::Arena* arena() { return &arena_; }

  // When the caller stops waiting; time_point::max() when it did not say.
  std::chrono::system_clock::time_point deadline() const;
  bool expired() const;
  // The same as deadline(), by the clock that threads wait by.
  std::chrono::steady_clock::time_point steady_deadline() const;
  // Whether nobody waits for the answer any more, as far as the worker has noticed: it notices between events, and in
  // ShouldStop. One atomic load, from any thread.
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  // OK, DEADLINE_EXCEEDED or CANCELLED.
  absl::Status Standing() const;

  // Whether the work is for nobody: expired or cancelled. Looks for the latter at most every millisecond. REQUIRES: on
  // the thread of the handler, before it returns.
  bool ShouldStop();
  // ShouldStop as a budget, asked at every `every`-th step.
  WorkBudget budget(uint32_t every = 1) {
    return WorkBudget([](void* call) { return static_cast<Call*>(call)->ShouldStop(); }, this, every);
  }

  // True a millisecond after the handler was called: let others have their turn.
  bool ShouldRest() const;
  // Has the handler called once more, when other events that wait have had their turn; unless the call is cancelled or
  // expires first, which is then its answer. In place of Finish: the handler returns next. REQUIRES: on its thread.
  void Again() { carrier_->Again(); }
  // Has the handler called once more when Resume was called, in place of Finish: the handler returns soon. Until then
  // nothing ends the call: what it keeps and its messages stay, also when the caller has gone, the deadline passes or
  // the server stops, which is the call's answer when it is resumed. REQUIRES: on its thread.
  void Pause() { carrier_->Pause(); }
  // Ends a pause: exactly once after each Pause, from any thread, before or after the handler returns. From then on the
  // call is the handler's again: touch nothing of it.
  void Resume() { carrier_->Resume(); }
  // What the handler keeps until then: made at the first question, gone when the call finishes, however that comes. On
  // the arena.
  template <typename T>
  T* state() {
    if (state_ == nullptr) {
      static_assert(alignof(T) <= alignof(uint64_t));
      state_ = new (google::protobuf::Arena::CreateArray<uint64_t>(&arena_, (sizeof(T) + 7) / 8)) T();
      destroy_state_ = [](void* state) { static_cast<T*>(state)->~T(); };
    }
    return static_cast<T*>(state_);
  }

  // Sends the response, or the error with its details. See the top of this file.
  void Finish(const absl::Status& status) { carrier_->Finish(status); }

  // The rest is for carriers.

  // Ready for the next call: forgets what was of the last one.
  void Clear();
  // Destroys what the handler kept.
  void DropState();
  // Makes the messages. Between Clear and this only Cancel may be called.
  void Begin(Carrier* carrier, uint32_t worker, gpr_timespec deadline);
  void BeginStep(std::chrono::steady_clock::time_point now) { step_begin_ = now; }
  void Cancel() { cancelled_.store(true, std::memory_order_relaxed); }
  google::protobuf::Message* request_message() { return request_; }
  google::protobuf::Message* response_message() { return response_; }

 protected:
  virtual google::protobuf::Message* NewRequest(google::protobuf::Arena* arena) = 0;
  // nullptr where messages are made one by one.
  virtual google::protobuf::Message* NewResponse(google::protobuf::Arena* arena) = 0;

  google::protobuf::Message* request_ = nullptr;
  google::protobuf::Message* response_ = nullptr;

 private:
  std::unique_ptr<char[]> initial_block_;
  google::protobuf::Arena arena_;
  void* state_ = nullptr;
  void (*destroy_state_)(void*) = nullptr;  // of state_
  Carrier* carrier_ = nullptr;
  uint32_t worker_ = 0;
  gpr_timespec deadline_{};
  std::atomic<bool> cancelled_{false};
  std::chrono::steady_clock::time_point last_look_;
  std::chrono::steady_clock::time_point step_begin_;
};

// RESOURCE_EXHAUSTED for an answer of more than limits::kMaxResponseBytes. Computes the size that serializing needs.
absl::Status CheckResponseSize(const google::protobuf::Message& response);

}  // namespace kindred::rpc
