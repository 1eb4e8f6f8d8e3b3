// How a RedisClient reaches Redis. Plain data; the server makes it of RedisStoreConfig.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/redis/circuit_breaker.h"

namespace kindred::redis {

enum class Mode : uint8_t {
  kSingle,    // one server or proxy; of several endpoints the first that answers
  kSentinel,  // the endpoints are Sentinels
  kCluster,   // the endpoints are some nodes of a Redis Cluster
};

struct TlsOptions {
  bool enabled = false;
  std::string ca_file;      // PEM; empty: the system's authorities
  std::string cert_file;    // PEM, with key_file: this client's certificate; empty: none
  std::string key_file;     // PEM
  std::string server_name;  // what the certificate must be for; empty: the endpoint's host
};

struct ClientOptions {
  std::vector<std::string> endpoints = {"127.0.0.1:6379"};  // "host:port", "[::1]:6379"
  Mode mode = Mode::kSingle;
  std::string sentinel_master = "mymaster";
  std::string username;       // empty: the default user
  std::string password_file;  // its first line; read anew for every connection; empty: none
  TlsOptions tls;
  uint32_t connections_per_node = 2;  // ≥ 1
  uint32_t max_in_flight = 1024;      // commands on one connection, ≥ 1
  // From the look-up of the name to the last reply of the handshake.
  std::chrono::milliseconds connect_timeout{200};
  BreakerOptions breaker;
  uint64_t seed = 0;  // of what is random (the breaker's jitter); 0: another each time
};

}  // namespace kindred::redis
