#include "core/engine/subject.h"

namespace kindred {

std::string_view AnswerSourceName(AnswerSource source) {
  switch (source) {
    case AnswerSource::kLiveProfile:
      return "live_profile";
    case AnswerSource::kBlendedProfile:
      return "blended_profile";
    case AnswerSource::kTrainedVector:
      return "trained_vector";
    case AnswerSource::kInlineEvents:
      return "inline_events";
    case AnswerSource::kCategory:
      return "category";
    case AnswerSource::kPrecomputed:
      return "precomputed";
    case AnswerSource::kAverage:
      return "average";
    case AnswerSource::kPopularity:
      return "popularity";
  }
  return "popularity";
}

}  // namespace kindred
