#include "trainer/tuning/tune_runner.h"

#include <chrono>
#include <filesystem>
#include <optional>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "trainer/evaluation/model_ranker.h"
#include "trainer/tuning/tune_folder.h"

namespace kindred {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRunBundle = "run.safetensors";

}  // namespace

absl::StatusOr<EventLog> ReadHeldOut(const TrainOptions& train, const std::vector<std::string>& paths,
                                     Progress* progress) {
  EventReadOptions read = train.read;
  read.min_user_items = read.min_item_users = 1;
  read.max_users = read.max_items = 0;
  read.from_ms.reset();
  read.before_ms.reset();
  read.allow_negative = true;
  ASSIGN_OR_RETURN(EventInput input, ReadEvents(paths, read, progress));
  return std::move(input.log);
}

absl::StatusOr<Evaluation> MeasureModel(std::shared_ptr<const Model> model, const EventLog& train,
                                        const EventLog& held_out, EvaluateOptions options, Progress* progress) {
  ASSIGN_OR_RETURN(const auto ranker, ModelRanker::Create(std::move(model), ""));
  ASSIGN_OR_RETURN(const Background background, Background::OfEvents(train, *ranker));
  EvaluateInput input;
  input.ranker = ranker.get();
  input.test = &held_out;
  input.train = &train;
  input.background = &background;
  if (!held_out.value.empty()) options.values = ValueScaleOf(ranker->space().spec);
  ASSIGN_OR_RETURN(Evaluation out, Evaluate(input, options, progress));
  out.family = ranker->space().spec.family;
  out.dim = ranker->space().spec.dim;
  return out;
}

TuneRunner::TuneRunner(const TuneOptions& options, Recipe* recipe, const RecipeParameters& parameters)
    : options_(options), recipe_(recipe), parameters_(parameters), bundle_(PathInFolder(options, kRunBundle)) {
  RemoveBundles();
}

TuneRunner::~TuneRunner() { RemoveBundles(); }

absl::Status TuneRunner::Read(Progress* progress) {
  ASSIGN_OR_RETURN(input_, ReadTrainingInput(options_.train, progress));
  ASSIGN_OR_RETURN(valid_, ReadHeldOut(options_.train, options_.valid, progress));
  return absl::OkStatus();
}

absl::Status TuneRunner::Run(TriedRun* run) {
  const auto start = std::chrono::steady_clock::now();
  Progress silent(Progress::Mode::kSilent);
  run->why.clear();
  run->status = kFailed;
  const absl::StatusOr<BundleInfo> trained = Train(&silent);
  if (absl::IsInvalidArgument(trained.status()) || absl::IsFailedPrecondition(trained.status())) {
    run->why = std::string(trained.status().message());
  } else {
    RETURN_IF_ERROR(trained.status());
    run->why = Unreached(*trained);
    if (run->why.empty()) {
      ASSIGN_OR_RETURN(auto model, Model::Load(bundle_));
      ASSIGN_OR_RETURN(run->valid,
                       MeasureModel(std::move(model), input_.events.log, valid_, options_.evaluate, &silent));
      run->status = kDone;
    } else {
      run->status = kSkipped;
    }
  }
  run->seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return absl::OkStatus();
}

// The bundle of a run, and what is left of one that was being written.
void TuneRunner::RemoveBundles() const {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(options_.folder, ignored)) {
    if (entry.path().filename().string().find(kRunBundle) != std::string::npos) fs::remove(entry.path(), ignored);
  }
}

absl::StatusOr<BundleInfo> TuneRunner::Train(Progress* progress) const {
  ASSIGN_OR_RETURN(const TrainedBundle trained, TrainBundle(input_.events.log, input_.items, *recipe_, "{}", progress));
  ASSIGN_OR_RETURN(PackReport packed, PackParts(trained.parts, bundle_));
  return std::move(packed.info);
}

// Which size the data did not carry; empty when all came out as asked for.
std::string TuneRunner::Unreached(const BundleInfo& info) const {
  for (const auto& [name, space] : parameters_.sizes()) {
    const auto spec = info.spaces.find(space);
    const std::optional<uint64_t> asked = ParseIndex(parameters_.list().Find(name)->get());
    if (!asked || spec == info.spaces.end() || IsSparse(spec->second.fold_in)) continue;
    if (spec->second.dim < *asked) {
      return absl::StrFormat("the data carries only %d of %s=%d", spec->second.dim, name, *asked);
    }
  }
  return "";
}

}  // namespace kindred
