// `kindred query update|profile|profiles|delete`.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands.
void AddProfileCommands(CLI::App* query, int* exit_code);

}  // namespace kindred
