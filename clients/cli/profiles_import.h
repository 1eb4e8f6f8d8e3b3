// `kindred profiles import`: lines of JSON, as `export` writes them, merged into a store.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands, to the subcommand `profiles`.
void AddProfilesImport(CLI::App* profiles, int* exit_code);

}  // namespace kindred
