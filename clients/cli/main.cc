// The composition root of `kindred`: the offline commands of trainer/ and the queries of clients/ in one program.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "clients/cli/query_commands.h"
#include "trainer/commands/commands.h"

namespace {

int Run(int argc, char** argv) {
  CLI::App app("Kindred: trains models into bundles, looks after bundles, and asks a running server.", "kindred");
  app.footer(
      "Every command has --help with examples. Exit codes: 0 done, 1 failed, 2 wrong usage or no such file.\n"
      "Start here:  make demo");
  app.set_version_flag("--version", "kindred " KINDRED_VERSION);
  app.require_subcommand(1);
  int exit_code = kindred::kExitOk;
  kindred::AddTrainerCommands(app, &exit_code);
  kindred::AddQueryCommands(app, &exit_code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kindred::kExitOk : kindred::kExitUsage;
  }
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  int exit_code = kindred::kExitFailed;
  try {
    exit_code = Run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "kindred: " << error.what() << "\n";
    return kindred::kExitFailed;
  }
  if (!std::cout.flush()) {
    std::cerr << "kindred: could not write to standard output\n";
    return kindred::kExitFailed;
  }
  return exit_code;
}
