#include <array>

#include "absl/status/status.h"
#include "core/base/str_cat.h"
#include "trainer/families/als_family.h"
#include "trainer/families/content_family.h"
#include "trainer/families/family.h"
#include "trainer/families/item2vec_family.h"
#include "trainer/families/item_cosine_family.h"
#include "trainer/families/mf_family.h"
#include "trainer/families/nmf_family.h"
#include "trainer/families/popular_family.h"
#include "trainer/families/svd_family.h"
#include "trainer/families/traits_family.h"

namespace kindred {
namespace {

template <typename T>
std::unique_ptr<Family> Make() {
  return std::make_unique<T>();
}

struct Entry {
  std::string_view name;
  std::unique_ptr<Family> (*make)();
};

constexpr std::array kFamilies = {
    Entry{"svd", Make<SvdFamily>},
    Entry{"nmf", Make<NmfFamily>},
    Entry{"als", Make<AlsFamily>},
    Entry{"mf", Make<MfFamily>},
    Entry{"content", Make<ContentFamily>},
    Entry{"popular", Make<PopularFamily>},
    Entry{"item_cosine", Make<ItemCosineFamily>},
    Entry{"item2vec", Make<Item2vecFamily>},
    Entry{"traits", Make<TraitsFamily>},
};

}  // namespace

const std::vector<std::string_view>& FamilyNames() {
  static const auto* const names = [] {
    auto* out = new std::vector<std::string_view>();
    for (const Entry& entry : kFamilies) out->push_back(entry.name);
    return out;
  }();
  return *names;
}

absl::StatusOr<std::unique_ptr<Family>> MakeFamily(std::string_view name) {
  for (const Entry& entry : kFamilies) {
    if (entry.name == name) return entry.make();
  }
  return absl::InvalidArgumentError(
      StrCat("unknown model family '", name, "'; there are ", StrJoin(FamilyNames(), ", ")));
}

}  // namespace kindred
