#include "core/topk/certified_search.h"

#include <bit>

#include "core/topk/error_bound.h"
#include "core/topk/quantizer.h"

namespace kindred {
namespace {

// Codes up to this many bytes stay in a core's L2: reading both planes at once is then cheaper than testing in between
// (7,214 × 100: 15 against 21 µs a search).
constexpr size_t kCachedCodes = size_t{1} << 20;

}  // namespace

CertifiedSearch::CertifiedSearch(const KernelTable& kernels, const ScanSpace& space, const TopKQuery& query, size_t k,
                                 TopKScratch* scratch)
    : kernels_(kernels),
      space_(space),
      query_(query),
      k_(k),
      scratch_(*scratch),
      lower_bounds_(k, &scratch->lower_bounds),
      excluded_(query.excluded) {
  scratch_.candidates.clear();
  input_.d4 = (space.dim + 3) / 4;
  const size_t padded_dim = static_cast<size_t>(input_.d4) * 4;
  if (scratch_.query_codes.size() < padded_dim) scratch_.query_codes = AlignedBuffer<int8_t>(padded_dim);
  const std::span<int8_t> query_codes = scratch_.query_codes.span().first(padded_dim);
  const QuantizedQuery quantized = QuantizeQuery(query.vector, query_codes);
  possible_ = SetErrorBound(space, query.prior_weight, quantized, &input_);
  if (!possible_) return;
  input_.codes = space.codes.data();
  input_.scales = space.scales.data();
  input_.bounds = space.bounds.data();
  input_.prior = UsesPrior(space, query.prior_weight) ? space.prior.data() : nullptr;
  input_.prior_weight = query.prior_weight;
  input_.allowed = query.allowed.empty() ? nullptr : query.allowed.data();
  input_.n_items = space.n_items;
  input_.query = query_codes.data();
  input_.coarse_first = space.codes.size() > kCachedCodes;
}

void CertifiedSearch::Scan(uint32_t begin, uint32_t end) {
  input_.n_tiles = end;
  TileHits hits;
  for (uint32_t tile = begin; tile < end; ++tile) {
    tile = kernels_.scan_until_hit(input_, tile, lower_bounds_.threshold(), &hits);
    if (tile == end) break;
    ++tile_hits_;
    const float* bounds = input_.bounds + static_cast<size_t>(tile) * kTileBlocks * 2;
    for (uint64_t mask = hits.mask; mask != 0; mask &= mask - 1) {
      const uint32_t lane = static_cast<uint32_t>(std::countr_zero(mask));
      const float* bound = bounds + lane / kBlockItems * 2;
      const float width = input_.residual_weight * bound[0] + input_.code_weight * bound[1] + input_.slack;
      const float upper = hits.approx[lane] + width;
      if (upper < lower_bounds_.threshold()) continue;
      const uint32_t item = tile * kTileItems + lane;
      if (excluded_.Contains(item)) continue;
      scratch_.candidates.push_back({item, upper});
      lower_bounds_.Add(hits.approx[lane] - width);
    }
  }
}

std::span<const ScoredItem> CertifiedSearch::Finish(TopKStats* stats) {
  lower_bounds_.Settle();
  BestK best(k_, &scratch_.results);
  Rescorer rescorer(kernels_, space_, query_, &best);
  for (const TopKScratch::Candidate& candidate : scratch_.candidates) {
    if (candidate.upper >= lower_bounds_.threshold()) rescorer.Add(candidate.item);
  }
  rescorer.Flush();
  stats->rescored = rescorer.scored();
  stats->tile_hits = tile_hits_;
  return best.Finish();
}

}  // namespace kindred
