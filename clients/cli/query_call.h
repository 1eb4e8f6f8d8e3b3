// What every `kindred query` command has: where to ask, how long to wait, and how its answer is printed.
#pragma once

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "clients/cpp/call_retry.h"

namespace kindred {

struct QueryCall {
  std::string server = "127.0.0.1:50051";
  double timeout_seconds = 5;
  bool json = false;
  const char* server_flag = "--server";  // which flag gives `server`

  ClientOptions Options() const;
};

// --server, --timeout, --json. `*call` outlives the parse, as everything that options write to does.
void AddCallOptions(CLI::App* command, QueryCall* call);
// --timeout, --json: of commands whose server has another flag.
void AddTimeoutAndJson(CLI::App* command, QueryCall* call);
void AddTimeout(CLI::App* command, QueryCall* call, double max_seconds = 3600);

// A call of what operators ask, on the admin port: --admin-server, --timeout, --json.
QueryCall AdminCall();
void AddAdminCallOptions(CLI::App* command, QueryCall* call);
void AddAdminServer(CLI::App* command, QueryCall* call);

// Takes "-" and files that are there.
CLI::Validator FileOrStandardInput();

// An option that takes a file of ids, one a line, or "-" for standard input.
CLI::Option* AddIdFile(CLI::App* command, const std::string& name, std::string* path, const std::string& description);

// *ids with those of the file behind them; nothing for no path.
absl::Status AppendIds(const std::string& path, std::vector<std::string>* ids);

// A line of JSON. Ids and names are UTF-8 by the API's rules; should one not be, the document stays valid JSON.
void PrintJson(const nlohmann::ordered_json& json);

// Says on standard error what went wrong and, where nobody answers, what to look at. Returns the exit code, 1.
int PrintError(const QueryCall& call, const absl::Status& status);

// Prints `answer` as JSON or text; returns the exit code.
template <typename Response, typename AsJson, typename AsText>
int PrintAnswer(const QueryCall& call, const absl::StatusOr<Response>& answer, const AsJson& as_json,
                const AsText& as_text) {
  if (!answer.ok()) return PrintError(call, answer.status());
  if (call.json) {
    PrintJson(as_json(*answer));
  } else {
    std::cout << as_text(*answer);
  }
  return 0;
}

}  // namespace kindred
