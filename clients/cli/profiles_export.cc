#include "clients/cli/profiles_export.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "clients/cli/query_call.h"
#include "clients/cli/record_json.h"
#include "clients/cli/transfer_progress.h"
#include "clients/cpp/profile_client.h"

namespace kindred {
namespace {

struct GetCommand {
  QueryCall call = AdminCall();
  std::string user;

  int Run() const {
    v1::ExportProfilesRequest request;
    request.add_user_ids(user);
    bool found = false;
    const absl::Status status = ProfileClient(call.server, call.Options())
                                    .ExportProfiles(request, [&](const v1::ExportProfilesResponse& message) {
                                      for (const v1::ProfileRecord& record : message.profiles()) {
                                        std::cout << RecordToJson(record) << "\n";
                                        found = true;
                                      }
                                      return true;
                                    });
    if (!status.ok()) return PrintError(call, status);
    if (found) return 0;
    std::cerr << "kindred: " << call.server << ": no profile of '" << user << "' is stored\n";
    return 1;
  }
};

// A file that appears under its name when it is whole.
class OutputFile {
 public:
  // "-": standard output.
  explicit OutputFile(const std::string& path) : path_(path), partial_(path + ".partial") {
    if (path != "-") file_.open(partial_, std::ios::binary | std::ios::trunc);
  }
  ~OutputFile() {
    std::error_code ignored;
    if (file_.is_open()) std::filesystem::remove(partial_, ignored);
  }

  std::ostream& stream() { return path_ == "-" ? std::cout : file_; }
  bool good() { return stream().good() && (path_ == "-" || file_.is_open()); }
  // False with errno when it cannot be finished.
  bool Finish() {
    if (path_ == "-") return std::cout.flush().good();
    file_.flush();
    if (!file_.good()) return false;
    file_.close();
    return file_.good() && std::rename(partial_.c_str(), path_.c_str()) == 0;
  }
  int PrintFailure() const {
    std::cerr << "kindred: " << (path_ == "-" ? "standard output" : path_)
              << " cannot be written: " << std::strerror(errno) << "\n";
    return 1;
  }

 private:
  const std::string path_, partial_;
  std::ofstream file_;
};

struct ExportCommand {
  QueryCall call = AdminCall();
  std::string out = "-";
  bool quiet = false;

  int Run() const {
    OutputFile file(out);
    if (!file.good()) return file.PrintFailure();
    uint64_t profiles = 0;
    absl::Status status;
    {
      TransferProgress progress("profiles exported", quiet);
      status =
          ProfileClient(call.server, call.Options()).ExportProfiles({}, [&](const v1::ExportProfilesResponse& message) {
            for (const v1::ProfileRecord& record : message.profiles()) file.stream() << RecordToJson(record) << "\n";
            profiles += message.profiles_size();
            progress.Update(profiles);
            return file.good();
          });
    }
    if (!file.good()) return file.PrintFailure();
    if (!status.ok()) {
      const int code = PrintError(call, status);
      if (profiles > 0) std::cerr << "kindred: the export ended after " << WithCommas(profiles) << " profiles\n";
      return code;
    }
    if (!file.Finish()) return file.PrintFailure();
    if (!quiet) std::cerr << "kindred: " << WithCommas(profiles) << " profiles exported\n";
    return 0;
  }
};

}  // namespace

void AddProfilesGet(CLI::App* profiles, int* exit_code) {
  const auto run = std::make_shared<GetCommand>();
  CLI::App* command = profiles->add_subcommand("get", "The stored profile of a user as a line of JSON");
  command->footer(
      "What the store has, whatever the model; `kindred query profile` shows what a model makes of it. Exit code 1\n"
      "when nothing is stored.\n"
      "\n"
      "Examples:\n"
      "  kindred profiles get 1234");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminServer(command, &run->call);
  AddTimeout(command, &run->call);
  command->add_option("USER", run->user, "User id")->required();
}

void AddProfilesExport(CLI::App* profiles, int* exit_code) {
  const auto run = std::make_shared<ExportCommand>();
  run->call.timeout_seconds = 3600;
  CLI::App* command = profiles->add_subcommand("export", "Every stored profile, a line of JSON each");
  command->footer(
      "Profiles that change meanwhile are there as they were or as they are, possibly both: `import` takes that. A "
      "file\n"
      "appears under its name when it is whole.\n"
      "\n"
      "Examples:\n"
      "  kindred profiles export --out profiles.jsonl\n"
      "  kindred profiles export | gzip > profiles.jsonl.gz");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminServer(command, &run->call);
  AddTimeout(command, &run->call, 7 * 86'400.0);
  command->add_option("--out", run->out, "File to write, - for standard output")
      ->type_name("FILE")
      ->capture_default_str();
  command->add_flag("--quiet", run->quiet, "Say nothing unless something is wrong");
}

}  // namespace kindred
