#include "trainer/commands/parameter_flags.h"

#include <algorithm>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred {
namespace {

std::string FlagName(std::string_view name) {
  std::string out = "--";
  for (char c : name) out += c == '_' ? '-' : c;
  return out;
}

// What is wrong with a value is wrong usage.
void Check(const Parameter& parameter, const absl::Status& status) {
  if (!status.ok()) throw CLI::ValidationError(FlagName(parameter.name), std::string(status.message()));
}

}  // namespace

void AddParameterFlags(CLI::App* command, const ParameterList& parameters, const std::string& group,
                       const std::vector<std::string_view>& required) {
  for (const Parameter& parameter : parameters.all()) {
    CLI::Option* option = nullptr;
    if (parameter.is_flag) {
      option = command->add_flag_callback(
          FlagName(parameter.name), [&parameter] { Check(parameter, parameter.set("true")); }, parameter.help);
    } else if (parameter.is_list) {
      // The flag may be given several times.
      option = command->add_option_function<std::vector<std::string>>(
          FlagName(parameter.name),
          [&parameter](const std::vector<std::string>& values) { Check(parameter, parameter.set_list(values)); },
          parameter.help);
      option->type_name(parameter.type_name)->default_str(parameter.get());
      if (parameter.separator != 0) {
        option->delimiter(parameter.separator);
      } else {
        option->allow_extra_args(false);  // what stands behind it is not its own
      }
      if (std::find(required.begin(), required.end(), parameter.name) != required.end()) option->required();
    } else {
      option = command->add_option_function<std::string>(
          FlagName(parameter.name), [&parameter](const std::string& value) { Check(parameter, parameter.set(value)); },
          parameter.help);
      option->type_name(parameter.type_name)->default_str(parameter.get());
      if (std::find(required.begin(), required.end(), parameter.name) != required.end()) option->required();
    }
    option->group(group);
  }
}

absl::Status SetGivenFlags(const CLI::App& command, const ParameterList& parameters) {
  for (const Parameter& parameter : parameters.all()) {
    const CLI::Option* option = command.get_option_no_throw(FlagName(parameter.name));
    if (option == nullptr || option->count() == 0) continue;
    if (parameter.is_flag) {
      RETURN_IF_ERROR(parameter.set("true"));
    } else if (parameter.is_list) {
      RETURN_IF_ERROR(parameter.set_list(option->results()));
    } else {
      RETURN_IF_ERROR(parameter.set(option->results().back()));
    }
  }
  return absl::OkStatus();
}

}  // namespace kindred
