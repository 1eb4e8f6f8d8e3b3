// `kindred query …`: asks a running kindred-server over gRPC.
#pragma once

#include <CLI/CLI.hpp>

namespace kindred {

// Adds the subcommand `query` to `app`. When one of its commands runs, *exit_code becomes 0, or 1 when the call failed
// (code, message and field violations go to stderr). Both must outlive the parse.
void AddQueryCommands(CLI::App& app, int* exit_code);

}  // namespace kindred
