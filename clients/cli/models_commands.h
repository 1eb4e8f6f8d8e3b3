// `kindred models …`: which versions of which models a running server has, and what it does with them.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands. *exit_code becomes 1 as well when a version is refused, does not come to serve in time, or
// nobody waited for the end.
void AddModelsCommands(CLI::App& app, int* exit_code);

}  // namespace kindred
