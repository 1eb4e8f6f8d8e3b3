// `kindred load`: puts a running kindred-server, or several, under load, and checks what became of it.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// As AddQueryCommands. *exit_code becomes 1 as well when a call failed, an answer carried another user's events, or an
// acknowledged update is missing or doubled.
void AddLoadCommand(CLI::App& app, int* exit_code);

}  // namespace kindred
