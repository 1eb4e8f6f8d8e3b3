#include "trainer/evaluation/value_scale.h"

namespace kindred {

ValueScale ValueScaleOf(const SpaceSpec& spec) {
  const bool predicts =
      spec.fold_in == FoldIn::kRidge || spec.fold_in == FoldIn::kNnls || spec.fold_in == FoldIn::kObserved;
  if (spec.metric != Metric::kDot || !predicts) return ValueScale::kNone;
  switch (spec.transform) {
    case ValueTransform::kIdentity:
      return ValueScale::kIdentity;
    case ValueTransform::kLog1p:
      return ValueScale::kLog1p;
    case ValueTransform::kBinary:
      break;
  }
  return ValueScale::kNone;
}

}  // namespace kindred
