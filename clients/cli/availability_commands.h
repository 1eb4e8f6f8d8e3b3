// `kindred query availability set|list`.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands.
void AddAvailabilityCommands(CLI::App* query, int* exit_code);

}  // namespace kindred
