// Whether a profile that was brought from elsewhere is one that this server could have made. Pure function.
#pragma once

#include <string_view>

#include "core/profile/profile.h"
#include "kindred/v1/profile_record.pb.h"
#include "server/field_checks.h"

namespace kindred {

// Adds what is wrong to `checks`, each field under `field` ("profiles[3]"). A profile of version 0 is a deletion: of an
// epoch above 0, without events. O(events).
void CheckRecord(std::string_view field, const v1::ProfileRecord& record, const ProfileLimits& limits,
                 FieldChecks* checks);

}  // namespace kindred
