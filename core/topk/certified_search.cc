#include "core/topk/certified_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include "core/topk/best_k.h"
#include "core/topk/rescorer.h"

namespace kindred {
namespace {

constexpr size_t kLeastCandidates = 256;
// With this many candidates for each result, the k with the highest upper bounds are scored first: k scores rule more
// out than k lower bounds do. A few are sooner scored at once.
constexpr size_t kCandidatesPerResult = 8;
// From here on, while a scan has stopped at three tiles of four it does not test in between: where the catalogue is
// dense around the threshold, as behind thousands of excluded items, plane 0 rules next to nothing out. (The first
// tiles come before there is a threshold worth the name.)
constexpr uint32_t kJudgedFrom = 256;

}  // namespace

CertifiedSearch::CertifiedSearch(const KernelTable& kernels, const ScanSpace& space, const SearchPlan& plan,
                                 TopKScratch* scratch, TopKStats* stats)
    : kernels_(kernels),
      space_(space),
      plan_(plan),
      input_(plan.input),
      scratch_(*scratch),
      stats_(*stats),
      lower_bounds_(plan.k, &scratch->lower_bounds),
      excluded_(plan.query.excluded) {
  scratch_.candidates.clear();
}

void CertifiedSearch::Scan(uint32_t tile, uint32_t end) {
  TileHits hits;
  for (; tile < end; ++tile) {
    tile = kernels_.scan_until_hit(input_, tile, end, lower_bounds_.threshold(), &hits);
    if (tile == end) return;
    AddHits(tile, hits);
    if (tile >= kJudgedFrom) input_.coarse_first = plan_.input.coarse_first && stats_.tile_hits < tile / 4 * 3;
  }
}

void CertifiedSearch::AddHits(uint32_t tile, const TileHits& hits) {
  const ScanInput& input = plan_.input;
  ++stats_.tile_hits;
  const float* bounds = input.bounds + static_cast<size_t>(tile) * kTileBlocks * 2;
  for (uint64_t mask = hits.mask; mask != 0; mask &= mask - 1) {
    const uint32_t lane = static_cast<uint32_t>(std::countr_zero(mask));
    const float* bound = bounds + lane / kBlockItems * 2;
    const float width = input.residual_weight * bound[0] + input.code_weight * bound[1] + input.slack;
    float upper = hits.approx[lane] + width, lower = hits.approx[lane] - width;
    if (upper < lower_bounds_.threshold()) continue;
    // Bounds of a mapped file that was overwritten may be NaN, which no sort may see. It says nothing: any score can
    // be.
    if (std::isnan(upper)) upper = std::numeric_limits<float>::infinity();
    if (std::isnan(lower)) lower = -std::numeric_limits<float>::infinity();
    const uint32_t item = tile * kTileItems + lane;
    if (excluded_.Contains(item)) continue;
    if (scratch_.candidates.size() == scratch_.candidates.capacity()) MakeRoom();
    scratch_.candidates.push_back({item, upper});
    lower_bounds_.Add(lower);
  }
}

// Candidates that the threshold has overtaken go first; what is left is given twice its room, so that this stays O(1) a
// candidate.
void CertifiedSearch::MakeRoom() {
  std::vector<TopKScratch::Candidate>& candidates = scratch_.candidates;
  const float threshold = lower_bounds_.threshold();
  std::erase_if(candidates, [threshold](const auto& candidate) { return candidate.upper < threshold; });
  if (candidates.size() >= candidates.capacity() / 2) {
    candidates.reserve(std::max(candidates.capacity() * 2, kLeastCandidates));
  }
}

std::span<const ScoredItem> CertifiedSearch::Finish() {
  lower_bounds_.Settle();
  float threshold = lower_bounds_.threshold();
  std::vector<TopKScratch::Candidate>& candidates = scratch_.candidates;
  const auto is_out = [&threshold](const TopKScratch::Candidate& candidate) { return candidate.upper < threshold; };
  std::erase_if(candidates, is_out);

  BestK best(plan_.k, &scratch_.results);
  Rescorer rescorer(kernels_, space_, plan_.query, &best);
  auto rest = candidates.begin();
  if (candidates.size() >= plan_.k * kCandidatesPerResult) {
    rest += static_cast<ptrdiff_t>(plan_.k);
    std::nth_element(candidates.begin(), rest, candidates.end(),
                     [](const auto& a, const auto& b) { return a.upper > b.upper; });
    for (auto candidate = candidates.begin(); candidate != rest; ++candidate) rescorer.Add(candidate->item);
    rescorer.Flush();
    // A candidate whose upper bound is below k scores cannot be among the best k. (Not std::max: a score may be NaN.)
    if (best.Threshold() > threshold) threshold = best.Threshold();
  }
  for (; rest != candidates.end(); ++rest) {
    if (!is_out(*rest)) rescorer.Add(rest->item);
  }
  rescorer.Flush();
  stats_.rescored = rescorer.scored();
  return best.Finish();
}

std::span<const ScoredItem> FullScan(const KernelTable& kernels, const ScanSpace& space, const SearchPlan& plan,
                                     TopKScratch* scratch, TopKStats* stats) {
  BestK best(plan.k, &scratch->results);
  Rescorer rescorer(kernels, space, plan.query, &best);
  ExclusionCursor excluded(plan.query.excluded);
  for (uint32_t tile = 0; tile < TileCount(space); ++tile) {
    for (uint64_t word = AllowedInTile(space, plan.query.allowed, tile); word != 0; word &= word - 1) {
      const uint32_t item = tile * kTileItems + static_cast<uint32_t>(std::countr_zero(word));
      if (!excluded.Contains(item)) rescorer.Add(item);
    }
  }
  rescorer.Flush();
  stats->full_scan = true;
  stats->rescored = rescorer.scored();
  return best.Finish();
}

}  // namespace kindred
