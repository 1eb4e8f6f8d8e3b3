// Follows the frames of RESP2 replies as bytes come in and refuses what is malformed, of RESP3, or too large at the
// first byte that shows it: a reply is refused for what it announces, before memory is there for it. O(bytes), constant
// memory. Not thread-safe.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kindred::redis {

// Of one reply.
struct ReplyLimits {
  static constexpr int64_t kStringBytes = 1 << 20;
  static constexpr int64_t kArrayElements = 1024;
  static constexpr size_t kDepth = 7;           // arrays within one another
  static constexpr size_t kElements = 65'536;   // all of them, at any depth
  static constexpr size_t kBytes = 4 << 20;     // as sent
  static constexpr size_t kLineBytes = 65'536;  // of a status or an error
};

class ReplyScanner {
 public:
  // How many of `bytes`, which follow those of the last call, are in order: all, or those before the one that is not.
  size_t Scan(std::string_view bytes);

  bool broken() const { return !error_.empty(); }
  // What is wrong, in words.
  const std::string& error() const { return error_; }
  // Whole replies up to here.
  uint64_t replies() const { return replies_; }
  // Whether a reply has begun and not ended.
  bool within_reply() const { return reply_bytes_ > 0; }

 private:
  enum class State : uint8_t { kType, kText, kNumber, kNumberEnd, kBody, kBodyEnd };

  // Each takes what it can of bytes[at...] and returns where it stopped; without progress it has set error_.
  size_t TakeText(std::string_view bytes, size_t at);
  void TakeType(char type);
  void TakeDigit(char c);
  void EndNumber();
  // One value is complete, and with it the arrays of which it was the last.
  void EndValue();
  void Fail(std::string_view what, int64_t found, int64_t limit);

  State state_ = State::kType;
  char type_ = 0;
  bool after_cr_ = false;
  std::array<char, 20> digits_;
  size_t n_digits_ = 0;
  size_t line_bytes_ = 0;
  size_t body_left_ = 0;
  std::array<int64_t, ReplyLimits::kDepth> left_{};  // elements to come, of each array that is open
  size_t depth_ = 0;
  size_t reply_elements_ = 0;
  size_t reply_bytes_ = 0;
  uint64_t replies_ = 0;
  std::string error_;
};

}  // namespace kindred::redis
