// Flags of the command line from a list of parameters: "cg_steps" becomes --cg-steps.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "trainer/base/parameters.h"

namespace kindred {

// Adds a flag for each parameter under the heading `group`, showing its value now as the default. `parameters` must
// outlive parsing. A value that does not fit is a usage error that says what does.
void AddParameterFlags(CLI::App* command, const ParameterList& parameters, const std::string& group,
                       const std::vector<std::string_view>& required = {});

// Sets once more what the command line said, after something else may have set the fields. `command` has parsed;
// `parameters` are those that AddParameterFlags got.
absl::Status SetGivenFlags(const CLI::App& command, const ParameterList& parameters);

}  // namespace kindred
