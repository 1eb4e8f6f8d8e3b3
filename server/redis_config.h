// The redis store's part of the configuration: defaults, ranges, what contradicts itself, and the files it names. Pure
// functions but for the files.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "kindred/v1/server_config.pb.h"

namespace kindred {

// As CompleteConfig, of profiles.redis.
absl::Status CompleteRedisStore(v1::RedisStoreConfig* redis);

// Whether the files that the configuration names (password, certificates) can be read, and the password is one.
// NOT_FOUND naming the field, the file and the reason.
absl::Status CheckRedisFiles(const v1::RedisStoreConfig& redis);

// "cluster 10.0.0.1:6379, 10.0.0.2:6379": for the log and the status page.
std::string DescribeRedis(const v1::RedisStoreConfig& redis);

}  // namespace kindred
