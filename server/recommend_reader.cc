#include "server/recommend_reader.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "absl/strings/str_format.h"
#include "core/base/checksum.h"
#include "core/base/str_cat.h"
#include "server/filter_reader.h"
#include "server/limits.h"

namespace kindred {
namespace {

uint64_t HashOf(std::string_view bytes) { return Xxh3(std::as_bytes(std::span(bytes.data(), bytes.size()))); }

// Order counts, so "a","bc" and "ab","c" differ.
uint64_t Joined(uint64_t hash, uint64_t next) {
  hash ^= next + 0x9E3779B97F4A7C15 + (hash << 6) + (hash >> 2);
  return hash * 0xBF58476D1CE4E5B9;
}

uint64_t HashOfAll(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  uint64_t hash = static_cast<uint64_t>(texts.size());
  for (const std::string& text : texts) hash = Joined(hash, HashOf(text));
  return hash;
}

bool Within(double value, double most) { return std::abs(value) <= most; }  // false for NaN

}  // namespace

void ReadBlend(const google::protobuf::RepeatedPtrField<v1::SpaceWeight>& blend, FieldChecks* checks,
               std::vector<BlendOption>* out) {
  out->clear();
  if (blend.size() > limits::kMaxBlendSpaces) {
    return checks->Add("blend",
                       absl::StrFormat("has %d spaces, expected at most %d", blend.size(), limits::kMaxBlendSpaces));
  }
  double sum = 0;
  for (int i = 0; i < blend.size(); ++i) {
    const v1::SpaceWeight& part = blend[i];
    if (part.space().empty() || part.space().size() > limits::kMaxNameBytes) {
      checks->Add(StrCat("blend[", i, "].space"),
                  absl::StrFormat("has %d bytes, expected 1 to %d", part.space().size(), limits::kMaxNameBytes));
    }
    if (!(part.weight() >= 0 && Within(part.weight(), limits::kMaxBoost))) {
      checks->Add(StrCat("blend[", i, "].weight"),
                  absl::StrFormat("is %g, expected 0 to %g", part.weight(), limits::kMaxBoost));
    }
    for (int j = 0; j < i; ++j) {
      if (blend[j].space() == part.space()) checks->Add(StrCat("blend[", i, "].space"), "stands twice");
    }
    sum += part.weight();
    out->push_back({part.space(), part.weight()});
  }
  if (!blend.empty() && sum == 0) checks->Add("blend", "has no weight above 0");
}

void RecommendReader::Read(const v1::RecommendRequest& request, FieldChecks* checks) {
  options_ = RecommendOptions();
  checks->Name("model", request.model(), limits::kMaxNameBytes);
  checks->Name("space", request.space(), limits::kMaxNameBytes);
  options_.space = request.space();
  options_.k = checks->PageSize("page_size", request.page_size(),
                                request.explain() ? limits::kMaxExplainedPageSize : limits::kMaxPageSize);
  checks->View("view", request.view());
  options_.include_seen = request.include_seen();
  options_.explain = request.explain();
  checks->Ids("exclude_item_ids", request.exclude_item_ids());
  exclude_.assign(request.exclude_item_ids().begin(), request.exclude_item_ids().end());
  options_.exclude_item_ids = exclude_;
  checks->Ids("candidate_item_ids", request.candidate_item_ids());
  candidates_.assign(request.candidate_item_ids().begin(), request.candidate_item_ids().end());
  options_.candidate_item_ids = candidates_;
  if (request.has_filter()) {
    ReadFilter("filter", request.filter(), checks, &filter_);
    options_.filter = &filter_;
  }
  if (request.has_min_score()) {
    if (!std::isfinite(request.min_score())) {
      checks->Add("min_score", absl::StrFormat("is %g, expected a finite number", request.min_score()));
    }
    options_.min_score = request.min_score();
  }
  if (request.has_max_per_category()) {
    const int32_t most = request.max_per_category().max_items();
    if (most < 1 || most > limits::kMaxPageSize) {
      checks->Add("max_per_category.max_items", absl::StrFormat("is %d, expected 1 to %d", most, limits::kMaxPageSize));
    }
    checks->Name("max_per_category.prefix", request.max_per_category().prefix(), limits::kMaxIdBytes);
    options_.max_per_category = static_cast<uint32_t>(std::max(most, 0));
    options_.category_prefix = request.max_per_category().prefix();
  }
  if (request.has_diversity()) {
    const double lambda = request.diversity().lambda();
    if (!(lambda >= 0 && lambda <= 1)) {
      checks->Add("diversity.lambda", absl::StrFormat("is %g, expected 0 to 1", lambda));
    }
    options_.diversity = lambda;
  }
  if (!request.space().empty() && request.blend_size() > 0) checks->Add("blend", "and space exclude each other");
  ReadBlend(request.blend(), checks, &blend_);
  options_.blend = blend_;

  boosts_.clear();
  boosted_ids_.clear();
  if (request.boosts_size() > limits::kMaxBoosts) {
    return checks->Add(
        "boosts", absl::StrFormat("has %d boosts, expected at most %d", request.boosts_size(), limits::kMaxBoosts));
  }
  for (int i = 0; i < request.boosts_size(); ++i) {
    const v1::Boost& boost = request.boosts(i);
    if (!Within(boost.amount(), limits::kMaxBoost)) {
      checks->Add(StrCat("boosts[", i, "].amount"),
                  absl::StrFormat("is %g, expected %g to %g", boost.amount(), -limits::kMaxBoost, limits::kMaxBoost));
    }
    switch (boost.items_case()) {
      case v1::Boost::kCategory:
        if (boost.category().empty() || boost.category().size() > limits::kMaxIdBytes) {
          checks->Add(StrCat("boosts[", i, "].category"),
                      absl::StrFormat("has %d bytes, expected 1 to %d", boost.category().size(), limits::kMaxIdBytes));
        }
        break;
      case v1::Boost::kItemIds:
        if (boost.item_ids().ids_size() == 0) checks->Add(StrCat("boosts[", i, "].item_ids.ids"), "is empty");
        checks->Ids(StrCat("boosts[", i, "].item_ids.ids"), boost.item_ids().ids());
        boosted_ids_.insert(boosted_ids_.end(), boost.item_ids().ids().begin(), boost.item_ids().ids().end());
        break;
      case v1::Boost::ITEMS_NOT_SET:
        checks->Add(StrCat("boosts[", i, "]"), "names no items, expected category or item_ids");
        break;
    }
  }
  size_t begin = 0;
  for (const v1::Boost& boost : request.boosts()) {
    const auto count = static_cast<size_t>(boost.item_ids().ids_size());
    boosts_.push_back({boost.category(), std::span(boosted_ids_).subspan(begin, count), boost.amount()});
    begin += count;
  }
  options_.boosts = boosts_;
}

uint64_t RecommendReader::ListHash(const v1::RecommendRequest& request) {
  uint64_t hash = HashOf(request.model());
  const auto add_message = [&](const google::protobuf::MessageLite& message) {
    message.SerializeToString(&bytes_);
    hash = Joined(hash, HashOf(bytes_));
  };
  add_message(request.subject());
  hash = Joined(hash, request.include_seen() ? 1 : 0);
  hash = Joined(hash, HashOfAll(request.exclude_item_ids()));
  hash = Joined(hash, HashOfAll(request.candidate_item_ids()));
  hash = Joined(hash, HashOf(request.space()));
  add_message(request.filter());
  const float min_score = request.has_min_score() ? request.min_score() : 0;
  hash = Joined(hash, HashOf({reinterpret_cast<const char*>(&min_score), sizeof(min_score)}));
  hash = Joined(hash, (request.has_min_score() ? 1 : 0) | (request.has_filter() ? 2 : 0) |
                          (request.has_diversity() ? 4 : 0) | (request.has_max_per_category() ? 8 : 0));
  add_message(request.max_per_category());
  add_message(request.diversity());
  hash = Joined(hash, static_cast<uint64_t>(request.boosts_size()));
  for (const v1::Boost& boost : request.boosts()) add_message(boost);
  hash = Joined(hash, static_cast<uint64_t>(request.blend_size()));
  for (const v1::SpaceWeight& part : request.blend()) add_message(part);
  return hash;
}

}  // namespace kindred
