// `kindred profiles get` and `export`: stored profiles as lines of JSON.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands, to the subcommand `profiles`.
void AddProfilesGet(CLI::App* profiles, int* exit_code);
void AddProfilesExport(CLI::App* profiles, int* exit_code);

}  // namespace kindred
