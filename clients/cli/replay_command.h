// `kindred replay`: makes logged answers again, to the bit.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands. *exit_code becomes 1 as well when an answer came out otherwise or could not be made again.
void AddReplayCommand(CLI::App& app, int* exit_code);

}  // namespace kindred
