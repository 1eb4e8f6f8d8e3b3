// Bytes to replies: ReplyScanner says what may pass, hiredis's reader makes values of it. Not thread-safe.
#pragma once

#include <hiredis/read.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "server/redis/client.h"
#include "server/redis/reply_scanner.h"

namespace kindred::redis {

class ReplyReader {
 public:
  ReplyReader();

  // Takes bytes as they come in. What is wrong with them shows in Next, after the replies before it.
  void Feed(std::string_view bytes);

  // The next whole reply. Without one: broken() tells whether there will be any more.
  std::optional<Reply> Next();

  bool broken() const { return !error_.empty(); }
  const std::string& error() const { return error_; }
  bool within_reply() const { return scanner_.within_reply(); }

 private:
  struct Free {
    void operator()(redisReader* reader) const { redisReaderFree(reader); }
  };

  std::unique_ptr<redisReader, Free> reader_;
  ReplyScanner scanner_;
  uint64_t given_ = 0;  // replies
  std::string error_;
};

}  // namespace kindred::redis
