// kindred.v1.RecommendRequest → the engine's options. Keeps its capacity from one request to the next; not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/engine/recommend_options.h"
#include "kindred/v1/recommendation_service.pb.h"
#include "server/field_checks.h"

namespace kindred {

class RecommendReader {
 public:
  // Adds what is wrong with everything but the subject and the page token to *checks. options() is of use only when
  // nothing is, and as long as `request` lives; its `offset`, `after` and `available` are the caller's to set.
  void Read(const v1::RecommendRequest& request, FieldChecks* checks);

  RecommendOptions& options() { return options_; }
  const RecommendOptions& options() const { return options_; }

  // A hash of all that decides the list and stands in the request: what pages of one list have in common.
  uint64_t ListHash(const v1::RecommendRequest& request);

 private:
  RecommendOptions options_;
  ItemFilter filter_;
  std::vector<std::string_view> exclude_, candidates_, boosted_ids_;
  std::vector<BoostOption> boosts_;
  std::vector<BlendOption> blend_;
  std::string bytes_;
};

// Adds what is wrong with the spaces of a blend, and appends them to *out.
void ReadBlend(const google::protobuf::RepeatedPtrField<v1::SpaceWeight>& blend, FieldChecks* checks,
               std::vector<BlendOption>* out);

}  // namespace kindred
