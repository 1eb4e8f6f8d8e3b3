// What reading gzip data met with, for people. Pure functions, thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace kindred {

// What zlib's gzread has met with, in words that say what to do; `code` and `reason` are gzerror's.
std::string GzipProblem(int code, std::string_view reason);

}  // namespace kindred
