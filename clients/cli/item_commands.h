// `kindred query similar|score|vectors`.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands.
void AddItemCommands(CLI::App* query, int* exit_code);

}  // namespace kindred
