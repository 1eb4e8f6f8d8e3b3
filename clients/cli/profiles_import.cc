#include "clients/cli/profiles_import.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/strings/ascii.h"
#include "clients/cli/profile_importer.h"
#include "clients/cli/query_call.h"
#include "clients/cli/record_json.h"
#include "clients/cli/transfer_progress.h"

namespace kindred {
namespace {

// Bad lines that are named; the others are counted.
constexpr uint64_t kMaxNamed = 20;

struct ImportCommand {
  QueryCall call = AdminCall();
  std::string path;
  bool dry_run = false, quiet = false;

  int Run() const {
    std::ifstream file;
    if (path != "-") {
      file.open(path, std::ios::binary);
      if (!file) {
        std::cerr << "kindred: " << path << " cannot be opened\n";
        return 1;
      }
    }
    std::istream& in = path == "-" ? std::cin : file;
    TransferProgress progress(dry_run ? "profiles checked" : "profiles imported", quiet);
    uint64_t bad = 0;
    const auto complain = [&](uint64_t line, std::string_view why) {
      progress.Interrupt();
      if (++bad <= kMaxNamed) std::cerr << path << ":" << line << ": " << why << "\n";
    };
    ProfileClient client(call.server, call.Options());
    ProfileImporter importer(&client, dry_run, absl::Seconds(call.timeout_seconds), complain);
    const absl::Status status = SendLines(in, complain, &importer, &progress);
    progress.Interrupt();
    if (bad > kMaxNamed) std::cerr << path << ": and " << WithCommas(bad - kMaxNamed) << " more bad lines\n";
    Print(importer.counts(), bad);
    if (!status.ok()) {
      PrintError(call, status);
      std::cerr << "kindred: the import ended early; to repeat all of it is safe\n";
    }
    return status.ok() && bad == 0 ? 0 : 1;
  }

  template <typename Complain>
  absl::Status SendLines(std::istream& in, const Complain& complain, ProfileImporter* importer,
                         TransferProgress* progress) const {
    std::string line;
    for (uint64_t number = 1; std::getline(in, line); ++number) {
      std::string_view text = line;
      if (number == 1 && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
      if (text.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      auto record = RecordFromJson(text);
      if (!record.ok()) {
        complain(number, std::string(record.status().message()));
        continue;
      }
      if (absl::Status sent = importer->Add(number, *std::move(record)); !sent.ok()) return sent;
      progress->Update(importer->counts().changed + importer->counts().unchanged);
    }
    if (in.bad()) return absl::UnavailableError(path + " cannot be read to its end");
    return importer->Flush();
  }

  void Print(const ImportCounts& counts, uint64_t bad) const {
    if (call.json) {
      PrintJson({{"dry_run", dry_run}, {"changed", counts.changed}, {"unchanged", counts.unchanged}, {"failed", bad}});
    } else if (!quiet) {
      std::cout << WithCommas(counts.changed) << (dry_run ? " profiles would change" : " profiles changed") << ", "
                << WithCommas(counts.unchanged) << " had everything, " << WithCommas(bad) << " bad lines\n";
    }
  }
};

}  // namespace

void AddProfilesImport(CLI::App* profiles, int* exit_code) {
  const auto run = std::make_shared<ImportCommand>();
  run->call.timeout_seconds = 60;
  CLI::App* command = profiles->add_subcommand("import", "Merge profiles from a file into what is stored");
  command->footer(
      "What is stored and newer stays, and nothing is there twice: to import a file once more changes nothing. Bad "
      "lines\n"
      "are named and left out, and make the exit code 1. --timeout is how long the server may take nothing at all, "
      "for\n"
      "want of room for example.\n"
      "\n"
      "Examples:\n"
      "  kindred profiles import profiles.jsonl --dry-run\n"
      "  gunzip -c profiles.jsonl.gz | kindred profiles import -");
  command->callback([=] { *exit_code = run->Run(); });
  AddAdminCallOptions(command, &run->call);
  command->add_option("FILE", run->path, "File of JSON lines, - for standard input")
      ->required()
      ->check(FileOrStandardInput());
  command->add_flag("--dry-run", run->dry_run, "Say what would become of the profiles, and change nothing");
  command->add_flag("--quiet", run->quiet, "Say nothing unless something is wrong");
}

}  // namespace kindred
