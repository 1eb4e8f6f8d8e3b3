// The admin HTTP server: a few pages, answered from memory, on a port of its own. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct mg_connection;
struct mg_context;

namespace kindred {

struct HttpPage {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

class AdminServer {
 public:
  // Exact path → page. Called on the server's threads, more than one at a time.
  using Pages = std::map<std::string, std::function<HttpPage()>, std::less<>>;

  // Serves GET and HEAD of `pages` on `listen` ("host:port"; port 0 = a free one). UNAVAILABLE, with the address and
  // the reason, when it cannot.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(const std::string& listen, Pages pages);
  // Waits for requests in flight.
  ~AdminServer();

  // What was bound, with the real port.
  const std::string& address() const { return address_; }

 private:
  explicit AdminServer(Pages pages) : pages_(std::move(pages)) {}
  static int OnRequest(mg_connection* connection);

  const Pages pages_;
  mg_context* context_ = nullptr;
  std::string address_;
  std::string error_;  // the last that the library reported while starting
};

}  // namespace kindred
