#include <iostream>
#include <memory>

#include "core/base/status_macros.h"
#include "trainer/base/parallel.h"
#include "trainer/base/progress.h"
#include "trainer/commands/commands.h"
#include "trainer/evaluation/bundle_drift.h"

namespace kindred {
namespace {

// As diff(1): 0 alike, 1 different, 2 trouble.
constexpr int kExitDrifted = 1;
constexpr int kExitTrouble = 2;

constexpr char kDiffFooter[] =
    R"(Compares two trainings, space by space. Cosine drift is 1 - cos of the vectors that both bundles have an id of, as they
stand (raw) and after the rotation that brings them nearest to each other (aligned): the bases of two trainings differ,
so the aligned mean is what --max-drift is held against, for items and tokens. Neighbours: the share of an item's
nearest k that it keeps. Rank change: how many places an item of a user's list moves in the mean, one that left counting
as the place behind the list. Formulas and limits: docs/evaluation.md.

Exit codes: 0 within the limits, 1 beyond one of them, 2 wrong usage, or a bundle that is missing or not valid.

Examples:
  kindred diff models/groceries/1/bundle.safetensors models/groceries/2/bundle.safetensors
  kindred diff old.safetensors new.safetensors --max-drift 0.2 --min-overlap 0.5 --max-rank-change 4 --json)";

struct Flags {
  std::string before, after;
  DriftOptions options;
  DriftLimits limits;
  bool json = false, quiet = false;
};

absl::StatusOr<BundleDrift> Compare(const Flags& flags) {
  Progress progress(flags.quiet ? Progress::Mode::kSilent : Progress::Mode::kAuto);
  progress.Begin("loading", 0, "");
  ASSIGN_OR_RETURN(const auto before, Model::Load(flags.before));
  ASSIGN_OR_RETURN(const auto after, Model::Load(flags.after));
  progress.Begin("comparing", 0, "");
  return CompareBundles(*before, *after, flags.options);
}

int Run(const Flags& flags) {
  const absl::StatusOr<BundleDrift> drift = Compare(flags);
  if (!drift.ok()) {
    Fail(drift.status());
    return kExitTrouble;
  }
  std::cout << (flags.json ? BundleDriftJson(*drift, flags.limits) : BundleDriftText(*drift, flags.limits));
  return BeyondLimits(*drift, flags.limits).empty() ? kExitOk : kExitDrifted;
}

}  // namespace

void AddDiffCommand(CLI::App& app, int* exit_code) {
  CLI::App* diff = app.add_subcommand("diff", "What changed from one bundle to the next, and whether it is too much");
  const auto flags = std::make_shared<Flags>();
  DriftOptions& options = flags->options;
  options.threads = DefaultThreads();
  constexpr double kMaxDistance = 2;
  constexpr uint32_t kMaxK = 1'000;
  diff->add_option("OLD", flags->before, "The bundle before")->required();
  diff->add_option("NEW", flags->after, "The bundle after")->required();
  diff->add_option("--space", options.space, "Compare only this space (default: all that both have)")
      ->type_name("NAME");
  const std::string limits = "Limits";
  diff->add_option("--max-drift", flags->limits.max_drift, "Largest mean cosine distance of items and tokens")
      ->check(CLI::Range(0.0, kMaxDistance))
      ->capture_default_str()
      ->group(limits);
  diff->add_option("--min-overlap", flags->limits.min_overlap,
                   "Smallest share of neighbours kept, 0 to 1 (default: not checked)")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE")
      ->group(limits);
  diff->add_option("--max-rank-change", flags->limits.max_rank_change,
                   "Largest mean rank change of recommendation lists, in places (default: not checked)")
      ->check(CLI::Range(0.0, static_cast<double>(kMaxK)))
      ->type_name("PLACES")
      ->group(limits);
  const std::string sampling = "Sampling";
  diff->add_option("-k,--k", options.k, "Length of neighbour and recommendation lists")
      ->check(CLI::Range(uint32_t{1}, kMaxK))
      ->capture_default_str()
      ->group(sampling);
  diff->add_option("--sample-items", options.sample_items, "Items whose neighbours are compared, at random; 0 = all")
      ->capture_default_str()
      ->group(sampling);
  diff->add_option("--sample-users", options.sample_users, "Users whose lists are compared, at random; 0 = all")
      ->capture_default_str()
      ->group(sampling);
  diff->add_option("--sample-rows", options.sample_rows, "Vectors of a table that are compared, at random; 0 = all")
      ->capture_default_str()
      ->group(sampling);
  diff->add_option("--seed", options.seed, "Seed of the samples")->capture_default_str()->group(sampling);
  diff->add_option("--threads", options.threads, "Threads")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str()
      ->group(sampling);
  diff->add_option("--worst", options.worst, "How many of the farthest, added and removed are named")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  diff->add_flag("--json", flags->json, "Print one JSON object");
  diff->add_flag("--quiet", flags->quiet, "No progress on standard error");
  diff->footer(kDiffFooter);
  diff->callback([flags, exit_code] { *exit_code = Run(*flags); });
}

}  // namespace kindred
