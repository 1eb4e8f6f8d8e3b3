#include "server/redis/tls_context.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <utility>

#include "absl/status/status.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

absl::Status Unusable(std::string_view what, const std::string& file) {
  return absl::InvalidArgumentError(StrCat(what, " ", file, " cannot be used: ", TlsErrors()));
}

}  // namespace

std::string TlsErrors() {
  std::string text;
  while (const unsigned long error = ERR_get_error()) {  // NOLINT(google-runtime-int): OpenSSL's type
    char line[256];
    ERR_error_string_n(error, line, sizeof(line));
    StrAppend(&text, text.empty() ? "" : "; ", line);
  }
  return text.empty() ? "no reason given" : text;
}

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Create(const TlsOptions& options) {
  if (options.cert_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError("tls.cert_file and tls.key_file are set together or not at all");
  }
  std::unique_ptr<TlsContext> tls(new TlsContext(options));
  tls->fingerprint_ = tls->Fingerprint();
  ASSIGN_OR_RETURN(tls->context_, tls->Load());
  return tls;
}

absl::StatusOr<TlsContext::Context> TlsContext::Load() const {
  ERR_clear_error();
  Context context(SSL_CTX_new(TLS_client_method()));
  if (context == nullptr) return absl::ResourceExhaustedError(StrCat("no TLS context: ", TlsErrors()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
  if (options_.ca_file.empty()) {
    SSL_CTX_set_default_verify_paths(context.get());
  } else if (SSL_CTX_load_verify_locations(context.get(), options_.ca_file.c_str(), nullptr) != 1) {
    return Unusable("tls.ca_file", options_.ca_file);
  }
  if (options_.cert_file.empty()) return context;
  if (SSL_CTX_use_certificate_chain_file(context.get(), options_.cert_file.c_str()) != 1) {
    return Unusable("tls.cert_file", options_.cert_file);
  }
  if (SSL_CTX_use_PrivateKey_file(context.get(), options_.key_file.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context.get()) != 1) {
    return Unusable("tls.key_file", options_.key_file);
  }
  return context;
}

std::string TlsContext::Fingerprint() const {
  std::string text;
  for (const std::string* file : {&options_.ca_file, &options_.cert_file, &options_.key_file}) {
    struct stat found {};
    if (file->empty() || stat(file->c_str(), &found) != 0) continue;
    StrAppend(&text, found.st_ino, " ", found.st_size, " ", found.st_mtim.tv_sec, ".", found.st_mtim.tv_nsec, "\n");
  }
  return text;
}

absl::StatusOr<TlsContext::Session> TlsContext::NewSession(const std::string& host) {
  std::string fingerprint = Fingerprint();
  if (fingerprint != fingerprint_) {
    // Half-written files are tried again at the next connection.
    if (auto context = Load(); context.ok()) {
      context_ = *std::move(context);
      fingerprint_ = std::move(fingerprint);
    }
  }
  ERR_clear_error();
  Session session(SSL_new(context_.get()));
  if (session == nullptr) return absl::ResourceExhaustedError(StrCat("no TLS session: ", TlsErrors()));
  const std::string& name = options_.server_name.empty() ? host : options_.server_name;
  X509_VERIFY_PARAM* const verify = SSL_get0_param(session.get());
  // Addresses stand in certificates of their own kind, and are not sent ahead of the handshake.
  if (X509_VERIFY_PARAM_set1_ip_asc(verify, name.c_str()) == 1) return session;
  ERR_clear_error();
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_host(verify, name.c_str(), name.size()) != 1 ||
      SSL_set_tlsext_host_name(session.get(), name.c_str()) != 1) {
    return absl::InvalidArgumentError(StrCat("'", name, "' cannot be the name of a TLS server: ", TlsErrors()));
  }
  return session;
}

}  // namespace kindred::redis
