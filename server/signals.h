// Waits for the order to stop.
#pragma once

#include <string>

namespace kindred {

// Keeps SIGTERM and SIGINT for WaitForStopSignal. A peer that went away (SIGPIPE) and a file that may not grow
// (SIGXFSZ) become errors of the call instead of ends of the process. Call in main before any thread starts.
void BlockStopSignals();

// Returns the name of the first SIGTERM or SIGINT. From then on another one ends the process at once, with code
// 128 + its number.
std::string WaitForStopSignal();

}  // namespace kindred
