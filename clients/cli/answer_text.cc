#include "clients/cli/answer_text.h"

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

// What is said under an item of a table at most.
constexpr int kShownTerms = 3;
constexpr int kShownValues = 6;

using Terms = google::protobuf::RepeatedPtrField<v1::TraitTerm>;

void AddTraits(const Terms& terms, const char* indent, TextTable* table) {
  for (int t = 0; t < std::min(kShownTerms, terms.size()); ++t) {
    const v1::TraitTerm& term = terms[t];
    table->AddNote(absl::StrFormat("%s%+.4f  trait %d: %s", indent, term.value(), term.trait(), term.label()));
  }
  if (terms.size() > kShownTerms) {
    table->AddNote(absl::StrFormat("%s         and %d more traits", indent, terms.size() - kShownTerms));
  }
}

// What each space of a blend adds, and by what; a space that adds nothing is not spoken of.
void AddSpaces(const Terms& spaces, TextTable* table) {
  for (const v1::TraitTerm& space : spaces) {
    if (space.terms_size() == 0) continue;
    table->AddNote(absl::StrFormat("%+.4f  space %s", space.value(), space.label()));
    AddTraits(space.terms(), "  ", table);
  }
}

void AddNotes(const v1::RecommendedItem& item, TextTable* table) {
  const bool blend = std::any_of(item.terms().begin(), item.terms().end(),
                                 [](const v1::TraitTerm& term) { return term.terms_size() > 0; });
  if (blend) {
    AddSpaces(item.terms(), table);
  } else {
    AddTraits(item.terms(), "", table);
  }
  if (item.prior() != 0) table->AddNote(absl::StrFormat("%+.4f  liked by everyone", item.prior()));
  if (item.boost() != 0) table->AddNote(absl::StrFormat("%+.4f  boosted by the request", item.boost()));
  for (int h = 0; h < std::min(kShownTerms, item.history_size()); ++h) {
    const v1::HistoryItem& history = item.history(h);
    table->AddNote(absl::StrFormat("because of %s (%+.4f)", history.name().empty() ? history.item_id() : history.name(),
                                   history.contribution()));
  }
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
    AddNotes(item, &table);
  }
  return items.empty() ? "  nothing to show\n" : table.ToString();
}

void AddVectors(const char* kind, const google::protobuf::RepeatedPtrField<v1::Vector>& vectors, TextTable* table) {
  for (const v1::Vector& vector : vectors) {
    std::string values;
    for (int v = 0; v < std::min(kShownValues, vector.values_size()); ++v) {
      const std::string column = vector.columns_size() > v ? absl::StrCat(vector.columns(v), ":") : "";
      absl::StrAppend(&values, v > 0 ? "  " : "", column, absl::StrFormat("%.4f", vector.values(v)));
    }
    if (vector.values_size() > kShownValues) values += "  …";
    const std::string fallback =
        vector.fallback() == v1::TOKEN_FALLBACK_UNSPECIFIED ? "" : FallbackWord(vector.fallback());
    table->AddRow({kind, vector.id(), absl::StrCat(vector.values_size()), values, fallback});
  }
}

}  // namespace

std::string ToText(const v1::RecommendRequest& request, const v1::RecommendResponse& response) {
  std::string text = Line(absl::StrCat("Recommended for ", Whom(request.subject()), " (", SourceWord(response.source()),
                                       "; ", Origin(response.model(), response.version(), response.space()), ")"));
  absl::StrAppend(&text, ItemTable(response.items(), "score"), Missing("not in this catalogue", response.missing_ids()),
                  Missing("categories without an item", response.missing_categories()));
  if (!response.exact()) absl::StrAppend(&text, "approximate: a full scan may rank other items\n");
  return text + Degraded(response);
}

std::string ToText(const v1::SimilarItemsRequest& request, const v1::SimilarItemsResponse& response) {
  return Line(absl::StrCat("Similar to ", request.item_id(), " (",
                           Origin(response.model(), response.version(), response.space()), ")")) +
         ItemTable(response.items(), "cosine");
}

std::string ToText(const v1::ScoreItemsRequest& request, const v1::ScoreItemsResponse& response) {
  std::string text;
  for (int r = 0; r < response.results_size(); ++r) {
    const v1::ScoreResult& result = response.results(r);
    const std::string whom = r < request.queries_size() ? Whom(request.queries(r).subject()) : "";
    if (r > 0) text += "\n";
    if (result.status().code() != 0) {
      absl::StrAppend(&text, Line(absl::StrCat("No scores for ", whom, ": ", result.status().message())));
      continue;
    }
    absl::StrAppend(&text, Line(absl::StrCat("Scores for ", whom, " (", SourceWord(result.source()), "; ",
                                             Origin(response.model(), response.version(), response.space()), ")")));
    TextTable table({{"item", Align::kLeft, 24}, {"score", Align::kRight}, {"value", Align::kRight}});
    for (const v1::ItemScore& score : result.scores()) {
      table.AddRow({score.item_id(), absl::StrFormat("%.4f", score.score()),
                    score.has_value() ? absl::StrFormat("%.4f", score.value()) : ""});
    }
    absl::StrAppend(&text, result.scores_size() > 0 ? table.ToString() : "  nothing to show\n",
                    Missing("not in this catalogue", result.missing_ids()), Degraded(result));
  }
  return text;
}

std::string ToText(const v1::GetVectorsResponse& response) {
  TextTable table(
      {{"of"}, {"id", Align::kLeft, 32}, {"size", Align::kRight}, {"values", Align::kLeft, 72}, {"stands in"}});
  AddVectors("item", response.items(), &table);
  AddVectors("user", response.users(), &table);
  AddVectors("token", response.tokens(), &table);
  const bool any = response.items_size() + response.users_size() + response.tokens_size() > 0;
  return Line(absl::StrCat("Vectors (", Origin(response.model(), response.version(), response.space()), ")")) +
         (any ? table.ToString() : "  nothing to show\n") + Missing("without a vector", response.missing_ids());
}

std::string ToText(const v1::SetAvailabilityResponse& response) {
  return absl::StrCat("Changed ", Count(static_cast<int>(response.changed()), "item"),
                      "; out now: ", response.unavailable_items(), " (availability version ",
                      response.availability_version(), ")\n");
}

std::string ToText(const v1::ListUnavailableItemsResponse& response) {
  std::string text = absl::StrCat("Out now: ", response.unavailable_items(), " (availability version ",
                                  response.availability_version(), ")\n");
  for (const std::string& id : response.item_ids()) absl::StrAppend(&text, "  ", Line(id));
  if (!response.next_page_token().empty()) {
    absl::StrAppend(&text, Line(absl::StrCat("more: --page-token ", response.next_page_token())));
  }
  return text;
}

}  // namespace kindred
