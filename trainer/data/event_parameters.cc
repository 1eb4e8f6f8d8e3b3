#include "trainer/data/event_parameters.h"

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {
namespace {

// A parameter whose text another function reads; `show` writes it back.
template <typename Set, typename Show>
Parameter TextParameter(std::string_view name, std::string_view type_name, std::string_view help, Set set, Show show) {
  Parameter out;
  out.name = name;
  out.type_name = type_name;
  out.help = help;
  out.set = [name = out.name, set](std::string_view text) -> absl::Status {
    const std::string problem = set(text);
    if (problem.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError(StrCat(name, ": found ", Shown(text), ", expected ", problem));
  };
  out.get = show;
  out.get_json = [show] { return JsonText(show()); };
  return out;
}

Parameter Time(std::string_view name, std::string_view help, std::optional<int64_t>* field, const TimeFormat* format) {
  return TextParameter(
      name, "TIME", help,
      [field, format](std::string_view text) -> std::string {
        *field = ParseEventTime(text, *format);
        return *field ? "" : std::string(kTimeForms);
      },
      [field] { return *field ? TimeText(**field) : std::string(); });
}

Parameter Delimiter(char* field) {
  return TextParameter(
      "delimiter", "CHAR", "Field separator of CSV, one character or 'tab'; without it a tab for .tsv, else a comma",
      [field](std::string_view text) -> std::string {
        if (text == "tab" || text == "\\t") text = "\t";
        if (text.size() != 1 || text == "\"" || text == "\n" || text == "\r") return "one character or 'tab'";
        *field = text[0];
        return "";
      },
      [field] { return *field == 0      ? std::string()
                       : *field == '\t' ? "tab"
                                        : std::string(1, *field); });
}

Parameter Clip(EventReadOptions* options) {
  return TextParameter(
      "clip", "LOW,HIGH", "Values outside become the nearer bound; one of the two may be left out",
      [options](std::string_view text) -> std::string {
        std::string expected = "two numbers such as 1,5 (or 1, or ,5), the lower one first";
        const size_t comma = text.find(',');
        if (comma == text.npos) return expected;
        std::optional<double>* const bounds[] = {&options->clip_low, &options->clip_high};
        const std::string_view parts[] = {Trimmed(text.substr(0, comma)), Trimmed(text.substr(comma + 1))};
        for (int i = 0; i < 2; ++i) {
          *bounds[i] = parts[i].empty() ? std::nullopt : ParseNumber(parts[i]);
          if (!parts[i].empty() && !*bounds[i]) return expected;
        }
        if (options->clip_low && options->clip_high && *options->clip_low > *options->clip_high) return expected;
        return "";
      },
      [options] {
        if (!options->clip_low && !options->clip_high) return std::string();
        const auto shown = [](const std::optional<double>& bound) { return bound ? StrCat(*bound) : std::string(); };
        return StrCat(shown(options->clip_low), ",", shown(options->clip_high));
      });
}

Parameter Keep(std::vector<RowFilter>* filters) {
  Parameter out;
  out.name = "keep";
  out.type_name = "CONDITION";
  out.help =
      "Use only rows that meet this, such as 'Quantity>0', 'eventType=VIEW|LIKE' or 'CustomerID!='; may be given "
      "several times, and then all must hold";
  out.is_list = true;
  out.separator = 0;
  out.set_list = [filters](const std::vector<std::string>& texts) {
    filters->clear();
    filters->reserve(texts.size());
    for (const std::string& text : texts) {
      const absl::StatusOr<RowFilter> filter = ParseRowFilter(text);
      if (!filter.ok()) return absl::InvalidArgumentError(StrCat("keep: ", filter.status().message()));
      filters->push_back(*filter);
    }
    return absl::OkStatus();
  };
  out.set = [set_list = out.set_list](std::string_view text) { return set_list({std::string(text)}); };
  const auto texts = [filters] {
    std::vector<std::string> out;
    out.reserve(filters->size());
    for (const RowFilter& filter : *filters) out.push_back(filter.text);
    return out;
  };
  out.get = [texts] { return StrJoin(texts(), " "); };
  out.get_json = [texts] { return JsonTexts(texts()); };
  return out;
}

constexpr int64_t kNsPerUnit[] = {0, 1'000'000'000, 1'000'000, 1'000, 1};

}  // namespace

void DescribeEventReading(EventReadOptions* options, ParameterList* parameters) {
  parameters->Add("user_column", &options->user_column, "Column with the user's id", "NAME");
  parameters->Add("item_column", &options->item_column, "Column with the item's id", "NAME");
  parameters->Add("value_column", &options->value_column,
                  "Column with the strength of the interaction (rating, quantity, amount); without it the column "
                  "'rating' if there is one, else 1 for each row; 'none' for 1",
                  "NAME");
  parameters->Add("time_column", &options->time_column,
                  "Column with the time; without it the column 'timestamp' if there is one; 'none' for no times",
                  "NAME");
  parameters->Add("action_column", &options->action_column, "Column with what was done (view, purchase, …)", "NAME");
  parameters->Add("session_column", &options->session_column,
                  "Column with the session that the event belongs to (a basket, an invoice)", "NAME");
  parameters->Add(Delimiter(&options->delimiter));
  parameters->Add("json_events", &options->json_events,
                  "JSON lines: path of an array of events in each line, such as 'events'", "PATH");
  parameters->Add("missing", &options->missing, "Cells that say nothing, beside empty ones, such as NA,null");
  parameters->Add<int64_t>("time_unit", &options->time_format.number_unit_ns,
                           "What a time that is a bare number counts",
                           {{"auto", kNsPerUnit[0]},
                            {"s", kNsPerUnit[1]},
                            {"ms", kNsPerUnit[2]},
                            {"us", kNsPerUnit[3]},
                            {"ns", kNsPerUnit[4]}});
  parameters->Add("day_first", &options->time_format.day_first, "1/12/2010 is the first of December");
  parameters->Add(Keep(&options->keep));
  parameters->Add(Clip(options));
  parameters->Add(Time("from", "Use only rows at or after this time", &options->from_ms, &options->time_format));
  parameters->Add(Time("before", "Use only rows before this time", &options->before_ms, &options->time_format));
  parameters->Add("max_users", &options->max_users, "Keep only so many users, those with the most rows; 0: all");
  parameters->Add("max_items", &options->max_items, "Keep only so many items, those with the most rows; 0: all");
  parameters->Add("min_user_items", &options->min_user_items,
                  "Leave out users with fewer distinct items (5 is a good start for sparse data)", 1);
  parameters->Add("min_item_users", &options->min_item_users, "Leave out items with fewer distinct users", 1);
  parameters->Add(
      "skip_bad_rows", &options->skip_bad_rows,
      "Count rows with an unreadable or negative value, time or id and go on, instead of stopping at the first");
}

void DescribeItemTable(ItemTableOptions* options, ParameterList* parameters) {
  parameters->Add("item_id_column", &options->id_column, "Column of the item file with the item's id", "NAME");
  parameters->Add("item_name_column", &options->name_column, "Column of the item file with the name to show", "NAME");
  parameters->Add("category_columns", &options->category_columns,
                  "Columns of the item file to filter by; a cell becomes the category 'column:cell'");
  parameters->Add("category_separator", &options->category_separator,
                  "What separates several categories in one cell, such as |; without it a cell is one", "TEXT");
  parameters->Add("attribute_columns", &options->attribute_columns,
                  "Columns of the item file with numbers; an empty cell is unknown");
  parameters->Add("text_columns", &options->text_columns,
                  "Columns of the item file with free text, for the family content");
}

}  // namespace kindred
