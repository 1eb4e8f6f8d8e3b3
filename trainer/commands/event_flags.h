// The flags of the commands that read events and do not train; `kindred train` describes its own (train.h). Plain
// values.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "trainer/base/parameters.h"
#include "trainer/data/read_events.h"

namespace kindred {

// What the flags set. Stays where it is, since the parameters point into it, and must outlive parsing.
struct EventFlags {
  EventFlags() = default;
  EventFlags(const EventFlags&) = delete;
  EventFlags& operator=(const EventFlags&) = delete;

  EventReadOptions options;
  ParameterList parameters;
};

// Adds --user-column, --item-column, … to `command`, in `group`: the parameters of trainer/data/event_parameters.h.
// What does not fit is wrong usage that names the flag.
void AddEventFlags(CLI::App* command, EventFlags* flags, const std::string& group = "Events");

// What was read, in lines for a person: rows, and why some were left out.
std::string DescribeIngest(const IngestReport& report);

}  // namespace kindred
