#include "core/bundle/model_folder.h"

#include <string>

#include "absl/strings/str_format.h"

namespace kindred {

absl::Status CheckModelFolder(std::string_view name) {
  if (name.find('@') == name.npos) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrFormat("'%s' is no name for a model: it has an '@', which stands between model and version where a "
                      "request names both; rename the folder",
                      std::string(name)));
}

}  // namespace kindred
