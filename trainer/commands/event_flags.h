// The flags of every command that reads events. Plain values.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "trainer/data/read_events.h"

namespace kindred {

// Flags as text, before they are checked. Must outlive parsing.
struct EventFlags {
  EventReadOptions options;
  std::string delimiter, from, before, clip, time_unit;
  std::vector<std::string> keep;
};

// Adds --user-column, --item-column, … to `command`, in `group`.
void AddEventFlags(CLI::App* command, EventFlags* flags, const std::string& group = "Events");

// The options that the flags come to; INVALID_ARGUMENT naming the flag.
absl::StatusOr<EventReadOptions> ToEventReadOptions(const EventFlags& flags);

// What was read, in lines for a person: rows, and why some were left out.
std::string DescribeIngest(const IngestReport& report);

}  // namespace kindred
