#include "server/redis/handshake.h"

#include <fstream>
#include <utility>

#include "absl/status/status.h"
#include "core/base/str_cat.h"
#include "server/redis/failure.h"

namespace kindred::redis {

Handshake::Handshake(HandshakeOptions options) : options_(std::move(options)) {
  const auto add = [&](Step step, std::vector<std::string> command) {
    steps_.push_back(step);
    commands_.push_back(std::move(command));
  };
  if (!options_.password.empty()) {
    if (options_.username.empty()) {
      add(Step::kAuth, {"AUTH", options_.password});
    } else {
      add(Step::kAuth, {"AUTH", options_.username, options_.password});
    }
  }
  add(Step::kSetName, {"CLIENT", "SETNAME", "kindred"});
  add(Step::kInfo, {"INFO", "server"});
  if (options_.must_be_master) add(Step::kRole, {"ROLE"});
}

std::optional<Reply> Handshake::TakeReply(const Reply& reply) {
  const Step step = steps_[replies_++];
  switch (step) {
    case Step::kAuth:
      // Sentinels often have no password where their master has one; they say NOAUTH later when it is wrong.
      if (reply.ok() || options_.sentinel) return std::nullopt;
      return FailedReply(reply.failure == Failure::kOther ? Failure::kNoAuth : reply.failure,
                         StrCat("AUTH: ", reply.text));
    case Step::kSetName:
      // A name is for whoever looks at CLIENT LIST; an ACL or a proxy may refuse it.
      if (reply.failure != Failure::kNoAuth) return std::nullopt;
      return FailedReply(reply.failure, StrCat("Redis wants a password: ", reply.text));
    case Step::kInfo:
      if (reply.failure == Failure::kNoAuth) return FailedReply(reply.failure, reply.text);
      if (reply.ok()) run_id_ = InfoField(reply.text, "run_id");
      return std::nullopt;
    case Step::kRole:
      break;
  }
  // Who may not ask for the role learns it from READONLY.
  if (reply.failure == Failure::kNoPermission) return std::nullopt;
  if (!reply.ok()) return FailedReply(reply.failure, StrCat("ROLE: ", reply.text));
  const std::string role = reply.elements.empty() ? "" : reply.elements[0].text;
  if (role == "master") return std::nullopt;
  return FailedReply(Failure::kReadOnly, StrCat("Sentinel names a master whose role is '", role, "'"));
}

std::string_view InfoField(std::string_view info, std::string_view name) {
  while (!info.empty()) {
    const size_t end = info.find('\n');
    std::string_view line = info.substr(0, end);
    info = end == std::string_view::npos ? std::string_view() : info.substr(end + 1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() > name.size() && line[name.size()] == ':' && line.substr(0, name.size()) == name) {
      return line.substr(name.size() + 1);
    }
  }
  return {};
}

absl::StatusOr<std::string> ReadPassword(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string line;
  if (!file)
    return absl::NotFoundError(StrCat("the password file ", path, " cannot be read; check the path and its rights"));
  std::getline(file, line);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  if (line.empty()) {
    return absl::InvalidArgumentError(
        StrCat("the password file ", path, " has an empty first line; put the password there"));
  }
  return line;
}

}  // namespace kindred::redis
