// The answers for many users, printed one by one as they come.
#pragma once

#include <string>
#include <vector>

#include "clients/cli/query_call.h"
#include "kindred/v1/recommendation_service.pb.h"

namespace kindred {

class BatchAnswers {
 public:
  // `users` outlives this.
  BatchAnswers(const std::vector<std::string>& users, const QueryCall& call) : users_(users), call_(call) {}

  // Prints the answer for users[index]: as JSON {"subject","answer"} or {"subject","error"} on a line, as text on
  // standard output, and as text on standard error where there is none.
  void Print(size_t index, const v1::RecommendResult& result);

  size_t failed() const { return failed_; }
  size_t printed() const { return printed_; }

 private:
  const std::vector<std::string>& users_;
  const QueryCall& call_;
  size_t failed_ = 0, printed_ = 0;
};

}  // namespace kindred
