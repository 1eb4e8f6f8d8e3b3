#include "trainer/commands/commands.h"

#include <iostream>

namespace kindred {

void AddTrainerCommands(CLI::App& app, int* exit_code, const RemoteRankerFactory& remote) {
  AddTrainCommand(app, exit_code);
  AddTuneCommand(app, exit_code);
  AddUpdateCommand(app, exit_code);
  AddSplitCommand(app, exit_code);
  AddPackCommand(app, exit_code);
  AddCompressCommand(app, exit_code);
  AddUnpackCommand(app, exit_code);
  AddInspectCommand(app, exit_code);
  AddVerifyCommand(app, exit_code);
  AddPublishCommand(app, exit_code);
  AddAdviseCommand(app, exit_code);
  AddDiffCommand(app, exit_code);
  AddEvaluateCommand(app, remote, exit_code);
  AddReportCommand(app, exit_code);
}

int Fail(const absl::Status& status) {
  std::cerr << "error: " << status.message() << "\n";
  return absl::IsNotFound(status) ? kExitUsage : kExitFailed;
}

int FailUsage(const CLI::App& command, std::string_view what) {
  std::cerr << what << "\nRun with --help for more information: kindred " << command.get_name() << " --help\n";
  return kExitUsage;
}

}  // namespace kindred
