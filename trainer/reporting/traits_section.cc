// TraitsSection of report.h: each trait by the items that stand for it.
#include <algorithm>
#include <map>
#include <numeric>

#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/tensor_names.h"
#include "trainer/reporting/html.h"
#include "trainer/reporting/report.h"

namespace kindred {
namespace {

constexpr size_t kMostCards = 60;

// Traits are what adds up without cancelling: non-negative user weights.
bool HasTraits(const Space& space) {
  return (space.spec.fold_in == FoldIn::kNnls || space.spec.fold_in == FoldIn::kTraits) && !space.items.empty();
}

struct TraitShare {
  uint64_t leading = 0;  // users whose largest weight it is
  double weight = 0;     // its share of all users' weights
};

std::vector<TraitShare> Shares(const Space& space) {
  std::vector<TraitShare> out(space.spec.dim);
  if (space.users.empty()) return out;
  const size_t dim = space.spec.dim;
  double sum = 0;
  for (size_t begin = 0; begin < space.users.size(); begin += dim) {
    const std::span<const float> user = space.users.subspan(begin, dim);
    const auto largest = std::max_element(user.begin(), user.end());
    if (*largest > 0) ++out[largest - user.begin()].leading;
    // Every user counts alike, however active.
    const double total = std::accumulate(user.begin(), user.end(), 0.0);
    if (!(total > 0)) continue;
    for (size_t trait = 0; trait < dim; ++trait) out[trait].weight += user[trait] / total;
    sum += 1;
  }
  for (TraitShare& share : out) share.weight = sum > 0 ? share.weight / sum : 0;
  return out;
}

// The category that most of these items have, when at least half of them do.
std::string CommonCategory(const Model& model, std::span<const uint32_t> items) {
  std::map<uint32_t, size_t> counts;
  for (const uint32_t item : items) {
    for (const uint32_t category : model.ItemCategories(item)) ++counts[category];
  }
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most == counts.end() || 2 * most->second < items.size()) return "";
  return StrCat(most->second, " of ", items.size(), " in ", NameHtml(model.categories().Id(most->first), 32));
}

std::string Card(const Model& model, const Space& space, uint32_t trait, const TraitShare& share) {
  std::vector<uint32_t> items;
  const size_t begin = size_t{trait} * names::kTraitItemCount;
  const auto weight = [&](uint32_t item) { return space.items[size_t{item} * space.spec.dim + trait]; };
  for (size_t i = begin; i < std::min(begin + names::kTraitItemCount, space.trait_items.size()); ++i) {
    const uint32_t item = space.trait_items[i];
    // A small catalogue repeats its last item.
    const bool again = std::find(items.begin(), items.end(), item) != items.end();
    if (item < model.n_items() && weight(item) > 0 && !again) items.push_back(item);
  }
  std::string out = StrCat("<article class=\"card\"><h4>Trait ", trait, "</h4><p class=\"soft\">");
  std::vector<std::string> remarks;
  if (!space.users.empty()) {
    remarks.push_back(StrCat("leads for ", WithThousands(share.leading), share.leading == 1 ? " user" : " users", ", ",
                             Percent(share.weight), " of all weight"));
  }
  if (const std::string category = CommonCategory(model, items); !category.empty()) remarks.push_back(category);
  if (items.empty()) remarks.emplace_back("no item has it");
  StrAppend(&out, StrJoin(remarks, "<br>"), "</p><ol>");
  // They are ordered by how much they say about the trait, not by weight.
  float most = 0;
  for (const uint32_t item : items) most = std::max(most, weight(item));
  for (const uint32_t item : items) {
    const double share_of_most = 100.0 * weight(item) / most;
    StrAppend(&out, "<li><i style=\"width:", Number(share_of_most, 1), "%\"></i><span>", NameHtml(model.ItemName(item)),
              "</span><span class=\"n\">", Number(weight(item), 3), "</span></li>");
  }
  return StrCat(out, "</ol></article>\n");
}

}  // namespace

std::string TraitsSection(const ReportInput& input) {
  if (input.model == nullptr) {
    return MissingHtml("What each trait stands for: give a bundle of family nmf or traits.",
                       "kindred report --bundle FILE …");
  }
  const Model& model = *input.model;
  std::string out;
  for (const auto& space : model.spaces()) {
    if (!HasTraits(*space)) continue;
    const std::vector<TraitShare> shares = Shares(*space);
    std::vector<uint32_t> order(space->spec.dim);
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(),
                     [&](uint32_t a, uint32_t b) { return shares[a].weight > shares[b].weight; });
    const size_t shown = std::min(order.size(), kMostCards);
    StrAppend(&out, "<h3>Space ", NameHtml(space->name), " (", NameHtml(space->spec.family), ")</h3>\n<p>",
              "Each trait by the items that say most about it (large there, and more than elsewhere), with their "
              "weight in it",
              space->users.empty() ? "" : "; the traits that weigh most with users come first",
              shown < order.size() ? StrCat(". The first ", shown, " of ", order.size()) : "",
              ".</p>\n<div class=\"cards\">\n");
    for (size_t i = 0; i < shown; ++i) StrAppend(&out, Card(model, *space, order[i], shares[order[i]]));
    StrAppend(&out, "</div>\n");
  }
  if (!out.empty()) return out;
  return MissingHtml(
      "None of the bundle's spaces has traits: its dimensions may cancel each other. Families nmf and "
      "traits have them.",
      "kindred train nmf …");
}

}  // namespace kindred
