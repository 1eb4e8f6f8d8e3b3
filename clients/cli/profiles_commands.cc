#include "clients/cli/profiles_commands.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "clients/cli/profiles_export.h"
#include "clients/cli/profiles_import.h"
#include "clients/cli/query_call.h"
#include "clients/cli/transfer_progress.h"
#include "clients/cpp/profile_client.h"

namespace kindred {
namespace {

// Users of one DeleteProfiles, by the API.
constexpr size_t kMaxUsers = 1'000;

struct DeleteCommand {
  QueryCall call = AdminCall();
  std::vector<std::string> users;
  std::string user_file;

  int Run() const {
    std::vector<std::string> ids = users;
    if (const absl::Status status = AppendIds(user_file, &ids); !status.ok()) return PrintError(call, status);
    ProfileClient client(call.server, call.Options());
    size_t deleted = 0, absent = 0, failed = 0;
    for (size_t begin = 0; begin < ids.size(); begin += kMaxUsers) {
      v1::DeleteProfilesRequest request;
      for (size_t i = begin; i < std::min(ids.size(), begin + kMaxUsers); ++i) request.add_user_ids(ids[i]);
      const auto response = client.DeleteProfiles(request);
      if (!response.ok()) return PrintError(call, response.status());
      for (int i = 0; i < response->results_size(); ++i) {
        const v1::ProfileDeletion& result = response->results(i);
        if (result.status().code() == 0) {
          ++(result.existed() ? deleted : absent);
        } else {
          ++failed;
          std::cerr << "kindred: " << (i < request.user_ids_size() ? request.user_ids(i) : "") << ": "
                    << result.status().message() << "\n";
        }
      }
    }
    if (call.json) {
      PrintJson({{"deleted", deleted}, {"absent", absent}, {"failed", failed}});
    } else {
      std::cout << WithCommas(deleted) << " deleted, nothing stored of " << WithCommas(absent) << ", "
                << WithCommas(failed) << " failed\n";
    }
    return failed == 0 ? 0 : 1;
  }
};

void AddDelete(CLI::App* profiles, int* exit_code) {
  const auto run = std::make_shared<DeleteCommand>();
  run->call.timeout_seconds = 60;
  CLI::App* command = profiles->add_subcommand("delete", "Delete what is stored of users");
  command->footer(
      "What a model was trained with stays in that model.\n"
      "\n"
      "Examples:\n"
      "  kindred profiles delete 1234\n"
      "  kindred profiles delete --user-file gone.txt --json");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
  CLI::App* users = command->add_option_group("Users");
  users->add_option("USER", run->users, "User ids");
  AddIdFile(users, "--user-file", &run->user_file, "User ids");
  users->require_option(1, 0);  // one or both
}

}  // namespace

void AddProfilesCommands(CLI::App& app, int* exit_code) {
  CLI::App* profiles =
      app.add_subcommand("profiles", "Export, import and delete the profiles of a running kindred-server");
  profiles->require_subcommand(1);
  AddProfilesGet(profiles, exit_code);
  AddDelete(profiles, exit_code);
  AddProfilesExport(profiles, exit_code);
  AddProfilesImport(profiles, exit_code);
}

}  // namespace kindred
