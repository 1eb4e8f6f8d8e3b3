// `kindred query recommend|batch`.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands.
void AddRecommendCommands(CLI::App* query, int* exit_code);

}  // namespace kindred
