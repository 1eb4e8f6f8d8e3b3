// Reads the server's configuration: YAML whose schema is kindred.v1.ServerConfig. Pure functions but for the file.
//
// Keys are field names, maps are messages; a key that the schema lacks is an error that names file, line and the
// nearest name it has. Durations: "500us", "5ms", "2s", "1m", "1h", "30d". Fields ending in _bytes: a number, or
// "64KiB", "4MiB", "1GiB". Enums: lower case without the prefix. Lists of texts: [a, b]. The keys of a field that is a
// map (models.policies) are names of one's own.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kindred/v1/server_config.pb.h"

namespace kindred {

// Fills `message` from YAML text; fields that the text leaves out keep what they have. `source` names the text in
// errors: INVALID_ARGUMENT, "kindred.yaml:3: …".
absl::Status ParseYaml(std::string_view text, std::string_view source, google::protobuf::Message* message);

// Reads and parses a file. NOT_FOUND when it cannot be read.
absl::StatusOr<v1::ServerConfig> LoadConfigFile(const std::string& path);

// Fills in the defaults of the schema's comments, then checks ranges. INVALID_ARGUMENT naming the field, what it is and
// what it may be.
absl::Status CompleteConfig(v1::ServerConfig* config);

// Whether the files that a complete configuration names can be read; --check-config asks. NOT_FOUND naming the first
// that cannot.
absl::Status CheckConfigFiles(const v1::ServerConfig& config);

}  // namespace kindred
