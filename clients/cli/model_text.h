// Models and their versions as people read them. Pure functions; `now` is what ages are measured from.
#pragma once

#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "kindred/v1/model_service.pb.h"

namespace kindred {

// A row a version.
std::string ToText(const v1::ListModelsResponse& response, absl::Time now);
// The same of one model, and what else is known: policy, labels, shadow, and of each version that was loaded its file,
// drift and memory.
std::string ToText(const v1::ServedModel& model, absl::Time now);
// "groceries 7: ready, 5,555 items, 1,500 users, 12.3 MiB, digest 0123456789ab, loaded in 0.42 s, 3 golden queries",
// with lines for drift where it was compared. Of what an operation made of a version.
std::string ToText(const std::string& model, const v1::ModelVersion& version);

// "verifying: golden queries, 40 %", "failed: …", "ready, poisoned".
std::string StateText(const v1::ModelVersion& version);
// The labels of a version with their shares: "canary 5 %, stable".
std::string LabelText(const v1::ServedModel& model, const v1::ModelVersion& version);
// "999 B", "12.3 MiB".
std::string SizeText(uint64_t bytes);
// In the largest unit of which there are two: "90 s", "3 h", "12 d". Nothing for one of 0 or in the future.
std::string AgeText(absl::Duration age);

}  // namespace kindred
