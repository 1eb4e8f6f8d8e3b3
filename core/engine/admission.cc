#include "core/engine/admission.h"

#include <algorithm>

#include "core/base/status_macros.h"

namespace kindred {
namespace {

// Longer lists than this are marked in the bitmap instead of being sorted and walked.
constexpr size_t kFewIds = 256;

void SortUnique(std::vector<uint32_t>* values) {
  std::sort(values->begin(), values->end());
  values->erase(std::unique(values->begin(), values->end()), values->end());
}

uint64_t Bit(uint32_t item) { return uint64_t{1} << (item % 64); }

// The known of `ids` into *found, the others into *missing_ids.
void Find(const IdTable& items, std::span<const std::string_view> ids, std::vector<uint32_t>* found,
          std::vector<std::string_view>* missing_ids) {
  found->resize(ids.size());
  items.FindMany(ids, *found);
  size_t known = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    if ((*found)[i] == IdTable::kNone) {
      missing_ids->push_back(ids[i]);
    } else {
      (*found)[known++] = (*found)[i];
    }
  }
  found->resize(known);
}

// The bitmap so far as one that may be changed.
void OwnMask(std::span<const uint64_t> allowed, size_t words, std::vector<uint64_t>* mask) {
  if (allowed.data() == mask->data() && !allowed.empty()) return;
  if (allowed.empty()) {
    mask->assign(words, ~uint64_t{0});
  } else {
    mask->assign(allowed.begin(), allowed.begin() + static_cast<ptrdiff_t>(words));
  }
}

}  // namespace

absl::Status AdmitRequest(const Model& model, const RecommendOptions& options, AdmissionScratch* scratch,
                          Admission* admission, std::vector<std::string_view>* missing_ids,
                          std::vector<std::string_view>* missing_categories) {
  *admission = Admission();
  const size_t words = model.item_words();
  std::vector<uint64_t>& mask = scratch->mask;
  admission->allowed = options.available;
  if (options.filter != nullptr && !options.filter->nodes.empty()) {
    RETURN_IF_ERROR(EvaluateItemFilter(model, *options.filter, &scratch->filter, &mask, missing_categories));
    for (size_t t = 0; t < words && !options.available.empty(); ++t) mask[t] &= options.available[t];
    admission->allowed = mask;
  }

  Find(model.items(), options.exclude_item_ids, &scratch->found, missing_ids);
  scratch->excluded.clear();
  if (scratch->found.size() > kFewIds) {
    OwnMask(admission->allowed, words, &mask);
    for (uint32_t item : scratch->found) mask[item / 64] &= ~Bit(item);
    admission->allowed = mask;
  } else {
    std::swap(scratch->excluded, scratch->found);
    SortUnique(&scratch->excluded);
    admission->excluded = scratch->excluded;
  }

  if (options.candidate_item_ids.empty()) return absl::OkStatus();
  Find(model.items(), options.candidate_item_ids, &scratch->found, missing_ids);
  if (scratch->found.size() > kFewIds) {
    // Those of them that were allowed: mark them, and put the mark in the place of the bitmap.
    OwnMask(admission->allowed, words, &mask);
    std::vector<uint64_t>& marked = scratch->filter.stack;
    marked.assign(words, 0);
    for (uint32_t item : scratch->found) marked[item / 64] |= mask[item / 64] & Bit(item);
    std::copy(marked.begin(), marked.end(), mask.begin());
    admission->allowed = mask;
  } else {
    std::swap(scratch->candidates, scratch->found);
    SortUnique(&scratch->candidates);
    admission->candidates = scratch->candidates;
    admission->restricted = true;
  }
  return absl::OkStatus();
}

Admission WithoutSeen(const Model& model, const SubjectView& subject, const Admission& request,
                      AdmissionScratch* scratch, std::vector<uint32_t>* excluded) {
  Admission out = request;
  const auto user = subject.user_id.empty() ? std::nullopt : model.users().Find(subject.user_id);
  std::span<const uint32_t> seen;
  if (user.has_value()) seen = model.Seen(*user);
  scratch->own.clear();
  for (auto events : {subject.live_history, subject.inline_events}) {
    for (const EventView& event : events) {
      const auto item = model.items().Find(event.item_id);
      if (item.has_value()) scratch->own.push_back(*item);
    }
  }
  if (seen.empty() && scratch->own.empty()) return out;
  scratch->own.insert(scratch->own.end(), request.excluded.begin(), request.excluded.end());
  SortUnique(&scratch->own);
  excluded->resize(seen.size() + scratch->own.size());
  const auto end =
      std::set_union(seen.begin(), seen.end(), scratch->own.begin(), scratch->own.end(), excluded->begin());
  excluded->erase(end, excluded->end());
  // Of a file that was overwritten anything may come.
  const uint32_t n_items = model.n_items();
  std::erase_if(*excluded, [n_items](uint32_t item) { return item >= n_items; });
  out.excluded = *excluded;
  return out;
}

void ToBitmap(const Admission& admission, uint32_t n_items, std::vector<uint64_t>* bitmap) {
  const size_t words = (size_t{n_items} + 63) / 64;
  if (admission.restricted) {
    bitmap->assign(words, 0);
    for (uint32_t item : admission.candidates) {
      const bool allowed = admission.allowed.empty() || (admission.allowed[item / 64] & Bit(item)) != 0;
      if (allowed) (*bitmap)[item / 64] |= Bit(item);
    }
  } else if (admission.allowed.empty()) {
    bitmap->assign(words, ~uint64_t{0});
  } else {
    bitmap->assign(admission.allowed.begin(), admission.allowed.begin() + static_cast<ptrdiff_t>(words));
  }
  if (n_items % 64 != 0) bitmap->back() &= (uint64_t{1} << (n_items % 64)) - 1;
  for (uint32_t item : admission.excluded) (*bitmap)[item / 64] &= ~Bit(item);
}

}  // namespace kindred
