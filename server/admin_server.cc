#include "server/admin_server.h"

#include <civetweb.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/logging.h"

namespace kindred {
namespace {

std::string_view Reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "Service Unavailable";
  }
}

void Send(mg_connection* connection, const HttpPage& page, bool with_body) {
  const std::string head = absl::StrFormat(
      "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
      page.status, Reason(page.status), page.content_type, page.body.size());
  mg_write(connection, head.data(), head.size());
  if (with_body) mg_write(connection, page.body.data(), page.body.size());
}

// Connects to `address` ("host:port") and hangs up.
void Knock(const std::string& address) {
  const size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found) != 0) return;
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd >= 0) {
    // Not waited for: that someone knocks is enough.
    static_cast<void>(connect(fd, found->ai_addr, found->ai_addrlen));
    close(fd);
  }
  freeaddrinfo(found);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Start(const std::string& listen, Pages pages) {
  std::unique_ptr<AdminServer> server(new AdminServer(std::move(pages)));
  static const unsigned kFeatures = mg_init_library(MG_FEATURES_DEFAULT);
  static_cast<void>(kFeatures);
  mg_callbacks callbacks;
  std::memset(&callbacks, 0, sizeof(callbacks));
  callbacks.begin_request = &AdminServer::OnRequest;
  callbacks.log_message = [](const mg_connection* connection, const char* message) {
    auto* self = static_cast<AdminServer*>(mg_get_user_data(mg_get_context(connection)));
    if (self != nullptr && self->context_ == nullptr) self->error_ = message;
    LogDebug(message, {{"source", "admin"}});
    return 1;
  };
  const char* options[] = {"listening_ports",   listen.c_str(), "num_threads", "3", "request_timeout_ms", "5000",
                           "enable_keep_alive", "no",           nullptr};
  server->context_ = mg_start(&callbacks, server.get(), options);
  if (server->context_ == nullptr) {
    return absl::UnavailableError(
        absl::StrFormat("cannot listen for HTTP on '%s': %s", listen,
                        server->error_.empty() ? "is the port free, and may this user take it?" : server->error_));
  }
  mg_server_port port;
  std::memset(&port, 0, sizeof(port));
  mg_get_server_ports(server->context_, 1, &port);
  server->address_ = StrCat(listen.substr(0, listen.rfind(':')), ":", port.port);
  return server;
}

AdminServer::~AdminServer() {
  if (context_ == nullptr) return;
  // The library looks at its stop flag only every two seconds or when someone connects; so someone connects.
  std::atomic<bool> stopped{false};
  std::thread stopper([this, &stopped] {
    mg_stop(context_);
    stopped.store(true);
  });
  while (!stopped.load()) {
    Knock(address_);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  stopper.join();
}

int AdminServer::OnRequest(mg_connection* connection) {
  const mg_request_info* request = mg_get_request_info(connection);
  const auto* self = static_cast<const AdminServer*>(request->user_data);
  const std::string_view method = request->request_method == nullptr ? "" : request->request_method;
  const std::string_view path = request->local_uri == nullptr ? "" : request->local_uri;
  const auto page = self->pages_.find(path);
  if (method != "GET" && method != "HEAD") {
    Send(connection, {405, "text/plain; charset=utf-8", "only GET and HEAD\n"}, true);
  } else if (page == self->pages_.end()) {
    std::string known;
    for (const auto& [name, unused] : self->pages_) StrAppend(&known, name, "\n");
    Send(connection, {404, "text/plain; charset=utf-8", StrCat("no such page; there are:\n", known)}, method == "GET");
  } else {
    Send(connection, page->second(), method == "GET");
  }
  return 1;  // answered
}

}  // namespace kindred
