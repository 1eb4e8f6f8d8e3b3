#include "server/profiles/redis_scripts.h"

#include <iterator>
#include <utility>

namespace kindred {

// 16 and 16384 are kStoredHeaderBytes and kMaxStoredBytes of stored_profile.h.
const RedisScript kApplyScript = {"86aa2873977778065355483211d79c8185e3525b",
                                  R"(local v = redis.pcall('GET', KEYS[1])
if type(v) == 'table' or (v and (#v < 16 or #v > 16384)) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 2
end
if v then
  local seen = string.sub(v, 9, 16)
  if seen ~= ARGV[3] and seen ~= string.sub(ARGV[1], 9, 16) then return v end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
)"};

const RedisScript kDeleteScript = {"221b6621a73619a1785139c1fa5882a0e995cfe4",
                                   R"(local v = redis.pcall('GETRANGE', KEYS[1], 0, 15)
if type(v) == 'table' or v == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
)"};

redis::Command ScriptCommand(const RedisScript& script, bool known, std::string key,
                             std::vector<std::string> arguments) {
  redis::Command command;
  command.arguments.reserve(4 + arguments.size());
  command.arguments.emplace_back(known ? "EVALSHA" : "EVAL");
  command.arguments.emplace_back(known ? script.sha1 : script.text);
  command.arguments.emplace_back("1");
  command.arguments.push_back(key);
  command.arguments.insert(command.arguments.end(), std::make_move_iterator(arguments.begin()),
                           std::make_move_iterator(arguments.end()));
  command.key = std::move(key);
  return command;
}

}  // namespace kindred
