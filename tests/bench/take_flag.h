// Flags of a benchmark's own, taken out of the arguments before Google Benchmark reads them.
#pragma once

#include <algorithm>
#include <string>

namespace kindred {

// Takes `--name=value` or `--name value` out of the arguments; `otherwise` when it is not there.
inline std::string TakeFlag(const std::string& name, int* argc, char** argv, const std::string& otherwise = "") {
  for (int i = 1; i < *argc; ++i) {
    const std::string arg = argv[i];
    const bool joined = arg.rfind(name + "=", 0) == 0;
    if (!joined && (arg != name || i + 1 >= *argc)) continue;
    const std::string value = joined ? arg.substr(name.size() + 1) : argv[i + 1];
    const int taken = joined ? 1 : 2;
    std::copy(argv + i + taken, argv + *argc, argv + i);
    *argc -= taken;
    return value;
  }
  return otherwise;
}

}  // namespace kindred
