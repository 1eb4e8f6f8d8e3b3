#include "clients/cli/batch_answers.h"

#include <iostream>

#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/text_parts.h"

namespace kindred {

void BatchAnswers::Print(size_t index, const v1::RecommendResult& result) {
  const std::string user = index < users_.size() ? users_[index] : std::string();
  const bool ok = result.has_response();
  if (!ok) ++failed_;
  ++printed_;
  if (call_.json) {
    nlohmann::ordered_json json = {{"subject", user}};
    json[ok ? "answer" : "error"] = ok ? ToJson(result.response()) : ToJson(result.status());
    PrintJson(json);
  } else if (ok) {
    v1::RecommendRequest whom;
    whom.mutable_subject()->set_user_id(user);
    std::cout << (printed_ > 1 ? "\n" : "") << ToText(whom, result.response());
  } else {
    std::cerr << Line("kindred: no answer for " + user + ": " + result.status().message());
  }
}

}  // namespace kindred
