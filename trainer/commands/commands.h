// The offline commands of `kindred`: train, tune, update, split, pack, compress, unpack, inspect, verify, publish,
// evaluate, diff, advise, report. Each prints its result to standard output and progress and errors to standard error.
#pragma once

#include <CLI/CLI.hpp>

#include "absl/status/status.h"
#include "trainer/evaluation/ranker.h"

namespace kindred {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;  // failed, or invalid
inline constexpr int kExitUsage = 2;   // wrong usage, or no such file

// Registers the commands with `app`; the one that runs sets *exit_code. Both must outlive parsing. `remote` reaches a
// server for `kindred evaluate --server`; without it that flag is refused.
void AddTrainerCommands(CLI::App& app, int* exit_code, const RemoteRankerFactory& remote = nullptr);

// The same, one at a time.
void AddTrainCommand(CLI::App& app, int* exit_code);
void AddTuneCommand(CLI::App& app, int* exit_code);
void AddUpdateCommand(CLI::App& app, int* exit_code);
void AddSplitCommand(CLI::App& app, int* exit_code);
void AddPackCommand(CLI::App& app, int* exit_code);
void AddCompressCommand(CLI::App& app, int* exit_code);
void AddUnpackCommand(CLI::App& app, int* exit_code);
void AddInspectCommand(CLI::App& app, int* exit_code);
void AddVerifyCommand(CLI::App& app, int* exit_code);
void AddPublishCommand(CLI::App& app, int* exit_code);
void AddReportCommand(CLI::App& app, int* exit_code);
void AddAdviseCommand(CLI::App& app, int* exit_code);
void AddDiffCommand(CLI::App& app, int* exit_code);
void AddEvaluateCommand(CLI::App& app, const RemoteRankerFactory& remote, int* exit_code);

// Says what went wrong on standard error; the exit code for it.
int Fail(const absl::Status& status);
// The same for a wrong flag, with a pointer to the command's help.
int FailUsage(const CLI::App& command, std::string_view what);

}  // namespace kindred
