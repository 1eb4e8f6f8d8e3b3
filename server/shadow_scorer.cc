#include "server/shadow_scorer.h"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <unordered_map>

#include "core/base/thread_priority.h"
#include "server/model_lookup.h"
#include "server/rpc/local_call.h"

namespace kindred {
namespace {

// The least that the kernel gives a thread that is not idle: one of no priority at all might hold a lock for long.
constexpr int kLowPriority = 19;

// xorshift64*, seeded from where the thread has it.
uint32_t NextRandom() {
  thread_local uint64_t state = reinterpret_cast<uintptr_t>(&state) | 1;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  return static_cast<uint32_t>((state * 0x2545F4914F6CDD1D) >> 32);
}

double Ratio(double sum, double count) { return count > 0 ? sum / count : 0; }

}  // namespace

ShadowScorer::ShadowScorer(const ModelRegistry* models, AvailabilityRegistry* availability, ProfileStore* store)
    : models_(models), methods_(&shadows_, store, &counters_), state_(&shadows_, availability, 0) {
  thread_ = std::thread([this] { Run(); });
}

ShadowScorer::~ShadowScorer() {
  {
    const std::lock_guard lock(queue_mutex_);
    stopping_ = true;
  }
  queued_.notify_all();
  thread_.join();
}

int64_t ShadowScorer::ThreadCpuNs() {
  timespec now = {};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

void ShadowScorer::LearnShare() {
  // A publication between the two leaves the older epoch here, and so only costs another look.
  const uint64_t epoch = models_->epoch();
  uint32_t most = 0;
  for (const auto& [name, routes] : *models_->Snapshot()) {
    if (routes->shadow != nullptr) most = std::max(most, routes->shadow_share);
  }
  {
    const std::lock_guard lock(figures_mutex_);
    Forget(*models_->Snapshot());
  }
  most_share_.store(most, std::memory_order_relaxed);
  known_epoch_.store(epoch, std::memory_order_release);
}

std::optional<uint32_t> ShadowScorer::Draw() {
  if (models_->epoch() != known_epoch_.load(std::memory_order_acquire)) LearnShare();
  const uint32_t most = most_share_.load(std::memory_order_relaxed);
  if (most == 0) return std::nullopt;
  const uint32_t draw = NextRandom() % kWholeShare;
  return draw < most ? std::optional(draw) : std::nullopt;
}

void ShadowScorer::Offer(uint32_t draw, const ModelRoutes* routes, const v1::RecommendRequest& request,
                         const v1::RecommendResponse& response, int64_t cpu_ns) {
  if (routes == nullptr || routes->shadow == nullptr || draw >= routes->shadow_share) return;
  // Compared with what serves, and only where the shadow could answer in its place.
  if (response.version() != routes->serving->version() || routes->shadow->poisoned()) return;
  if (!request.page_token().empty() || SplitReference(request.model()).chosen) return;
  Task task;
  task.shadow = routes->shadow;
  task.serving = routes->serving->digest();
  task.cpu_ns = cpu_ns;
  {
    const std::lock_guard lock(queue_mutex_);
    if (queue_.size() >= kMaxWaiting) {
      const std::lock_guard figures(figures_mutex_);
      if (Sums* const sums = SumsOf(task)) ++sums->dropped;
      return;
    }
  }
  request.SerializeToString(&task.request);
  task.given.reserve(static_cast<size_t>(response.items_size()));
  for (const v1::RecommendedItem& item : response.items()) task.given.emplace_back(item.item_id(), item.score());
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.push_back(std::move(task));
  }
  queued_.notify_one();
}

bool ShadowScorer::AreOf(const Sums& sums, const ModelRoutes& routes) {
  return routes.shadow != nullptr && sums.version == routes.shadow->version() &&
         sums.digest == routes.shadow->digest() && sums.serving == routes.serving->digest();
}

void ShadowScorer::Forget(const ModelRegistry::Table& table) const {
  std::erase_if(sums_, [&table](const auto& entry) {
    const auto routes = table.find(entry.first);
    return routes == table.end() || !AreOf(entry.second, *routes->second);
  });
}

ShadowScorer::Sums* ShadowScorer::SumsOf(const Task& task) {
  Sums fresh;
  fresh.version = task.shadow->version();
  fresh.digest = task.shadow->digest();
  fresh.serving = task.serving;
  const auto table = models_->Snapshot();
  const auto routes = table->find(task.shadow->name());
  if (routes == table->end() || !AreOf(fresh, *routes->second)) return nullptr;
  Sums& sums = sums_[task.shadow->name()];
  if (!AreOf(sums, *routes->second)) sums = std::move(fresh);
  return &sums;
}

void ShadowScorer::Run() {
  LowerPriority(kLowPriority);
  std::unique_lock lock(queue_mutex_);
  for (;;) {
    queued_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_) return;
    {
      const Task task = std::move(queue_.front());
      queue_.pop_front();
      lock.unlock();
      Answer(task);
    }
    lock.lock();
  }
}

void ShadowScorer::Answer(const Task& task) {
  shadows_.Publish(task.shadow);
  task_ = &task;
  std::vector<std::string> responses;
  const absl::Status answered = rpc::RunLocally(&call_, task.request, &responses);
  if (!answered.ok()) {
    const std::lock_guard lock(figures_mutex_);
    if (Sums* const sums = SumsOf(task)) ++sums->failed;
  }
  // A version that is a shadow no more is not kept by the last look at it.
  shadows_.Remove(task.shadow->name());
  state_.models.Refresh();
  call_.Clear();
}

void ShadowScorer::HandleStep(Call* call) {
  const int64_t begin = ThreadCpuNs();
  const absl::StatusOr<rpc::CallStep> step =
      methods_.Recommend(call->request(), call, call->state<CallProgress>(), state_.BeginTurn(), call->response());
  if (!step.ok()) return call->Finish(step.status());
  // The only one of a call that waits for its profile is the last, as where the request was answered.
  if (*step != rpc::CallStep::kDone) return;
  const int64_t cpu_ns = ThreadCpuNs() - begin;
  if (!task_->shadow->poisoned()) Compare(*task_, *call->response(), cpu_ns);
  call->Finish(absl::OkStatus());
}

void ShadowScorer::Compare(const Task& task, const v1::RecommendResponse& response, int64_t cpu_ns) {
  std::unordered_map<std::string_view, float> scores;
  for (const v1::RecommendedItem& item : response.items()) scores.emplace(item.item_id(), item.score());
  size_t both = 0;
  uint64_t shifts = 0;
  double shift = 0;
  for (const auto& [id, score] : task.given) {
    const auto found = scores.find(id);
    if (found == scores.end()) continue;
    ++both;
    if (score == 0) continue;
    shift += std::abs((double{score} - double{found->second}) / double{score});
    ++shifts;
  }
  const size_t longest = std::max(task.given.size(), scores.size());
  const std::lock_guard lock(figures_mutex_);
  Sums* const sums = SumsOf(task);
  if (sums == nullptr) return;
  ++sums->compared;
  sums->overlap += longest == 0 ? 1 : static_cast<double>(both) / static_cast<double>(longest);
  sums->shift += shift;
  sums->shifts += shifts;
  sums->given_ns += task.cpu_ns;
  sums->shadow_ns += cpu_ns;
}

std::vector<ShadowFigures> ShadowScorer::Figures() const {
  std::vector<ShadowFigures> all;
  const std::lock_guard lock(figures_mutex_);
  const auto table = models_->Snapshot();
  // Here too: where no call comes nothing else notices.
  Forget(*table);
  for (const auto& [name, routes] : *table) {
    if (routes->shadow == nullptr) continue;
    ShadowFigures figures;
    figures.model = name;
    figures.version = routes->shadow->version();
    const auto found = sums_.find(name);
    if (found != sums_.end()) {
      const Sums& sums = found->second;
      const auto compared = static_cast<double>(sums.compared);
      figures.compared = sums.compared;
      figures.failed = sums.failed;
      figures.dropped = sums.dropped;
      figures.overlap = Ratio(sums.overlap, compared);
      figures.score_shift = Ratio(sums.shift, static_cast<double>(sums.shifts));
      figures.latency_ratio = Ratio(static_cast<double>(sums.shadow_ns), static_cast<double>(sums.given_ns));
    }
    all.push_back(std::move(figures));
  }
  return all;
}

}  // namespace kindred
