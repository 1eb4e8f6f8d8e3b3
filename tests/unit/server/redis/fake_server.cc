#include "tests/unit/server/redis/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/base/str_cat.h"

namespace kindred::redis {

std::string Bulk(std::string_view text) { return StrCat("$", text.size(), "\r\n", text, "\r\n"); }

bool FakeConnection::Fill() {
  char bytes[16384];
  const ssize_t n = ended_ ? 0 : recv(fd_, bytes, sizeof(bytes), 0);
  if (n <= 0) return false;
  buffer_.append(bytes, static_cast<size_t>(n));
  return true;
}

std::optional<std::vector<std::string>> FakeConnection::Read() {
  size_t at = 0;
  const auto line = [&]() -> std::optional<size_t> {
    size_t end = buffer_.find("\r\n", at);
    while (end == std::string::npos) {
      if (!Fill()) return std::nullopt;
      end = buffer_.find("\r\n", at);
    }
    const size_t number = std::strtoull(buffer_.c_str() + at + 1, nullptr, 10);
    at = end + 2;
    return number;
  };
  const std::optional<size_t> n_arguments = line();
  if (!n_arguments) return std::nullopt;
  std::vector<std::string> arguments;
  for (size_t i = 0; i < *n_arguments; ++i) {
    const std::optional<size_t> bytes = line();
    if (!bytes) return std::nullopt;
    while (buffer_.size() < at + *bytes + 2) {
      if (!Fill()) return std::nullopt;
    }
    arguments.push_back(buffer_.substr(at, *bytes));
    at += *bytes + 2;
  }
  buffer_.erase(0, at);
  return arguments;
}

void FakeConnection::Write(std::string_view bytes) {
  while (!ended_ && !bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void FakeConnection::Reset() {
  const linger at_once{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  ended_ = true;
}

void FakeConnection::Close() { ended_ = true; }

FakeServer::FakeServer(Handler handler) : handler_(std::move(handler)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t bytes = sizeof(address);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  listen(listener_, 64);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &bytes);
  port_ = ntohs(address.sin_port);
  threads_.emplace_back([this] { Accept(); });
}

FakeServer::~FakeServer() {
  stopping_ = true;
  shutdown(listener_, SHUT_RDWR);
  threads_.front().join();
  {
    const std::lock_guard lock(mutex_);
    for (const int fd : open_) shutdown(fd, SHUT_RDWR);
  }
  threads_.pop_front();
  for (std::thread& thread : threads_) thread.join();
  close(listener_);
}

std::string FakeServer::endpoint() const { return StrCat("127.0.0.1:", port_); }

void FakeServer::set_run_id(std::string run_id) {
  const std::lock_guard lock(mutex_);
  run_id_ = std::move(run_id);
}

void FakeServer::set_role(std::string role) {
  const std::lock_guard lock(mutex_);
  role_ = std::move(role);
}

void FakeServer::Accept() {
  while (!stopping_) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    {
      const std::lock_guard lock(mutex_);
      open_.push_back(fd);
    }
    connections_.fetch_add(1);
    threads_.emplace_back([this, fd] { Serve(fd); });
  }
}

bool FakeServer::AnsweredHandshake(FakeConnection& connection, const Arguments& command) {
  const std::lock_guard lock(mutex_);
  if (command[0] == "AUTH" || command[0] == "CLIENT") {
    connection.Write("+OK\r\n");
  } else if (command[0] == "INFO") {
    connection.Write(Bulk(StrCat("# Server\r\nredis_version:7.0.15\r\nrun_id:", run_id_, "\r\ntcp_port:1\r\n")));
  } else if (command[0] == "ROLE") {
    connection.Write(StrCat("*3\r\n", Bulk(role_), ":0\r\n*0\r\n"));
  } else {
    return false;
  }
  return true;
}

void FakeServer::Serve(int fd) {
  FakeConnection connection(fd);
  while (const auto command = connection.Read()) {
    if (!AnsweredHandshake(connection, *command)) handler_(connection, *command);
  }
  const std::lock_guard lock(mutex_);
  open_.remove(fd);
  close(fd);
}

}  // namespace kindred::redis
