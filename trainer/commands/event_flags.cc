#include "trainer/commands/event_flags.h"

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "trainer/base/text.h"

namespace kindred {
namespace {

absl::StatusOr<std::optional<int64_t>> Moment(std::string_view flag, const std::string& text,
                                              const TimeFormat& format) {
  if (text.empty()) return std::optional<int64_t>();
  const std::optional<int64_t> time = ParseEventTime(text, format);
  if (!time) return absl::InvalidArgumentError(absl::StrFormat("%s %s, expected %s", flag, Shown(text), kTimeForms));
  return time;
}

absl::StatusOr<std::optional<double>> Bound(std::string_view text, std::string_view whole) {
  if (Trimmed(text).empty()) return std::optional<double>();
  const std::optional<double> number = ParseNumber(text);
  if (!number) {
    return absl::InvalidArgumentError(
        absl::StrFormat("--clip %s, expected LOW,HIGH such as 1,5 (either may be left out: 0,)", Shown(whole)));
  }
  return number;
}

}  // namespace

void AddEventFlags(CLI::App* command, EventFlags* flags, const std::string& group) {
  EventReadOptions& options = flags->options;
  const auto text = [&](const char* name, std::string& value, const char* type, const char* help) {
    return command->add_option(name, value, help)->type_name(type)->group(group);
  };
  text("--user-column", options.user_column, "NAME", "Column with the user's id")->capture_default_str();
  text("--item-column", options.item_column, "NAME", "Column with the item's id")->capture_default_str();
  text("--value-column", options.value_column, "NAME",
       "Column with the strength of the event (rating, quantity, amount); without it 'rating' if there is one, else 1 "
       "for each row; 'none' for 1 in any case");
  text("--time-column", options.time_column, "NAME",
       "Column with the time, as 2017-01-07 23:15:32, RFC 3339, 1/7/2017 23:15 or seconds, ms, µs or ns since 1970; "
       "without it 'timestamp' if there is one; 'none' for no times");
  text("--action-column", options.action_column, "NAME", "Column with what the user did (view, buy, …)");
  text("--session-column", options.session_column, "NAME", "Column with the session, basket or invoice");
  text("--json-events", options.json_events, "PATH",
       "JSON lines: path of an array of events in each line; columns are looked for in the event, then in the line");
  command
      ->add_option("--keep", flags->keep,
                   "Use only rows that meet this condition: COLUMN, one of = != < <= > >=, and a value ('Quantity>0', "
                   "'type=view|buy'); may be given several times")
      ->type_name("CONDITION")
      ->allow_extra_args(false)
      ->group(group);
  text("--clip", flags->clip, "LOW,HIGH", "Move values outside into this range");
  text("--from", flags->from, "TIME", "Use only rows at or after this time");
  text("--before", flags->before, "TIME", "Use only rows before this time");
  command->add_flag("--day-first", options.time_format.day_first, "1/12/2010 is the first of December")->group(group);
  text("--time-unit", flags->time_unit, "UNIT",
       "What a number in the time column counts: s, ms, us or ns (default: by "
       "its size)")
      ->check(CLI::IsMember({"s", "ms", "us", "ns"}));
  command->add_option("--missing", options.missing, "Cells that mean nothing, beside empty ones: NA, NULL, …")
      ->delimiter(',')
      ->type_name("TEXT,…")
      ->group(group);
  command
      ->add_option("--min-user-items", options.min_user_items,
                   "Leave out users with fewer distinct items (5 is a good start for sparse data)")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(group);
  command->add_option("--min-item-users", options.min_item_users, "Leave out items with fewer distinct users")
      ->capture_default_str()
      ->check(CLI::PositiveNumber)
      ->group(group);
  command->add_option("--max-users", options.max_users, "Keep only the users with the most rows (0: all)")
      ->capture_default_str()
      ->group(group);
  command->add_option("--max-items", options.max_items, "Keep only the items with the most rows (0: all)")
      ->capture_default_str()
      ->group(group);
  command
      ->add_flag("--skip-bad-rows", options.skip_bad_rows,
                 "Count rows with an unreadable value, time or id and go on, instead of stopping at the first")
      ->group(group);
  text("--delimiter", flags->delimiter, "CHAR",
       "Field separator of CSV files, one character or 'tab' (default: a comma; tab for .tsv)");
}

absl::StatusOr<EventReadOptions> ToEventReadOptions(const EventFlags& flags) {
  EventReadOptions options = flags.options;
  if (flags.delimiter == "tab" || flags.delimiter == "\\t") {
    options.delimiter = '\t';
  } else if (flags.delimiter.size() > 1 || flags.delimiter == "\"" || flags.delimiter == "\n") {
    return absl::InvalidArgumentError(
        absl::StrFormat("--delimiter %s, expected one character or 'tab'", Shown(flags.delimiter)));
  } else if (!flags.delimiter.empty()) {
    options.delimiter = flags.delimiter[0];
  }
  constexpr std::pair<std::string_view, int64_t> kUnits[] = {
      {"s", 1'000'000'000}, {"ms", 1'000'000}, {"us", 1'000}, {"ns", 1}};
  for (const auto& [name, ns] : kUnits) {
    if (flags.time_unit == name) options.time_format.number_unit_ns = ns;
  }
  ASSIGN_OR_RETURN(options.from_ms, Moment("--from", flags.from, options.time_format));
  ASSIGN_OR_RETURN(options.before_ms, Moment("--before", flags.before, options.time_format));
  if (!flags.clip.empty()) {
    const size_t comma = flags.clip.find(',');
    const std::string_view clip = flags.clip;
    ASSIGN_OR_RETURN(options.clip_low, Bound(clip.substr(0, comma), clip));
    ASSIGN_OR_RETURN(options.clip_high, Bound(comma == clip.npos ? "x" : clip.substr(comma + 1), clip));
  }
  for (const std::string& keep : flags.keep) {
    ASSIGN_OR_RETURN(options.keep.emplace_back(), ParseRowFilter(keep));
  }
  return options;
}

std::string DescribeIngest(const IngestReport& report) {
  std::string out =
      absl::StrFormat("rows     %s read, %s used\n", WithThousands(report.rows_read), WithThousands(report.rows_used));
  for (const auto& [reason, rows] : report.skipped) {
    StrAppend(&out, "skipped  ", WithThousands(rows), ": ", reason, "\n");
  }
  if (!report.first_bad_row.empty()) StrAppend(&out, "         first bad row: ", report.first_bad_row, "\n");
  if (report.clipped > 0) StrAppend(&out, "clipped  ", WithThousands(report.clipped), " values\n");
  if (report.users_dropped + report.items_dropped > 0) {
    StrAppend(&out, "dropped  ", WithThousands(report.users_dropped), " users and ",
              WithThousands(report.items_dropped), " items\n");
  }
  return out;
}

}  // namespace kindred
