// What is asked on a new connection before any command: AUTH, CLIENT SETNAME, INFO server, and ROLE where the node must
// be a master. Sent at once; the replies decide. Belongs to the loop's thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/redis/client.h"

namespace kindred::redis {

struct HandshakeOptions {
  std::string username;
  std::string password;  // empty: no AUTH
  bool sentinel = false;
  bool must_be_master = false;
};

class Handshake {
 public:
  explicit Handshake(HandshakeOptions options);

  // Commands in their order.
  const std::vector<std::vector<std::string>>& commands() const { return commands_; }

  // The reply to the next of them. Returns why the node cannot be used, when that shows.
  std::optional<Reply> TakeReply(const Reply& reply);

  // All replies are there.
  bool done() const { return replies_ == commands_.size(); }
  // Of INFO server; empty where the node does not say, as a proxy or an ACL may have it.
  const std::string& run_id() const { return run_id_; }

 private:
  enum class Step : uint8_t { kAuth, kSetName, kInfo, kRole };

  const HandshakeOptions options_;
  std::vector<Step> steps_;
  std::vector<std::vector<std::string>> commands_;
  size_t replies_ = 0;
  std::string run_id_;
};

// The value of "name:" in a reply of INFO; empty when it is not there.
std::string_view InfoField(std::string_view info, std::string_view name);

// The first line of a file, without its end. NOT_FOUND or INVALID_ARGUMENT says what to do.
absl::StatusOr<std::string> ReadPassword(const std::string& path);

}  // namespace kindred::redis
