#include "clients/cli/load_runner.h"

#include <algorithm>
#include <thread>

#include "absl/strings/str_cat.h"
#include "clients/cli/interrupt.h"
#include "clients/cli/words.h"
#include "clients/cpp/rpc_status.h"

namespace kindred {
namespace {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;

// How long a caller of the closed loop rests after a call that failed, so that a server that is gone is not asked a
// million times a second; and an update that is sent again, doubling up to the largest.
constexpr auto kCallerRest = milliseconds(10);
constexpr auto kFirstBackoff = milliseconds(20);
constexpr int kMaxBackoffDoublings = 4;
// Updates that are sent again at a time: without a limit those of a server that was away keep it from coming back.
constexpr size_t kMaxRepeats = 64;
// How often the sending thread looks up: at signals, and at seconds that are over.
constexpr auto kGlance = milliseconds(50);

LoadRunner::Clock::duration Seconds(double seconds) {
  return duration_cast<LoadRunner::Clock::duration>(duration<double>(seconds));
}

bool MaySucceedLater(absl::StatusCode code) {
  return code == absl::StatusCode::kUnavailable || code == absl::StatusCode::kDeadlineExceeded ||
         code == absl::StatusCode::kResourceExhausted || code == absl::StatusCode::kAborted ||
         code == absl::StatusCode::kCancelled || code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kInternal;
}

}  // namespace

struct LoadRunner::Call : LoadCall {
  Job job;
  int64_t second = 0;
};

LoadRunner::LoadRunner(const LoadOptions& options, bool known_users, LoadWorkload* workload, LedgerWriter* ledger,
                       LoadReport* report)
    : options_(options), known_users_(known_users), workload_(workload), ledger_(ledger), report_(report) {
  for (uint32_t c = 0; c < options.connections; ++c) {
    for (const std::string& server : options.servers) {
      stubs_.push_back(v1::RecommendationService::NewStub(LoadChannel(server)));
    }
  }
}

LoadRunner::~LoadRunner() = default;

int64_t LoadRunner::SecondOf(Clock::time_point time) const {
  return duration_cast<std::chrono::seconds>(time - start_).count();
}

absl::Status LoadRunner::Run(int64_t start_ms) {
  CatchInterrupts();
  std::thread answers([this] { TakeAnswers(); });
  std::unique_lock lock(mutex_);
  start_ms_ = start_ms;
  start_ = Clock::now();
  end_ = start_ + Seconds(options_.duration_s);
  for (uint32_t c = 0; c < options_.callers && !CallsAreOver(); ++c) SendNext(start_);
  for (uint64_t n = 0;;) {
    Clock::time_point now = Clock::now();
    if (Interrupted() && now < end_) end_ = now;
    Clock::time_point wake = now + kGlance;
    // Where more is due than can be sent, the other thread still gets the lock, and the rest of this loop its turn.
    const Clock::time_point glance = wake;
    while (options_.rps > 0 && !Interrupted()) {
      const Clock::time_point due = start_ + Seconds(static_cast<double>(n) / options_.rps);
      if (due >= end_ || CallsAreOver()) break;
      if (due > now) {
        wake = std::min(wake, due);
        break;
      }
      SendNext(due);
      ++n;
      lock.unlock();
      std::this_thread::yield();
      lock.lock();
      now = Clock::now();
      if (now >= glance) {
        wake = now;
        break;
      }
    }
    while (!jobs_.empty() && jobs_.top().due <= now) {
      Job job = jobs_.top();
      jobs_.pop();
      if (job.plan.has_value()) {
        again_.push(std::move(job));
      } else if (now < end_ && !CallsAreOver()) {
        SendNext(now);
      }
    }
    SendAgain();
    if (!jobs_.empty()) wake = std::min(wake, jobs_.top().due);
    report_->Flush(SecondOf(now));
    if (CallsAreOver()) end_ = std::min(end_, now);
    if (now >= end_ && open_calls_ == 0 && jobs_.empty() && again_.empty()) break;
    changed_.wait_until(lock, wake);
  }
  totals_.seconds = duration<double>(end_ - start_).count();
  lock.unlock();
  queue_.Shutdown();
  answers.join();
  return ledger_status_;
}

// REQUIRES: mutex_ is held.
void LoadRunner::Push(Job job) {
  jobs_.push(std::move(job));
  changed_.notify_one();
}

// REQUIRES: mutex_ is held.
void LoadRunner::SendAgain() {
  while (open_repeats_ < kMaxRepeats && !again_.empty()) {
    Job job = std::move(again_.front());
    again_.pop();
    job.due = Clock::now();
    ++open_repeats_;
    Send(std::move(job));
  }
}

// REQUIRES: mutex_ is held.
void LoadRunner::SendNext(Clock::time_point intended) {
  Job job;
  job.due = job.intended = intended;
  job.of_caller = options_.rps == 0;
  job.plan = workload_->Next(start_ms_ + duration_cast<milliseconds>(intended - start_).count());
  job.target = n_sent_++ % stubs_.size();
  if (job.plan->method != LoadMethod::kUpdateProfile) return Send(std::move(job));
  job.fate = std::make_shared<Fate>();
  // A low-discrepancy sequence: the share holds over any stretch of the load.
  const double before = options_.duplicates * static_cast<double>(n_sent_ - 1);
  const bool twice = static_cast<int64_t>(before + options_.duplicates) > static_cast<int64_t>(before);
  job.fate->open = twice ? 2 : 1;
  if (twice) {
    Job copy = job;
    copy.of_caller = false;
    copy.target = (job.target + 1) % stubs_.size();
    Send(std::move(copy));
  }
  Send(std::move(job));
}

// REQUIRES: mutex_ is held.
void LoadRunner::Send(Job job) {
  auto call = std::make_unique<Call>();
  call->second = std::max<int64_t>(0, SecondOf(job.attempt == 0 ? job.intended : job.due));
  call->context.set_deadline(std::chrono::system_clock::now() +
                             duration_cast<microseconds>(Seconds(options_.deadline_s)));
  call->plan = *job.plan;
  call->job = std::move(job);
  report_->Sent(call->second);
  ++open_calls_;
  Call* sent = call.release();  // TakeAnswers has it back
  sent->Start(options_, workload_->user(sent->plan.user), stubs_[sent->job.target].get(), &queue_, sent);
}

void LoadRunner::TakeAnswers() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    const std::unique_ptr<Call> call(static_cast<Call*>(tag));
    const std::lock_guard lock(mutex_);
    End(call.get(), ok);
    if (open_calls_ == 0) changed_.notify_one();
  }
}

// REQUIRES: mutex_ is held.
void LoadRunner::End(Call* call, bool ok) {
  const Clock::time_point now = Clock::now();
  const absl::Status status = ok ? FromGrpcStatus(call->status) : absl::UnknownError("the call was dropped");
  LoadOutcome outcome;
  outcome.method = call->plan.method;
  outcome.code = status.code();
  outcome.latency_us = duration_cast<microseconds>(now - call->job.intended).count();
  if (outcome.method == LoadMethod::kUpdateProfile) {
    EndUpdate(call, status);
  } else if (status.ok()) {
    call->Tell(&outcome);
    outcome.foreign = call->Foreign(*workload_, start_ms_, known_users_);
  }
  report_->Ended(call->second, outcome);
  --open_calls_;
  if (call->job.attempt > 0) {
    --open_repeats_;
    SendAgain();
  }
  if (!call->job.of_caller || now >= end_ || CallsAreOver()) return;
  if (status.ok()) return SendNext(now);
  Job next;
  next.due = now + kCallerRest;
  Push(std::move(next));
}

// REQUIRES: mutex_ is held.
void LoadRunner::EndUpdate(Call* call, const absl::Status& status) {
  Job& job = call->job;
  Fate& fate = *job.fate;
  if (status.ok()) {
    if (!fate.acknowledged) ++totals_.acknowledged;
    fate.acknowledged = true;
    const PlannedCall& plan = call->plan;
    const absl::Status written = ledger_->Append({.user = workload_->user(plan.user),
                                                  .update_id = plan.update_id,
                                                  .item = std::string(plan.item),
                                                  .time_ms = plan.time_ms,
                                                  .version = call->updated().profile_version(),
                                                  .durability = DurabilityWord(call->updated().durability()),
                                                  .duplicate = call->updated().duplicate(),
                                                  .server = options_.servers[job.target % options_.servers.size()]});
    if (ledger_status_.ok()) ledger_status_ = written;
  } else if (options_.retry && MaySucceedLater(status.code()) && Clock::now() < end_ + Seconds(options_.retry_for_s)) {
    Job again = job;
    again.of_caller = false;
    again.due = Clock::now() + kFirstBackoff * (1 << std::min(job.attempt, kMaxBackoffDoublings));
    again.target = (job.target + 1) % stubs_.size();
    ++again.attempt;
    ++totals_.retries;
    Push(std::move(again));
    return;
  }
  if (--fate.open == 0 && !fate.acknowledged) ++totals_.given_up;
}

}  // namespace kindred
