// `kindred profiles get|delete|export|import`: what operators do with stored profiles, through the admin port.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// Adds the subcommand `profiles` to `app`; as AddQueryCommands.
void AddProfilesCommands(CLI::App& app, int* exit_code);

}  // namespace kindred
