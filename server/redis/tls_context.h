// TLS towards Redis: certificates, what must hold of the server's, and new sessions. Not thread-safe.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "server/redis/client_options.h"

namespace kindred::redis {

class TlsContext {
 public:
  // Reads the files. INVALID_ARGUMENT names the one that cannot be used, and why.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Create(const TlsOptions& options);

  struct FreeSession {
    void operator()(SSL* session) const { SSL_free(session); }
  };
  using Session = std::unique_ptr<SSL, FreeSession>;

  // A session, TLS 1.2 or later, that ends unless the server's certificate is signed by a known authority and is for
  // options.server_name, or `host` when that is empty. Files that have changed are read again; when they cannot be,
  // those of before go on.
  absl::StatusOr<Session> NewSession(const std::string& host);

 private:
  struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  using Context = std::unique_ptr<SSL_CTX, FreeContext>;

  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}
  absl::StatusOr<Context> Load() const;
  // Changes when one of the files does.
  std::string Fingerprint() const;

  const TlsOptions options_;
  Context context_;
  std::string fingerprint_;
};

// What OpenSSL's queue of errors of this thread says, which is emptied.
std::string TlsErrors();

}  // namespace kindred::redis
