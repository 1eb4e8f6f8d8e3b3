#include "core/lifecycle/version_gate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/engine/golden.h"
#include "core/lifecycle/drift.h"
#include "core/lifecycle/memory_room.h"

namespace kindred {
namespace {

// "812 MiB", "3 KiB".
std::string Size(uint64_t bytes) {
  const bool small = bytes < (1 << 20);
  return absl::StrFormat("%d %s", (bytes + (small ? 1023 : (1 << 20) - 1)) >> (small ? 10 : 20), small ? "KiB" : "MiB");
}

// "93rd".
std::string Percentile(double rank) {
  const int percent = static_cast<int>(std::lround(100 * rank));
  const int last = percent % 10;
  const bool teen = percent / 10 % 10 == 1;
  const std::string_view ending = teen || last == 0 || last > 3 ? "th" : last == 1 ? "st" : last == 2 ? "nd" : "rd";
  return absl::StrFormat("%d%s", percent, ending);
}

class Gate {
 public:
  Gate(const std::string& path, const std::string& model, uint64_t version, const ModelHandle& live, bool force,
       const GateOptions& options, const GateProgress& progress, GateResult* result)
      : path_(path),
        model_(model),
        version_(version),
        live_(live),
        force_(force),
        options_(options),
        progress_(progress),
        result_(*result) {}

  absl::Status Pass() {
    const absl::Status status = PassChecks();
    return absl::IsCancelled(status) ? GivenUp() : status;
  }

 private:
  absl::Status PassChecks() {
    using Check = absl::Status (Gate::*)();
    constexpr std::pair<std::string_view, Check> kChecks[] = {{"header", &Gate::CheckHeader},
                                                              {"memory", &Gate::CheckMemory},
                                                              {"checksums", &Gate::Load},
                                                              {"golden queries", &Gate::CheckGolden},
                                                              {"drift", &Gate::CheckDrift}};
    for (const auto& [step, check] : kChecks) {
      step_ = step;
      RETURN_IF_ERROR(Tell(step, 0));
      RETURN_IF_ERROR((this->*check)());
      RETURN_IF_ERROR(Tell(step, 1));
    }
    result_.model = loaded_;
    return absl::OkStatus();
  }

  absl::Status Tell(std::string_view step, double progress) const {
    return progress_ == nullptr || progress_(step, progress) ? absl::OkStatus() : GivenUp();
  }

  // For what takes long: whether the present step should go on.
  std::function<bool()> GoOnQuestion() const {
    if (progress_ == nullptr) return nullptr;
    return [this] { return progress_(step_, 0); };
  }

  absl::Status GivenUp() const {
    return absl::CancelledError(absl::StrFormat("%s: given up at the check of %s", path_, step_));
  }

  absl::Status CheckHeader() {
    ASSIGN_OR_RETURN(info_, InspectBundle(path_));
    if (info_.model.empty() || info_.model == model_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("%s is a bundle of model '%s' in the folder of model '%s'; move it, or pack it with --model %s",
                        path_, info_.model, model_, model_));
  }

  absl::Status CheckMemory() { return CheckMemoryNeed(info_, live_, options_, &result_.memory); }

  absl::Status Load() {
    const ModelLoadOptions options{.name = model_,
                                   .version = absl::StrCat(version_),
                                   .mode = options_.load_mode,
                                   .verify = options_.verify,
                                   .go_on = GoOnQuestion()};
    ASSIGN_OR_RETURN(loaded_, Model::Load(path_, options));
    if (loaded_->name() == model_) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: changed while it was loaded: it is a bundle of model '%s' now; publish by rename", path_,
                        loaded_->name()));
  }

  absl::Status CheckGolden() {
    const absl::StatusOr<int> queries = CheckGoldenQueries(*loaded_, GoOnQuestion());
    if (queries.ok()) {
      result_.golden_queries = *queries;
      return absl::OkStatus();
    }
    return absl::Status(
        queries.status().code(),
        absl::StrFormat(
            "%s: %s; it does not answer here as where it was packed: pack it again with this build (kindred "
            "pack --in), and look whether anyone changed it since",
            path_, queries.status().message()));
  }

  absl::Status CheckDrift() {
    if (live_ == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(const Drift drift, MeasureDrift(*loaded_, *live_, GoOnQuestion()));
    result_.drift = drift;
    if (force_) return absl::OkStatus();
    if (drift.catalogue < options_.min_catalogue) {
      return Drifted(
          absl::StrFormat("it has %.1f%% of the items of version %s, which serves (bound: %.1f%%, "
                          "models.gate.min_catalogue): is it a model of other data, or of a part of it?",
                          100 * drift.catalogue, live_->version(), 100 * options_.min_catalogue));
    }
    if (drift.subjects < kLeastDriftSubjects) return absl::OkStatus();
    if (drift.live_own_rank - drift.own_rank > options_.max_own_rank_drop) {
      return Drifted(absl::StrFormat(
          "users' own items rank at the %s percentile, under version %s at the %s (bound: %.0f points lower, "
          "models.gate.max_own_rank_drop): user and item vectors do not belong together; was one of them rotated or "
          "trained anew without the other?",
          Percentile(drift.own_rank), live_->version(), Percentile(drift.live_own_rank),
          100 * options_.max_own_rank_drop));
    }
    if (drift.overlap < options_.min_overlap) {
      return Drifted(
          absl::StrFormat("of the ten best items of %d users or histories %.1f%% are those of version %s "
                          "(bound: %.1f%%, models.gate.min_overlap): is it a model of other data, or were "
                          "ids mixed up?",
                          drift.subjects, 100 * drift.overlap, live_->version(), 100 * options_.min_overlap));
    }
    return absl::OkStatus();
  }

  absl::Status Drifted(const std::string& what) const {
    return absl::FailedPreconditionError(absl::StrFormat(
        "%s: drift: %s To load it all the same: kindred models load %s %d --force", path_, what, model_, version_));
  }

  const std::string& path_;
  const std::string& model_;
  const uint64_t version_;
  const ModelHandle& live_;
  const bool force_;
  const GateOptions& options_;
  const GateProgress& progress_;
  GateResult& result_;
  BundleInfo info_;
  ModelHandle loaded_;
  std::string_view step_;  // the present one
};

}  // namespace

absl::Status CheckMemoryNeed(const BundleInfo& info, const ModelHandle& live, const GateOptions& options,
                             MemoryNeed* out) {
  MemoryRoom room = ReadMemoryRoom();
  if (options.memory_limit_bytes > 0) {
    room.available = options.memory_limit_bytes - std::min(options.memory_limit_bytes, room.resident);
    room.bound = "models.gate.memory_limit_bytes";
  }
  uint64_t mapped = room.mapped;
  if (live != nullptr && live->load_mode() == LoadMode::kMap) mapped = std::max(mapped, live->info().file_size);
  const bool copy = options.load_mode == LoadMode::kCopy;
  // A copy is the file once more; while it is made, its pages in the cache can be dropped.
  const uint64_t made = BytesMadeAtLoad(info, LoadMode::kMap);
  MemoryNeed& need = *out;
  need.bundle = info.file_size + made;
  need.resident = room.resident;
  need.available = room.available - std::min(room.available, mapped);
  need.headroom = options.memory_headroom_bytes;
  if (need.bundle <= need.available && need.headroom <= need.available - need.bundle) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrFormat(
      "%s: memory: needs %s (bundle %s, to be %s, + %s made at load) beside %s resident and %s of files mapped; the "
      "%s leaves %s, %s of which must stay free (models.gate.memory_headroom_bytes); raise the limit, unload versions "
      "that are kept ready (kindred models unload, models.keep_ready), or publish a smaller model",
      info.path, Size(need.bundle), Size(info.file_size), copy ? "copied" : "mapped", Size(made), Size(need.resident),
      Size(mapped), room.bound, Size(need.available), Size(need.headroom)));
}

absl::Status PassGate(const std::string& path, const std::string& model, uint64_t version, const ModelHandle& live,
                      bool force, const GateOptions& options, const GateProgress& progress, GateResult* result) {
  const auto begin = std::chrono::steady_clock::now();
  *result = GateResult();
  absl::Status status;
  try {
    status = Gate(path, model, version, live, force, options, progress, result).Pass();
  } catch (const std::bad_alloc&) {
    status = absl::ResourceExhaustedError(
        absl::StrFormat("%s: memory: none was left while it was loaded; raise the limit of this process, or unload "
                        "versions that are kept ready (kindred models unload)",
                        path));
  }
  result->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return status;
}

}  // namespace kindred
