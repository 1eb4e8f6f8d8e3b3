// Ctrl-C and SIGTERM as something that a long command looks at, to end in good order.
#pragma once

namespace kindred {

// From now on the first of them sets Interrupted, and the second one ends the program as usual.
void CatchInterrupts();
bool Interrupted();

}  // namespace kindred
