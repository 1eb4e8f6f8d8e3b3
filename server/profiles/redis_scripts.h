// The Lua scripts that change profiles in Redis. Each is one key, so that a cluster can run it, and is known to a
// server by its SHA-1 once it ran there: EVALSHA, and EVAL where that finds none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/redis/client.h"

namespace kindred {

struct RedisScript {
  std::string_view sha1;  // of text, hexadecimal
  std::string_view text;
};

// Puts a value in place of the one that was merged into it. ARGV: value, time to live in ms, checksum (the bytes 8 to
// 15) of the value that may be replaced, empty: none. Replies 1 when it is there; 2 when it replaced something that no
// profile can be, by type or by size; the value that is there when that is another one.
extern const RedisScript kApplyScript;

// Deletes a value that is damaged. ARGV: its first 16 bytes; of an empty one none. Replies how many keys it deleted.
// What is there and is not a string goes in any case.
extern const RedisScript kDeleteScript;

// The command that runs `script`; `known`: the server is believed to have it.
redis::Command ScriptCommand(const RedisScript& script, bool known, std::string key,
                             std::vector<std::string> arguments);

}  // namespace kindred
