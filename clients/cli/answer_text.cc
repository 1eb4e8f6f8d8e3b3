#include "clients/cli/answer_text.h"

#include <google/protobuf/util/time_util.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/text_table.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

using Align = TextTable::Align;
using Strings = google::protobuf::RepeatedPtrField<std::string>;

// A line to itself, printable whatever the names in it hold.
std::string Line(std::string_view text) { return FitToWidth(text, SIZE_MAX) + "\n"; }

std::string Count(int n, const char* noun) { return absl::StrCat(n, " ", noun, n == 1 ? "" : "s"); }

// "GROCERY / EGGS": without the column that `kindred train` puts before a category ("department:GROCERY").
std::string CategoryList(const Strings& categories) {
  std::vector<std::string> shown;
  for (const std::string& category : categories) {
    size_t prefix = 0;
    while (prefix < category.size() && (absl::ascii_isalnum(category[prefix]) || category[prefix] == '_')) ++prefix;
    const bool has_column = prefix > 0 && prefix + 1 < category.size() && category[prefix] == ':';
    shown.push_back(has_column ? category.substr(prefix + 1) : category);
  }
  return absl::StrJoin(shown, " / ");
}

// To the second; JSON has the rest.
std::string TimeText(google::protobuf::Timestamp time) {
  time.set_nanos(0);
  return google::protobuf::util::TimeUtil::ToString(time);
}

template <typename Items>
std::string ItemTable(const Items& items, const char* score_title) {
  TextTable table({{"#", Align::kRight},
                   {"item", Align::kLeft, 24},
                   {"name", Align::kLeft, 38},
                   {"category", Align::kLeft, 44},
                   {score_title, Align::kRight}});
  int rank = 0;
  for (const v1::RecommendedItem& item : items) {
    table.AddRow({absl::StrCat(++rank), item.item_id(), item.name(), CategoryList(item.categories()),
                  absl::StrFormat("%.4f", item.score())});
    for (int t = 0; t < std::min(3, item.terms_size()); ++t) {
      const v1::TraitTerm& term = item.terms(t);
      table.AddNote(absl::StrFormat("%+.4f  trait %d: %s", term.value(), term.trait(), term.label()));
    }
    if (item.terms_size() > 3) table.AddNote(absl::StrFormat("         and %d more traits", item.terms_size() - 3));
    if (item.prior() != 0) table.AddNote(absl::StrFormat("%+.4f  liked by everyone", item.prior()));
  }
  return items.empty() ? "  nothing to show\n" : table.ToString();
}

template <typename Response>
std::string Degraded(const Response& response) {
  std::string text;
  for (const int value : response.degradations()) {
    absl::StrAppend(&text, "degraded: ", DegradationWord(static_cast<v1::Degradation>(value)), "\n");
  }
  return text;
}

std::string Origin(const std::string& model, const std::string& version, const std::string& space) {
  return absl::StrCat("model ", model, " version ", version, ", space ", space);
}

}  // namespace

std::string ToText(const v1::RecommendRequest& request, const v1::RecommendResponse& response) {
  std::string whom = "the average user";
  if (request.subject().has_user_id()) whom = request.subject().user_id();
  if (request.subject().has_events()) whom = Count(request.subject().events().events_size(), "event");
  std::string text = Line(absl::StrCat("Recommended for ", whom, " (", SourceWord(response.source()), "; ",
                                       Origin(response.model(), response.version(), response.space()), ")"));
  absl::StrAppend(&text, ItemTable(response.items(), "score"));
  if (response.missing_ids_size() > 0) {
    absl::StrAppend(&text, Line(absl::StrCat("not in this catalogue: ", absl::StrJoin(response.missing_ids(), ", "))));
  }
  if (!response.exact()) absl::StrAppend(&text, "approximate: a full scan may rank other items\n");
  return text + Degraded(response);
}

std::string ToText(const v1::SimilarItemsRequest& request, const v1::SimilarItemsResponse& response) {
  return Line(absl::StrCat("Similar to ", request.item_id(), " (",
                           Origin(response.model(), response.version(), response.space()), ")")) +
         ItemTable(response.items(), "cosine");
}

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

}  // namespace kindred
