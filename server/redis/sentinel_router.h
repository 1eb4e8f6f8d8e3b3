// The master that Sentinels name. They are asked at the start, and again as long as the master fails or says that it is
// none; the Sentinel that answered last is asked first. Belongs to the loop's thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/redis/event_loop.h"
#include "server/redis/router.h"

namespace kindred::redis {

class SentinelRouter final : public Router {
 public:
  SentinelRouter(const ClientOptions& options, Dispatcher* dispatcher);

  void Start() override;
  Route Choose(const Operation& operation) override;
  Route AfterError(Node* node, Operation* operation, const Reply& reply) override;
  void Failing(Node* node) override;

 private:
  void Ask();
  void Answered(const Reply& reply);
  void NextSentinel(std::string_view problem);
  void Adopt(const Endpoint& endpoint);
  // Asks soon, but not sooner than a while after the last time.
  void AskAgain();

  const ClientOptions& options_;
  Dispatcher* const dispatcher_;
  std::vector<Node*> sentinels_;
  Node* master_ = nullptr;
  size_t current_ = 0;
  size_t failed_ = 0;          // Sentinels in a row
  bool round_failed_ = false;  // all of them, since the last answer
  bool asking_ = false;
  Time asked_;
  std::string problem_;
  Timer timer_;
  NodeLog log_;
};

}  // namespace kindred::redis
