// Golden queries: a few dozen requests with their expected answers, made at pack time and kept in the bundle, so that
// whoever loads it can tell that this build on this machine answers as the one that packed it.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "core/engine/model.h"

namespace kindred {

// JSON for tensor `golden.queries`: up to 30 queries of the default space and 9 of each other, spread evenly over
// users, items and histories of the model. Deterministic.
std::string MakeGoldenQueries(const Model& model);

// Answers the bundle's golden queries and compares: same items, same order, scores bit-equal (1e-5 relative where a
// history is folded in: solvers sum in an order that compilers may choose). Returns how many were
// compared (0 when the bundle has none); DATA_LOSS naming query, rank, expected and found on a mismatch,
// INVALID_ARGUMENT when the JSON is not what the format says. Pages of a map that this made resident are let go of.
// `go_on` is asked before each query: CANCELLED when it says no (empty: it always says yes).
absl::StatusOr<int> CheckGoldenQueries(const Model& model, const std::function<bool()>& go_on = nullptr);

}  // namespace kindred
