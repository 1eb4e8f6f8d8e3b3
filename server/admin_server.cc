#include "server/admin_server.h"

#include <civetweb.h>

#include <cstring>
#include <string_view>

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
  if (context_ != nullptr) mg_stop(context_);
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
