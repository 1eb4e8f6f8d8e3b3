// `kindred models load|validate|activate|rollback|follow`: what takes a while, with its progress on standard error.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

namespace kindred {

// As AddModelsCommands.
void AddModelsWork(CLI::App* models, int* exit_code);

// MODEL VERSION, both required.
void AddVersionArguments(CLI::App* command, std::string* model, uint64_t* version);

}  // namespace kindred
