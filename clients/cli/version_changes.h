// What changed about versions between two looks at a server. Not thread-safe.
#pragma once

#include <google/protobuf/repeated_ptr_field.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kindred/v1/model_service.pb.h"

namespace kindred {

struct VersionChange {
  std::string model;
  v1::ModelVersion version;  // as it is now, or was last
  std::string labels;        // LabelText
  bool removed = false;      // no longer in the store
};

class VersionChanges {
 public:
  // What is other than at the last look: state, serving, poisoned, labels with their shares, reason, or whether it is
  // there at all; by model and version. At the first look: whatever was ever loaded or is being.
  std::vector<VersionChange> Take(const google::protobuf::RepeatedPtrField<v1::ServedModel>& models);

 private:
  bool first_ = true;
  std::map<std::pair<std::string, uint64_t>, VersionChange> known_;
};

}  // namespace kindred
