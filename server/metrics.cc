#include "server/metrics.h"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <initializer_list>
#include <utility>

#include "core/engine/hybrid.h"
#include "core/engine/recommender.h"
#include "core/kernels/dispatch.h"
#include "server/advice_metrics.h"
#include "server/build_info.h"
#include "server/grpc_status.h"
#include "server/metric_families.h"
#include "server/process_stats.h"

namespace kindred {
namespace {

constexpr std::array<AnswerSource, ServiceCounters::kSources> kSources = {
    AnswerSource::kLiveProfile,  AnswerSource::kBlendedProfile, AnswerSource::kTrainedVector,
    AnswerSource::kInlineEvents, AnswerSource::kCategory,       AnswerSource::kPrecomputed,
    AnswerSource::kAverage,      AnswerSource::kPopularity};

constexpr std::array<std::pair<DegradedMethod, const char*>, ServiceCounters::kMethods> kDegradedMethods = {
    {{DegradedMethod::kRecommend, "Recommend"},
     {DegradedMethod::kGetProfile, "GetProfile"},
     {DegradedMethod::kBatchGetProfile, "BatchGetProfile"}}};

constexpr std::array<std::pair<DegradedReason, const char*>, ServiceCounters::kReasons> kDegradedReasons = {
    {{DegradedReason::kStoreUnavailable, "profile_store_unavailable"},
     {DegradedReason::kStaleProfile, "stale_profile"}}};

MetricLabels MethodLabels(const rpc::MethodName& name) {
  return {{"grpc_type", name.type}, {"grpc_service", name.service}, {"grpc_method", name.method}};
}

// The counters of one method, a cell a worker. Both gRPC servers have a health service, which counts as one.
struct MethodCells {
  const rpc::MethodName* name;
  std::vector<const rpc::CallCounters*> cells;
};

std::vector<MethodCells> CellsOf(std::initializer_list<const rpc::CallStats*> servers) {
  std::vector<MethodCells> out;
  for (const rpc::CallStats* calls : servers) {
    if (calls == nullptr) continue;
    for (uint32_t method = 0; method < calls->methods().size(); ++method) {
      const rpc::MethodName& name = calls->methods()[method];
      auto found = std::find_if(out.begin(), out.end(), [&](const MethodCells& other) {
        return other.name->service == name.service && other.name->method == name.method;
      });
      if (found == out.end()) found = out.insert(out.end(), {&name, {}});
      for (uint32_t worker = 0; worker < calls->workers(); ++worker) {
        found->cells.push_back(&calls->cell(method, worker));
      }
    }
  }
  return out;
}

// The names and labels that gRPC servers in other languages use, so that common dashboards work.
void CollectCalls(const std::vector<MethodCells>& methods, MetricFamilies* out) {
  MetricFamilies started, handled, handling, in_flight;
  auto started_family = Counter(&started, "grpc_server_started_total", "Calls that reached a handler.");
  auto handled_family = Counter(&handled, "grpc_server_handled_total", "Calls answered, by status code.");
  auto handling_family =
      Histogram(&handling, "grpc_server_handling_seconds", "From reading a request to handing its answer to gRPC.");
  auto in_flight_family = Gauge(&in_flight, "kindred_calls_in_flight", "Calls being handled.");
  for (const MethodCells& method : methods) {
    const MetricLabels labels = MethodLabels(*method.name);
    uint64_t total_started = 0, total_handled = 0, handling_ns = 0;
    std::array<uint64_t, rpc::kStatusCodes> codes{};
    std::array<uint64_t, rpc::kHandlingBounds.size() + 1> buckets{};
    for (const rpc::CallCounters* cell : method.cells) {
      for (size_t i = 0; i < codes.size(); ++i) codes[i] += cell->handled[i].value();
      for (size_t i = 0; i < buckets.size(); ++i) buckets[i] += cell->handling[i].value();
      handling_ns += cell->handling_ns.value();
      total_started += cell->started.value();
    }
    started_family.Add(labels, static_cast<double>(total_started));
    for (size_t code = 0; code < codes.size(); ++code) {
      total_handled += codes[code];
      // OK is there from the start, so that a rate over it is never absent; other codes once they occur.
      if (code > 0 && codes[code] == 0) continue;
      MetricLabels with_code = labels;
      with_code.emplace_back("grpc_code", GrpcCodeName(static_cast<int>(code)));
      handled_family.Add(with_code, static_cast<double>(codes[code]));
    }
    handling_family.AddHistogram(labels, rpc::kHandlingBounds, buckets, static_cast<double>(handling_ns) * 1e-9);
    // Read at different moments, the two may cross by a call.
    in_flight_family.Add({{"grpc_method", method.name->method}},
                         static_cast<double>(total_started > total_handled ? total_started - total_handled : 0));
  }
  for (MetricFamilies* families : {&started, &handled, &handling, &in_flight}) {
    out->push_back(std::move(families->front()));
  }
}

void CollectService(const ServiceCounters& service, MetricFamilies* out) {
  auto answers = Counter(out, "kindred_answers_total", "Recommendations, by where the ranking vector came from.");
  for (AnswerSource source : kSources) {
    answers.Add({{"source", std::string(AnswerSourceName(source))}}, static_cast<double>(service.answers(source)));
  }
  auto degraded = Counter(out, "kindred_degraded_total", "Answers that had to do without something.");
  for (const auto& [method, method_name] : kDegradedMethods) {
    for (const auto& [reason, reason_name] : kDegradedReasons) {
      degraded.Add({{"grpc_method", method_name}, {"reason", reason_name}},
                   static_cast<double>(service.degraded(method, reason)));
    }
  }
}

void CollectModels(const ModelRegistry& registry, MetricFamilies* out) {
  const std::vector<ModelHandle> models = registry.All();
  auto info = Gauge(out, "kindred_model_info", "1 for each model that serves.");
  for (const ModelHandle& model : models) {
    info.Add({{"model", model->name()}, {"version", model->version()}, {"digest", model->digest()}}, 1);
  }
  auto items = Gauge(out, "kindred_model_items", "Items of the model's catalogue.");
  for (const ModelHandle& model : models) items.Add({{"model", model->name()}}, model->n_items());
  auto users = Gauge(out, "kindred_model_users", "Users that the model was trained with.");
  for (const ModelHandle& model : models) users.Add({{"model", model->name()}}, model->n_users());
  auto hybrid = Gauge(out, "kindred_model_hybrid_ready",
                      "1 for a version in memory that has content or a blend with it, 0 for one that goes on without.");
  for (const ModelHandle& model : registry.AllReady()) {
    if (model->poisoned()) continue;
    hybrid.Add({{"model", model->name()}, {"version", model->version()}}, IsHybridReady(*model) ? 1 : 0);
  }
  auto bytes = Gauge(out, "kindred_model_bytes", "Size of the model's bundle file.");
  for (const ModelHandle& model : models) {
    bytes.Add({{"model", model->name()}}, static_cast<double>(model->info().file_size));
  }
  auto load = Gauge(out, "kindred_model_load_seconds", "What loading the model cost, by phase.");
  for (const ModelHandle& model : models) {
    load.Add({{"model", model->name()}, {"phase", "verify"}}, model->cost().verify_seconds);
    load.Add({{"model", model->name()}, {"phase", "derive"}}, model->cost().derive_seconds);
  }
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  CollectAdvice(models, std::chrono::duration_cast<std::chrono::milliseconds>(now).count(), out);
}

void CollectStore(const ProfileStore& store, MetricFamilies* out) {
  const ProfileStoreCounts counts = store.counts();
  const std::string name(store.name());
  Gauge(out, "kindred_profile_store_info", "1 for the profile store in use.").Add({{"store", name}}, 1);
  Counter(out, "kindred_profile_lookups_total", "Profiles read from the store, by what was found.")
      .Add({{"store", name}, {"result", "hit"}}, static_cast<double>(counts.hits))
      .Add({{"store", name}, {"result", "miss"}}, static_cast<double>(counts.misses))
      .Add({{"store", name}, {"result", "corrupt"}}, static_cast<double>(counts.corrupt))
      .Add({{"store", name}, {"result", "error"}}, static_cast<double>(counts.errors));
}

template <size_t N>
std::array<uint64_t, N> Read(const std::array<std::atomic<uint64_t>, N>& counters) {
  std::array<uint64_t, N> values;
  for (size_t i = 0; i < N; ++i) values[i] = counters[i].load(std::memory_order_relaxed);
  return values;
}

void CollectWriter(const ProfileWriter& writer, MetricFamilies* out) {
  const ProfileWriterCounts& counts = writer.counts();
  Counter(out, "kindred_profile_updates_total", "Profile updates, by what became of them.")
      .Add({{"result", "applied"}}, static_cast<double>(counts.applied.load()))
      .Add({{"result", "duplicate"}}, static_cast<double>(counts.duplicates.load()))
      .Add({{"result", "failed"}}, static_cast<double>(counts.failed.load()))
      .Add({{"result", "shed"}}, static_cast<double>(counts.shed.load()));
  Counter(out, "kindred_profile_deletes_total", "Deletions of profiles, by what became of them.")
      .Add({{"result", "deleted"}}, static_cast<double>(counts.deleted.load()))
      .Add({{"result", "absent"}}, static_cast<double>(counts.absent.load()))
      .Add({{"result", "failed"}}, static_cast<double>(counts.delete_failed.load()))
      .Add({{"result", "shed"}}, static_cast<double>(counts.delete_shed.load()));
  Counter(out, "kindred_profile_imports_total", "Imported profiles, by what became of them.")
      .Add({{"result", "merged"}}, static_cast<double>(counts.merged.load()))
      .Add({{"result", "unchanged"}}, static_cast<double>(counts.unchanged.load()))
      .Add({{"result", "failed"}}, static_cast<double>(counts.merge_failed.load()))
      .Add({{"result", "shed"}}, static_cast<double>(counts.merge_shed.load()));
  Gauge(out, "kindred_profile_writer_queue", "Profile updates, deletions and imports that wait for a commit.")
      .Add({}, static_cast<double>(counts.queued.load()));
  Histogram(out, "kindred_profile_commit_seconds", "Time of a commit: reading, applying, syncing.")
      .AddHistogram({}, kCommitSecondsBounds, Read(counts.commit_seconds),
                    static_cast<double>(counts.commit_ns.load()) * 1e-9);
  Histogram(out, "kindred_profile_commit_updates", "Updates and deletions that one commit carried.")
      .AddHistogram({}, kCommitUpdatesBounds, Read(counts.commit_updates),
                    static_cast<double>(counts.committed_updates.load()));
}

void CollectItems(const AvailabilityStore& store, MetricFamilies* out) {
  const auto items = store.items();
  Gauge(out, "kindred_items_unavailable", "Items that are taken out of every answer.")
      .Add({}, static_cast<double>(items->size()));
  Gauge(out, "kindred_availability_version", "Counts up with every change of which items are out.")
      .Add({}, static_cast<double>(items->version()));
  const AvailabilityCounts& counts = store.counts();
  Counter(out, "kindred_availability_changes_total", "Calls that set which items are out, by what became of them.")
      .Add({{"result", "applied"}}, static_cast<double>(counts.applied.load()))
      .Add({{"result", "unchanged"}}, static_cast<double>(counts.unchanged.load()))
      .Add({{"result", "failed"}}, static_cast<double>(counts.failed.load()));
}

void CollectRequestLog(const RequestLogCounts& counts, MetricFamilies* out) {
  Counter(out, "kindred_request_log_lines_total", "Calls for the request log, by what became of them.")
      .Add({{"result", "written"}}, static_cast<double>(counts.written.load()))
      .Add({{"result", "dropped"}}, static_cast<double>(counts.dropped.load()))
      .Add({{"result", "failed"}}, static_cast<double>(counts.failed.load()));
}

void CollectProcess(MetricFamilies* out) {
  const ProcessStats stats = ReadProcessStats();
  Counter(out, "process_cpu_seconds_total", "User and system CPU time.").Add({}, stats.cpu_seconds);
  Gauge(out, "process_start_time_seconds", "Start, in seconds since the Unix epoch.").Add({}, stats.start_seconds);
  Gauge(out, "process_resident_memory_bytes", "Resident memory.").Add({}, static_cast<double>(stats.resident_bytes));
  Gauge(out, "process_virtual_memory_bytes", "Virtual memory.").Add({}, static_cast<double>(stats.virtual_bytes));
  Gauge(out, "process_threads", "Threads.").Add({}, static_cast<double>(stats.threads));
  Gauge(out, "process_open_fds", "Open file descriptors.").Add({}, static_cast<double>(stats.open_fds));
  Gauge(out, "process_max_fds", "Limit of open file descriptors.").Add({}, static_cast<double>(stats.max_fds));
}

}  // namespace

void Metrics::SetSources(const MetricSources& sources) {
  const std::lock_guard lock(mutex_);
  sources_ = sources;
}

std::vector<prometheus::MetricFamily> Metrics::Collect() const {
  MetricFamilies families;
  {
    const std::lock_guard lock(mutex_);
    const std::vector<MethodCells> methods = CellsOf({sources_.calls, sources_.admin_calls});
    if (!methods.empty()) CollectCalls(methods, &families);
    if (sources_.service != nullptr) CollectService(*sources_.service, &families);
    if (sources_.models != nullptr) CollectModels(*sources_.models, &families);
    if (sources_.versions) CollectVersions(sources_.versions(), &families);
    if (sources_.store != nullptr) CollectStore(*sources_.store, &families);
    if (sources_.writer != nullptr) CollectWriter(*sources_.writer, &families);
    if (sources_.items != nullptr) CollectItems(*sources_.items, &families);
    if (sources_.request_log != nullptr) CollectRequestLog(sources_.request_log->counts(), &families);
    if (sources_.redis) {
      const RedisSnapshot redis = sources_.redis();
      CollectRedisStore(redis.store, &families);
      CollectRedis(redis.client, &families);
    }
  }
  Gauge(&families, "kindred_ready", "1 while the server takes calls.").Add({}, ready_.load() ? 1 : 0);
  Gauge(&families, "kindred_kernel_info", "1 for the instruction set that the scans use.")
      .Add({{"isa", std::string(Kernels().name)}}, 1);
  Gauge(&families, "kindred_build_info", "1 for this build.")
      .Add({{"version", std::string(kKindredVersion)},
            {"compiler", std::string(kCompiler)},
            {"build_type", std::string(kBuildType)}},
           1);
  CollectProcess(&families);
  return families;
}

std::string Metrics::Text() const { return prometheus::TextSerializer().Serialize(Collect()); }

}  // namespace kindred
