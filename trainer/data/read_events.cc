#include "trainer/data/read_events.h"

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/event_readers.h"
#include "trainer/data/input_file.h"

namespace kindred {

absl::StatusOr<EventInput> ReadEvents(const std::vector<std::string>& paths, const EventReadOptions& options,
                                      Progress* progress) {
  if (paths.empty()) return absl::InvalidArgumentError("no input file is given");
  if (options.clip_low && options.clip_high && !(*options.clip_low <= *options.clip_high)) {
    return absl::InvalidArgumentError(
        absl::StrFormat("clip range %g to %g, expected the lower bound first", *options.clip_low, *options.clip_high));
  }
  EventBuilder builder(options);
  for (const std::string& path : paths) {
    const uint64_t rows_before = builder.rows_read();
    ASSIGN_OR_RETURN(const InputFormat format, FormatOf(path));
    switch (format) {
      case InputFormat::kCsv:
        RETURN_IF_ERROR(ReadCsvEvents(path, options, &builder, progress));
        break;
      case InputFormat::kJsonLines:
        RETURN_IF_ERROR(ReadJsonEvents(path, options, &builder, progress));
        break;
      case InputFormat::kParquet:
        RETURN_IF_ERROR(ReadParquetEvents(path, &builder, progress));
        break;
    }
    progress->End(StrCat(WithThousands(builder.rows_read() - rows_before), " rows"));
  }
  return builder.Finish(paths);
}

}  // namespace kindred
