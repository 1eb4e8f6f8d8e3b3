// Any bytes as what Redis sends. However they are cut into pieces, the replies must be the same and end at the same
// place, be within the limits, and be safe for everyone who reads them.
//
// The first byte: how many bytes come at a time, in the low four bits, none meaning all at once. So a seed is the
// bytes as they are on the wire behind a digit or a "p".
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/redis/cluster_slots.h"
#include "server/redis/endpoint.h"
#include "server/redis/failure.h"
#include "server/redis/handshake.h"
#include "server/redis/reply_reader.h"

namespace kindred::redis {
namespace {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "fuzz_reply: %s\n", what);
  std::abort();
}

bool Same(const Reply& a, const Reply& b) {
  if (a.failure != b.failure || a.type != b.type || a.integer != b.integer || a.text != b.text) return false;
  if (a.elements.size() != b.elements.size()) return false;
  for (size_t i = 0; i < a.elements.size(); ++i) {
    if (!Same(a.elements[i], b.elements[i])) return false;
  }
  return true;
}

// Returns how many values there are.
size_t CheckLimits(const Reply& reply, size_t depth) {
  Require(reply.text.size() <= static_cast<size_t>(ReplyLimits::kStringBytes), "a string above the limit");
  Require(reply.elements.size() <= static_cast<size_t>(ReplyLimits::kArrayElements), "an array above the limit");
  Require(depth <= ReplyLimits::kDepth, "nested above the limit");
  Require(reply.ok() || reply.failure == ClassifyError(reply.text), "an error of the wrong kind");
  size_t values = 1;
  for (const Reply& element : reply.elements) values += CheckLimits(element, depth + 1);
  return values;
}

void Use(const Reply& reply) {
  Require(CheckLimits(reply, 0) <= ReplyLimits::kElements, "more elements than the limit");
  const Endpoint asked{"127.0.0.1", 6379};
  if (const auto ranges = ParseClusterSlots(reply, asked); ranges.ok()) {
    for (const SlotRange& range : *ranges) {
      Require(range.first <= range.last && range.last < kSlots && range.master.port != 0, "a range that is none");
    }
  }
  if (const auto endpoint = ParseRedirection(reply.text, asked); endpoint.ok()) {
    Require(*ParseEndpoint(endpoint->ToString()) == *endpoint, "an endpoint that is not read as it is written");
  }
  for (size_t ahead = 0; ahead < 3; ++ahead) {
    Handshake handshake({"", "", false, true});
    for (size_t i = 0; i < ahead; ++i) handshake.TakeReply(Reply());
    handshake.TakeReply(reply);
    Require(handshake.run_id().size() <= reply.text.size(), "a run_id that was not sent");
  }
}

std::pair<std::vector<Reply>, bool> ReadAll(std::string_view bytes, size_t step) {
  ReplyReader reader;
  std::vector<Reply> replies;
  while (!bytes.empty()) {
    reader.Feed(bytes.substr(0, step));
    bytes.remove_prefix(std::min(step, bytes.size()));
    while (auto reply = reader.Next()) replies.push_back(*std::move(reply));
  }
  return {std::move(replies), reader.broken()};
}

void Run(std::string_view bytes, size_t step) {
  const auto [whole, whole_broken] = ReadAll(bytes, bytes.size());
  const auto [pieces, pieces_broken] = ReadAll(bytes, step);
  Require(whole_broken == pieces_broken, "broken or not, as the bytes are cut");
  Require(whole.size() == pieces.size(), "more or fewer replies, as the bytes are cut");
  for (size_t i = 0; i < whole.size(); ++i) {
    Require(Same(whole[i], pieces[i]), "other replies, as the bytes are cut");
    Use(whole[i]);
  }
}

}  // namespace
}  // namespace kindred::redis

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t step = data[0] % 16;
  kindred::redis::Run({reinterpret_cast<const char*>(data) + 1, size - 1}, step == 0 ? size : step);
  return 0;
}
