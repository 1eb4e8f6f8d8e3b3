// `kindred models watch`.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddModelsCommands.
void AddModelsWatch(CLI::App* models, int* exit_code);

}  // namespace kindred
