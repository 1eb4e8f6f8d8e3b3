// Whom two generations are compared on: items that both have, users that both know and what those have touched, or
// histories in their place. Deterministic. Internal to drift.cc.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "core/base/go_on.h"
#include "core/engine/model.h"

namespace kindred {

// An item of both catalogues.
struct CommonItem {
  uint32_t candidate = 0;
  uint32_t live = 0;
};

// By ascending index in live. O(items) look-ups. CANCELLED when `go_on`, which is asked before each thousand, says no.
absl::StatusOr<std::vector<CommonItem>> FindCommonItems(const Model& candidate, const Model& live, const GoOn& go_on);

struct DriftSubject {
  std::string_view user;        // empty: a history
  std::vector<CommonItem> own;  // touched, at most kMaxOwnItems of them
  bool single = false;          // `own` is one item that nobody said to be anybody's
};
inline constexpr size_t kMaxOwnItems = 32;

// At most `count`. Views into the models.
std::vector<DriftSubject> ChooseSubjects(const Model& candidate, const Model& live,
                                         const std::vector<CommonItem>& common, size_t count);

// `count` of 0…n−1, spread evenly, ascending, distinct; all where there are no more.
std::vector<uint32_t> SpreadEvenly(size_t n, size_t count);

}  // namespace kindred
