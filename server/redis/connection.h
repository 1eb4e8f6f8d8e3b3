// One connection to a node: bytes out, replies in, matched to operations in the order in which these were sent. Belongs
// to the loop's thread.
//
// An operation that ends before its reply stays in its place until that reply has come and is dropped. When one is more
// than kLateness past its deadline and still not there, the connection closes itself: what comes after it would be late
// as well.
#pragma once

#include <event2/bufferevent.h>
#include <event2/util.h>

#include <chrono>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "server/redis/endpoint.h"
#include "server/redis/event_loop.h"
#include "server/redis/operation.h"
#include "server/redis/reply_reader.h"
#include "server/redis/tls_context.h"

namespace kindred::redis {

class Connection {
 public:
  static constexpr std::chrono::milliseconds kLateness{50};

  // Why a connection closed.
  struct End {
    Failure failure = Failure::kConnection;  // or kProtocol
    std::string reason;
    bool late = false;                     // by kLateness
    std::vector<OperationPtr> operations;  // that were sent or about to be, without those that have ended
  };

  class Owner {
   public:
    virtual ~Owner() = default;
    // It is open, TLS included.
    virtual void OnConnected(Connection* connection) = 0;
    // The reply to `operation`, which has not ended.
    virtual void OnReply(Connection* connection, OperationPtr operation, Reply reply) = 0;
    // A reply to one that has.
    virtual void OnLateReply(Connection* connection) = 0;
    // Once, unless Close was called. The connection may be buried in here, not destroyed.
    virtual void OnClosed(Connection* connection, End end) = 0;
  };

  // `tls`: null for plain TCP. All must outlive the connection.
  Connection(EventLoop* loop, TlsContext* tls, Owner* owner);
  // REQUIRES: closed or empty of operations that have not ended.
  ~Connection();
  Connection(const Connection&) = delete;

  // Begins to connect; of several addresses of a name takes number `attempt`, modulo how many there are. Not OK: it
  // cannot even begin, and is closed.
  absl::Status Start(const Endpoint& endpoint, uint32_t attempt);

  // REQUIRES: open. It leaves at the next Flush.
  void Send(OperationPtr operation);
  bool unsent() const { return !unsent_.empty(); }
  void Flush();

  // `operation`, sent on this connection, has ended without a reply.
  void Abandon(const Operation& operation, Time now);

  // Without calling the owner. Returns what had not ended.
  std::vector<OperationPtr> Close();

  bool open() const { return open_; }
  // Replies that are still to come.
  size_t in_flight() const { return sent_.size(); }

 private:
  struct LookUp;

  absl::Status Connect(const sockaddr* address, int bytes);
  void OnAddresses(int error, const evutil_addrinfo* addresses);
  void OnReadable();
  void OnEvent(short events);
  void TakeReplies();
  void CheckLateness();
  void Fail(Failure failure, std::string reason, bool late = false);
  std::string ErrorText(short events) const;

  EventLoop* const loop_;
  TlsContext* const tls_;
  Owner* const owner_;
  Endpoint endpoint_;
  uint32_t attempt_ = 0;
  LookUp* look_up_ = nullptr;
  bufferevent* socket_ = nullptr;
  bool starting_ = false;  // within Start, which says itself what went wrong
  std::string start_error_;
  bool open_ = false;
  bool closed_ = false;
  ReplyReader reader_;
  std::string unsent_;
  std::deque<OperationPtr> sent_;
  Timer late_;
};

}  // namespace kindred::redis
