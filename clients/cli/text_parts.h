// What the text of several answers has in common.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "clients/cli/words.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

// A line to itself, printable whatever the names in it hold.
std::string Line(std::string_view text);
// "1 event", "2 events".
std::string Count(int n, const char* noun);
// "GROCERY / EGGS": without the column that `kindred train` puts before a category ("department:GROCERY").
std::string CategoryList(const google::protobuf::RepeatedPtrField<std::string>& categories);
// To the second; JSON has the rest.
std::string TimeText(google::protobuf::Timestamp time);
// "model M version V, space S".
std::string Origin(const std::string& model, const std::string& version, const std::string& space);
// The user's id, "3 events", "the bearer of a token" or "the average user".
std::string Whom(const v1::Subject& subject);
// A line where `ids` has some.
std::string Missing(const char* what, const google::protobuf::RepeatedPtrField<std::string>& ids);

// A line for each degradation.
template <typename Answer>
std::string Degraded(const Answer& answer) {
  std::string text;
  for (const int value : answer.degradations()) {
    absl::StrAppend(&text, "degraded: ", DegradationWord(static_cast<v1::Degradation>(value)), "\n");
  }
  return text;
}

}  // namespace kindred
