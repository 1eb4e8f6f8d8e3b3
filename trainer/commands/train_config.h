// `kindred train --config pipeline.yaml`: one YAML file that says what the flags of `kindred train` say, for any number
// of spaces. docs/training.md is its manual.
#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "trainer/families/train.h"

namespace kindred {

// Keys are the flags' names with '_' for '-'; `spaces` maps a space's name to its family and parameters, `blend` a
// space's name to its weight. NOT_FOUND without the file; INVALID_ARGUMENT naming file, line and key for an unknown
// key, a value that does not fit, or one that is missing.
absl::StatusOr<TrainOptions> ReadTrainConfig(const std::string& path);

// The same from text; `name` stands for the file in messages.
absl::StatusOr<TrainOptions> ParseTrainConfig(const std::string& text, std::string_view name);

// The YAML that ReadTrainConfig reads these options from; what is as it is by default is left out. `heading` stands
// above as a comment, one line.
std::string TrainConfigYaml(const TrainOptions& options, std::string_view heading);

// ", relative error 0.4120": the figure of a space that people look at first, from its JSON; or nothing.
std::string FigureText(const std::string& figures_json);

}  // namespace kindred
