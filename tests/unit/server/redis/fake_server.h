// A server that says what a test wants, over raw sockets: hostile replies, resets, one byte at a time. Each connection
// has a thread; commands are answered in order by the test's function.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace kindred::redis {

class FakeConnection {
 public:
  explicit FakeConnection(int fd) : fd_(fd) {}

  // The next command; none when the other side has closed, or Reset was called.
  std::optional<std::vector<std::string>> Read();
  void Write(std::string_view bytes);
  // Ends it as a crash does: with RST, not FIN.
  void Reset();
  void Close();

 private:
  bool Fill();

  int fd_;
  bool ended_ = false;
  std::string buffer_;
};

class FakeServer {
 public:
  using Arguments = std::vector<std::string>;
  // Answers one command, as sent after the handshake, by writing to the connection.
  using Handler = std::function<void(FakeConnection& connection, const Arguments& command)>;

  explicit FakeServer(Handler handler);
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;

  std::string endpoint() const;
  uint16_t port() const { return port_; }
  void set_run_id(std::string run_id);
  // What ROLE says: "master" unless set.
  void set_role(std::string role);
  int connections() const { return connections_.load(); }

 private:
  void Accept();
  void Serve(int fd);
  bool AnsweredHandshake(FakeConnection& connection, const Arguments& command);

  const Handler handler_;
  int listener_ = -1;
  uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  std::atomic<int> connections_{0};
  std::mutex mutex_;
  std::string run_id_ = "fake-1";  // guarded by mutex_
  std::string role_ = "master";    // guarded by mutex_
  std::list<int> open_;            // guarded by mutex_
  std::list<std::thread> threads_;
};

// As a reply.
std::string Bulk(std::string_view text);

}  // namespace kindred::redis
