#include "clients/cli/query_call.h"

#include <filesystem>
#include <iterator>

#include "clients/cli/id_file.h"
#include "clients/cli/words.h"

namespace kindred {

ClientOptions QueryCall::Options() const {
  ClientOptions options;
  options.timeout = absl::Seconds(timeout_seconds);
  return options;
}

void AddCallOptions(CLI::App* command, QueryCall* call) {
  command->add_option("--server", call->server, "Address of kindred-server")
      ->envname("KINDRED_SERVER")
      ->capture_default_str();
  AddTimeoutAndJson(command, call);
}

void AddTimeout(CLI::App* command, QueryCall* call, double max_seconds) {
  command->add_option("--timeout", call->timeout_seconds, "Seconds to wait for the answer")
      ->check(CLI::Range(0.001, max_seconds))
      ->capture_default_str();
}

void AddTimeoutAndJson(CLI::App* command, QueryCall* call) {
  AddTimeout(command, call);
  command->add_flag("--json", call->json, "Print JSON, one object a line");
}

QueryCall AdminCall() {
  QueryCall call;
  call.server = "127.0.0.1:50052";
  call.server_flag = "--admin-server";
  return call;
}

void AddAdminServer(CLI::App* command, QueryCall* call) {
  command->add_option("--admin-server", call->server, "Address of kindred-server's admin port for gRPC")
      ->envname("KINDRED_ADMIN_SERVER")
      ->capture_default_str();
}

void AddAdminCallOptions(CLI::App* command, QueryCall* call) {
  AddAdminServer(command, call);
  AddTimeoutAndJson(command, call);
}

CLI::Validator FileOrStandardInput() {
  return {[](const std::string& file) {
            return file == "-" || std::filesystem::exists(file) ? std::string() : "no such file: " + file;
          },
          "FILE"};
}

CLI::Option* AddIdFile(CLI::App* command, const std::string& name, std::string* path, const std::string& description) {
  return command->add_option(name, *path, description + "; one id a line, - for standard input")
      ->check(FileOrStandardInput())
      ->type_name("FILE");
}

absl::Status AppendIds(const std::string& path, std::vector<std::string>* ids) {
  if (path.empty()) return absl::OkStatus();
  auto more = ReadIdFile(path);
  if (!more.ok()) return more.status();
  ids->insert(ids->end(), std::make_move_iterator(more->begin()), std::make_move_iterator(more->end()));
  return absl::OkStatus();
}

void PrintJson(const nlohmann::ordered_json& json) {
  std::cout << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << "\n";
}

int PrintError(const QueryCall& call, const absl::Status& status) {
  std::cerr << "kindred: " << call.server << ": " << ErrorText(status);
  if (absl::IsUnavailable(status)) {
    std::cerr << "  is kindred-server running there? It prints its address when it starts; give it with "
              << call.server_flag << "\n";
  }
  return 1;
}

}  // namespace kindred
