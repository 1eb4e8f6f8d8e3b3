// The signals that the server minds: to stop, and to look for new models.
#pragma once

#include <functional>
#include <string>

namespace kindred {

// Keeps SIGTERM, SIGINT and SIGHUP for WaitForStopSignal. A peer that went away (SIGPIPE) and a file that may not grow
// (SIGXFSZ) become errors of the call instead of ends of the process. Call in main before any thread starts.
void BlockSignals();

// Whether a SIGTERM or SIGINT waits for WaitForStopSignal.
bool StopSignalWaits();

// Returns the name of the first SIGTERM or SIGINT; calls `on_hangup` at each SIGHUP until then, several that came
// together counting as one. From then on another one ends the process at once, with code 128 + its number, and SIGHUP
// does nothing.
std::string WaitForStopSignal(const std::function<void()>& on_hangup);

}  // namespace kindred
