#include "server/redis/operation.h"

#include <hiredis/hiredis.h>

#include <new>
#include <utility>

#include "server/redis/key_slot.h"

namespace kindred::redis {
namespace {

template <typename Argument>
OperationPtr Make(const std::vector<Argument>& arguments, Time now, Time deadline, Client::Done done) {
  std::vector<const char*> texts;
  std::vector<size_t> lengths;
  texts.reserve(arguments.size());
  lengths.reserve(arguments.size());
  for (const Argument& argument : arguments) {
    texts.push_back(argument.data());
    lengths.push_back(argument.size());
  }
  char* wire = nullptr;
  const int bytes = redisFormatCommandArgv(&wire, static_cast<int>(texts.size()), texts.data(), lengths.data());
  if (bytes <= 0) throw std::bad_alloc();
  auto operation = std::make_unique<Operation>();
  operation->wire.reset(wire);
  operation->wire_bytes = static_cast<size_t>(bytes);
  operation->start = now;
  operation->deadline = deadline;
  operation->done = std::move(done);
  operation->any_node = true;
  return operation;
}

}  // namespace

OperationPtr MakeOperation(const Command& command, Time now, Time deadline, Client::Done done) {
  OperationPtr operation = Make(command.arguments, now, deadline, std::move(done));
  operation->repeatable = command.repeatable;
  operation->any_node = command.key.empty();
  if (!operation->any_node) operation->slot = KeySlot(command.key);
  return operation;
}

OperationPtr MakeInternal(const std::vector<std::string_view>& arguments, Time now, Time deadline, Client::Done done) {
  OperationPtr operation = Make(arguments, now, deadline, std::move(done));
  operation->internal = true;
  return operation;
}

}  // namespace kindred::redis
