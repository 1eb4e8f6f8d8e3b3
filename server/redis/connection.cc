#include "server/redis/connection.h"

#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/str_cat.h"

namespace kindred::redis {
namespace {

// A reply of the largest size should not take many turns, nor one connection the whole turn.
constexpr size_t kReadBytes = 256 << 10;
// Memory that an idle connection keeps for its writes.
constexpr size_t kKeptWriteBytes = 64 << 10;

std::string SystemError(int error) { return std::error_code(error, std::generic_category()).message(); }

}  // namespace

// Outlives a connection that is closed while its name is looked up.
struct Connection::LookUp {
  Connection* connection;
  evdns_getaddrinfo_request* request = nullptr;
};

Connection::Connection(EventLoop* loop, TlsContext* tls, Owner* owner)
    : loop_(loop), tls_(tls), owner_(owner), late_(loop, [this] { CheckLateness(); }) {}

Connection::~Connection() { Close(); }

absl::Status Connection::Start(const Endpoint& endpoint, uint32_t attempt) {
  endpoint_ = endpoint;
  attempt_ = attempt;
  sockaddr_storage address{};
  int bytes = sizeof(address);
  if (evutil_parse_sockaddr_port(endpoint.ToString().c_str(), reinterpret_cast<sockaddr*>(&address), &bytes) == 0) {
    return Connect(reinterpret_cast<const sockaddr*>(&address), bytes);
  }
  if (loop_->names() == nullptr) {
    return absl::UnavailableError(
        StrCat("'", endpoint.host, "' is no address, and there is nothing to look names up with"));
  }
  evutil_addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_protocol = IPPROTO_TCP;
  look_up_ = new LookUp{this};
  starting_ = true;
  // Null when it was answered at once, from /etc/hosts.
  LookUp* const look_up = look_up_;
  evdns_getaddrinfo_request* const request = evdns_getaddrinfo(
      loop_->names(), endpoint.host.c_str(), StrCat(endpoint.port).c_str(), &hints,
      [](int error, evutil_addrinfo* addresses, void* data) {
        const std::unique_ptr<LookUp> ended(static_cast<LookUp*>(data));
        if (ended->connection != nullptr) {
          ended->connection->look_up_ = nullptr;
          ended->connection->OnAddresses(error, addresses);
        }
        if (addresses != nullptr) evutil_freeaddrinfo(addresses);
      },
      look_up);
  starting_ = false;
  if (look_up_ != nullptr) look_up_->request = request;
  return closed_ ? absl::UnavailableError(start_error_) : absl::OkStatus();
}

void Connection::OnAddresses(int error, const evutil_addrinfo* addresses) {
  loop_->Awake();
  size_t n_addresses = 0;
  for (const evutil_addrinfo* i = addresses; i != nullptr; i = i->ai_next) ++n_addresses;
  if (error != 0 || n_addresses == 0) {
    const char* const why = error == 0 ? "it has no address" : evutil_gai_strerror(error);
    return Fail(Failure::kConnection, StrCat("'", endpoint_.host, "' cannot be looked up: ", why));
  }
  for (size_t skip = attempt_ % n_addresses; skip > 0; --skip) addresses = addresses->ai_next;
  const absl::Status status = Connect(addresses->ai_addr, static_cast<int>(addresses->ai_addrlen));
  if (!status.ok()) Fail(Failure::kConnection, std::string(status.message()));
}

absl::Status Connection::Connect(const sockaddr* address, int bytes) {
  const int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError(StrCat("no socket: ", SystemError(errno)));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  if (connect(fd, address, static_cast<socklen_t>(bytes)) != 0 && errno != EINPROGRESS) {
    const int error = errno;
    close(fd);
    return absl::UnavailableError(StrCat("cannot connect: ", SystemError(error)));
  }
  if (tls_ == nullptr) {
    socket_ = bufferevent_socket_new(loop_->base(), fd, BEV_OPT_CLOSE_ON_FREE);
  } else {
    auto session = tls_->NewSession(endpoint_.host);
    if (!session.ok()) {
      close(fd);
      return session.status();
    }
    // The bufferevent owns the session, also when it cannot be made.
    socket_ = bufferevent_openssl_socket_new(loop_->base(), fd, session->release(), BUFFEREVENT_SSL_CONNECTING,
                                             BEV_OPT_CLOSE_ON_FREE);
    // RESP says where a reply ends, so a connection that is cut is noticed without TLS saying so.
    if (socket_ != nullptr) bufferevent_openssl_set_allow_dirty_shutdown(socket_, 1);
  }
  if (socket_ == nullptr) {
    close(fd);
    return absl::ResourceExhaustedError("no memory for a connection");
  }
  bufferevent_setcb(
      socket_, [](bufferevent*, void* self) { static_cast<Connection*>(self)->OnReadable(); }, nullptr,
      [](bufferevent*, short events, void* self) { static_cast<Connection*>(self)->OnEvent(events); }, this);
  bufferevent_set_max_single_read(socket_, kReadBytes);
  // Waits for the connect that is under way; TLS does so by itself.
  if (tls_ == nullptr) bufferevent_socket_connect(socket_, nullptr, 0);
  bufferevent_enable(socket_, EV_READ | EV_WRITE);
  return absl::OkStatus();
}

std::string Connection::ErrorText(short events) const {
  if ((events & BEV_EVENT_EOF) != 0) {
    return reader_.within_reply() ? "closed by Redis in the middle of a reply" : "closed by Redis";
  }
  if (tls_ != nullptr) {
    SSL* const session = bufferevent_openssl_get_ssl(socket_);
    const long verified = SSL_get_verify_result(session);  // NOLINT(google-runtime-int): OpenSSL's type
    if (verified != X509_V_OK) return StrCat("TLS: ", X509_verify_cert_error_string(verified));
    if (const unsigned long error = bufferevent_get_openssl_error(socket_)) {  // NOLINT(google-runtime-int)
      char line[256];
      ERR_error_string_n(error, line, sizeof(line));
      return StrCat("TLS: ", line);
    }
  }
  return SystemError(EVUTIL_SOCKET_ERROR());
}

void Connection::OnEvent(short events) {
  loop_->Awake();
  if (closed_) return;
  if ((events & BEV_EVENT_CONNECTED) != 0) {
    open_ = true;
    return owner_->OnConnected(this);
  }
  if ((events & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) == 0) return;
  std::string reason = ErrorText(events);
  // Replies that came before the end count.
  TakeReplies();
  if (!closed_) Fail(Failure::kConnection, std::move(reason));
}

void Connection::OnReadable() {
  loop_->Awake();
  if (!closed_) TakeReplies();
}

void Connection::TakeReplies() {
  evbuffer* const input = bufferevent_get_input(socket_);
  evbuffer_iovec piece;
  while (!closed_ && evbuffer_get_length(input) > 0 && evbuffer_peek(input, -1, nullptr, &piece, 1) > 0) {
    reader_.Feed({static_cast<const char*>(piece.iov_base), piece.iov_len});
    evbuffer_drain(input, piece.iov_len);
    while (std::optional<Reply> reply = reader_.Next()) {
      if (sent_.empty()) return Fail(Failure::kProtocol, "a reply that nothing was sent for");
      OperationPtr operation = std::move(sent_.front());
      sent_.pop_front();
      if (operation->ended) {
        owner_->OnLateReply(this);
      } else {
        operation->connection = nullptr;
        owner_->OnReply(this, std::move(operation), *std::move(reply));
      }
      if (closed_) return;
    }
    if (reader_.broken()) return Fail(Failure::kProtocol, reader_.error());
  }
}

void Connection::Send(OperationPtr operation) {
  operation->connection = this;
  unsent_.append(operation->wire.get(), operation->wire_bytes);
  sent_.push_back(std::move(operation));
}

void Connection::Flush() {
  if (closed_ || unsent_.empty()) return;
  std::string_view left = unsent_;
  // Through the bufferevent a write takes three more system calls: to wait until the socket can be written to, to be
  // told so, and not to wait any more.
  if (tls_ == nullptr && evbuffer_get_length(bufferevent_get_output(socket_)) == 0) {
    const ssize_t written = send(bufferevent_getfd(socket_), left.data(), left.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    // An error shows again when the bufferevent writes or reads.
    if (written > 0) left.remove_prefix(static_cast<size_t>(written));
  }
  if (!left.empty()) bufferevent_write(socket_, left.data(), left.size());
  unsent_.clear();
  if (unsent_.capacity() > kKeptWriteBytes) unsent_.shrink_to_fit();
}

void Connection::Abandon(const Operation& operation, Time now) {
  if (closed_ || late_.set()) return;
  late_.Set(now, operation.deadline + kLateness);
}

void Connection::CheckLateness() {
  loop_->Awake();
  const Time now = std::chrono::steady_clock::now();
  Time due = Time::max();
  for (const OperationPtr& operation : sent_) {
    if (operation->ended) due = std::min(due, operation->deadline + kLateness);
  }
  if (due == Time::max()) return;
  if (due > now) return late_.Set(now, due);
  Fail(Failure::kConnection, "closed: a reply is 50 ms late", true);
}

std::vector<OperationPtr> Connection::Close() {
  std::vector<OperationPtr> left;
  if (closed_) return left;
  closed_ = true;
  open_ = false;
  late_.Cancel();
  if (look_up_ != nullptr) {
    look_up_->connection = nullptr;
    if (look_up_->request != nullptr) evdns_getaddrinfo_cancel(look_up_->request);
    look_up_ = nullptr;
  }
  if (socket_ != nullptr) bufferevent_free(std::exchange(socket_, nullptr));
  for (OperationPtr& operation : sent_) {
    if (operation->ended) continue;
    operation->connection = nullptr;
    left.push_back(std::move(operation));
  }
  sent_.clear();
  unsent_.clear();
  return left;
}

void Connection::Fail(Failure failure, std::string reason, bool late) {
  if (closed_) return;
  std::vector<OperationPtr> left = Close();
  if (starting_) {
    start_error_ = std::move(reason);
    return;
  }
  owner_->OnClosed(this, {failure, std::move(reason), late, std::move(left)});
}

}  // namespace kindred::redis
