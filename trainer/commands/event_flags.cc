#include "trainer/commands/event_flags.h"

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/commands/parameter_flags.h"
#include "trainer/data/event_parameters.h"

namespace kindred {

void AddEventFlags(CLI::App* command, EventFlags* flags, const std::string& group) {
  DescribeEventReading(&flags->options, &flags->parameters);
  AddParameterFlags(command, flags->parameters, group);
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
