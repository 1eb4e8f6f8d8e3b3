#include "clients/cli/profile_text.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/text_parts.h"
#include "clients/cli/text_table.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

using Align = TextTable::Align;

}  // namespace

std::string ToText(const v1::UpdateProfileRequest& request, const v1::UpdateProfileResponse& response) {
  if (response.duplicate()) {
    return Line(absl::StrCat("Known already: update ", request.update_id(), " of ", request.user_id(),
                             "; its profile stays at version ", response.profile_version()));
  }
  return Line(absl::StrCat("Recorded ", Count(request.events_size(), "event"), " for ", request.user_id(),
                           ": profile version ", response.profile_version(), ", kept in ",
                           DurabilityWord(response.durability())));
}

std::string ToText(const v1::GetProfileResponse& response, int limit) {
  std::string text = Line(absl::StrCat("Profile of ", response.user_id(), " (", SourceWord(response.source()), "; ",
                                       Origin(response.model(), response.version(), response.space()), ")"));
  absl::StrAppend(&text, response.trained() ? "  in" : "  not in", " the training data; ",
                  response.profile_version() == 0
                      ? std::string("nothing stored")
                      : absl::StrCat("stored profile is version ", response.profile_version(), " of ",
                                     TimeText(response.update_time())),
                  "\n");

  const int traits = std::min(limit, response.traits_size());
  absl::StrAppend(&text, "\nStrongest ", traits, " of ", Count(response.traits_size(), "trait"), "\n");
  if (traits > 0) {
    TextTable table({{"trait", Align::kRight}, {"weight", Align::kRight}, {"strongest items", Align::kLeft, 96}});
    for (int t = 0; t < traits; ++t) {
      const v1::TraitWeight& trait = response.traits(t);
      table.AddRow({absl::StrCat(trait.trait()), absl::StrFormat("%.4f", trait.weight()), trait.label()});
    }
    absl::StrAppend(&text, table.ToString());
  }

  const int events = std::min(limit, response.events_size());
  absl::StrAppend(&text, "\nLatest ", events, " of ", Count(response.events_size(), "stored event"), "\n");
  if (events > 0) {
    TextTable table({{"time"},
                     {"action"},
                     {"item", Align::kLeft, 24},
                     {"name"},
                     {"category", Align::kLeft, 44},
                     {"weight", Align::kRight}});
    for (int e = response.events_size() - events; e < response.events_size(); ++e) {
      const v1::ProfileEvent& event = response.events(e);
      table.AddRow({TimeText(event.event().time()), event.event().action(), event.event().item_id(),
                    event.known() ? event.name() : "(not in this catalogue)", CategoryList(event.categories()),
                    absl::StrFormat("%g", event.event().has_weight() ? event.event().weight() : 1.0)});
    }
    absl::StrAppend(&text, table.ToString());
  }

  if (response.trained_items_size() > 0) {
    const int items = std::min(limit, response.trained_items_size());
    absl::StrAppend(&text, "\nFirst ", items, " of ", Count(response.trained_items_size(), "item"),
                    " in the training data\n");
    TextTable table({{"item", Align::kLeft, 24}, {"name"}, {"category", Align::kLeft, 44}});
    for (int i = 0; i < items; ++i) {
      const v1::ProfileItem& item = response.trained_items(i);
      table.AddRow({item.item_id(), item.name(), CategoryList(item.categories())});
    }
    absl::StrAppend(&text, table.ToString());
  }
  return text + Degraded(response);
}

std::string ToText(const v1::BatchGetProfileRequest& request, const v1::BatchGetProfileResponse& response) {
  TextTable table({{"user", Align::kLeft, 24},
                   {"source"},
                   {"version", Align::kRight},
                   {"events", Align::kRight},
                   {"updated"},
                   {"trained"},
                   {"strongest trait", Align::kLeft, 48}});
  for (int r = 0; r < response.results_size(); ++r) {
    const std::string& user = r < request.user_ids_size() ? request.user_ids(r) : std::string();
    if (!response.results(r).has_profile()) {
      table.AddRow({user, "none", "", "", "", "", ""});
      table.AddNote(response.results(r).status().message());
      continue;
    }
    const v1::GetProfileResponse& profile = response.results(r).profile();
    table.AddRow({user, SourceWord(profile.source()), absl::StrCat(profile.profile_version()),
                  absl::StrCat(profile.events_size()), profile.has_update_time() ? TimeText(profile.update_time()) : "",
                  profile.trained() ? "yes" : "no", profile.traits_size() > 0 ? profile.traits(0).label() : ""});
  }
  return table.ToString();
}

std::string ToText(const v1::DeleteProfileRequest& request, const v1::DeleteProfileResponse& response) {
  if (!response.existed()) return Line(absl::StrCat("Nothing was stored for ", request.user_id()));
  return Line(absl::StrCat("Deleted the profile of ", request.user_id(), ", gone from ",
                           DurabilityWord(response.durability())));
}

}  // namespace kindred
