#include "clients/cli/text_parts.h"

#include <google/protobuf/util/time_util.h>

#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "clients/cli/text_table.h"

namespace kindred {

std::string Line(std::string_view text) { return FitToWidth(text, SIZE_MAX) + "\n"; }

std::string Count(int n, const char* noun) { return absl::StrCat(n, " ", noun, n == 1 ? "" : "s"); }

std::string CategoryList(const google::protobuf::RepeatedPtrField<std::string>& categories) {
  std::vector<std::string> shown;
  shown.reserve(categories.size());
  for (const std::string& category : categories) {
    size_t prefix = 0;
    while (prefix < category.size() && (absl::ascii_isalnum(category[prefix]) || category[prefix] == '_')) ++prefix;
    const bool has_column = prefix > 0 && prefix + 1 < category.size() && category[prefix] == ':';
    shown.push_back(has_column ? category.substr(prefix + 1) : category);
  }
  return absl::StrJoin(shown, " / ");
}

std::string TimeText(google::protobuf::Timestamp time) {
  time.set_nanos(0);
  return google::protobuf::util::TimeUtil::ToString(time);
}

std::string Origin(const std::string& model, const std::string& version, const std::string& space) {
  return absl::StrCat("model ", model, " version ", version, ", space ", space);
}

std::string Whom(const v1::Subject& subject) {
  if (subject.has_user_id()) return subject.user_id();
  if (subject.has_events()) return Count(subject.events().events_size(), "event");
  if (subject.has_profile_token()) return "the bearer of a profile token";
  return "the average user";
}

std::string Missing(const char* what, const google::protobuf::RepeatedPtrField<std::string>& ids) {
  return ids.empty() ? std::string() : Line(absl::StrCat(what, ": ", absl::StrJoin(ids, ", ")));
}

}  // namespace kindred
