// YAML into a protobuf message by reflection, with errors that name file and line. Not thread-safe; cheap to make.
#pragma once

#include <google/protobuf/message.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace YAML {
class Node;
}  // namespace YAML

namespace kindred {

class YamlMessageReader {
 public:
  // `source` names the text in errors.
  explicit YamlMessageReader(std::string_view source) : source_(source) {}

  // Merges `text` into `message`; see config_loader.h for the rules. An empty text changes nothing.
  absl::Status Read(std::string_view text, google::protobuf::Message* message);

 private:
  absl::Status ReadMap(const YAML::Node& node, const std::string& path, google::protobuf::Message* message);
  absl::Status ReadField(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                         const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message);
  // Of a field that is a map from texts.
  absl::Status ReadEntries(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                           const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message);
  // Of a field that is a list of texts.
  absl::Status ReadList(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                        const google::protobuf::FieldDescriptor& field, google::protobuf::Message* message);
  // INVALID_ARGUMENT "source:line: path …".
  absl::Status Wrong(const YAML::Node& node, std::string_view what) const;

  const std::string source_;
};

// "5ms" → duration; "4MiB" → bytes. False when the text is not one.
bool ParseDuration(const std::string& text, int64_t* nanoseconds);
bool ParseBytes(const std::string& text, uint64_t* bytes);

}  // namespace kindred
