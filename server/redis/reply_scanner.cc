#include "server/redis/reply_scanner.h"

#include <algorithm>
#include <charconv>

#include "core/base/str_cat.h"

namespace kindred::redis {

void ReplyScanner::Fail(std::string_view what, int64_t found, int64_t limit) {
  error_ = StrCat(what, ": ", found, ", the limit is ", limit);
}

size_t ReplyScanner::Scan(std::string_view bytes) {
  size_t at = 0;
  while (at < bytes.size() && !broken()) {
    const size_t from = at;
    switch (state_) {
      case State::kType:
        TakeType(bytes[at]);
        at += broken() ? 0 : 1;
        break;
      case State::kText:
        at = TakeText(bytes, at);
        break;
      case State::kNumber:
        TakeDigit(bytes[at]);
        at += broken() ? 0 : 1;
        break;
      case State::kNumberEnd:
        if (bytes[at] != '\n') {
          error_ = "a number whose line does not end in CR LF";
          break;
        }
        EndNumber();
        at += broken() ? 0 : 1;
        break;
      case State::kBody: {
        const size_t taken = std::min(body_left_, bytes.size() - at);
        body_left_ -= taken;
        at += taken;
        if (body_left_ == 0) state_ = State::kBodyEnd;
        break;
      }
      case State::kBodyEnd:
        if (bytes[at] != (after_cr_ ? '\n' : '\r')) {
          error_ = "a string that is not followed by CR LF";
          break;
        }
        ++at;
        if (after_cr_) EndValue();
        after_cr_ = !after_cr_;
        break;
    }
    // A value that ended its reply has set the count back, and its last byte is not of the next.
    if (state_ != State::kType || depth_ > 0) reply_bytes_ += at - from;
    if (reply_bytes_ > ReplyLimits::kBytes) {
      Fail("a reply of too many bytes", static_cast<int64_t>(reply_bytes_), ReplyLimits::kBytes);
    }
  }
  return at;
}

void ReplyScanner::TakeType(char type) {
  type_ = type;
  after_cr_ = false;
  n_digits_ = line_bytes_ = 0;
  if (type == '+' || type == '-') {
    state_ = State::kText;
  } else if (type == ':' || type == '$' || type == '*') {
    state_ = State::kNumber;
  } else {
    error_ = StrCat("a reply of type byte ", static_cast<int>(static_cast<unsigned char>(type)),
                    ", which RESP2 does not have");
    return;
  }
  if (++reply_elements_ > ReplyLimits::kElements) {
    Fail("a reply of too many elements", static_cast<int64_t>(reply_elements_), ReplyLimits::kElements);
  }
}

size_t ReplyScanner::TakeText(std::string_view bytes, size_t at) {
  while (at < bytes.size()) {
    const char c = bytes[at++];
    if (c == '\n' && after_cr_) {
      EndValue();
      return at;
    }
    after_cr_ = c == '\r';
    if (++line_bytes_ > ReplyLimits::kLineBytes) {
      Fail("a line that is too long", static_cast<int64_t>(line_bytes_), ReplyLimits::kLineBytes);
      return at;
    }
  }
  return at;
}

void ReplyScanner::TakeDigit(char c) {
  if (c == '\r') {
    state_ = State::kNumberEnd;
  } else if (((c >= '0' && c <= '9') || (c == '-' && n_digits_ == 0)) && n_digits_ < digits_.size()) {
    digits_[n_digits_++] = c;
  } else {
    error_ = StrCat("byte ", static_cast<int>(static_cast<unsigned char>(c)), " where a number was expected");
  }
}

void ReplyScanner::EndNumber() {
  int64_t number = 0;
  const char* const end = digits_.data() + n_digits_;
  const auto [stopped, problem] = std::from_chars(digits_.data(), end, number);
  if (problem != std::errc() || stopped != end) {
    error_ = StrCat("'", std::string_view(digits_.data(), n_digits_), "' is no 64-bit number");
    return;
  }
  if (type_ == ':' || number == -1) return EndValue();  // the length -1 is nil
  if (number < 0) return Fail("a negative length", number, -1);
  if (type_ == '$') {
    if (number > ReplyLimits::kStringBytes) {
      return Fail("a string that is too long", number, ReplyLimits::kStringBytes);
    }
    body_left_ = static_cast<size_t>(number);
    state_ = body_left_ > 0 ? State::kBody : State::kBodyEnd;
    after_cr_ = false;
    return;
  }
  if (number > ReplyLimits::kArrayElements) {
    return Fail("an array of too many elements", number, ReplyLimits::kArrayElements);
  }
  if (depth_ == ReplyLimits::kDepth) return Fail("arrays nested too deep", static_cast<int64_t>(depth_) + 1, depth_);
  if (number == 0) return EndValue();
  left_[depth_++] = number;
  state_ = State::kType;
}

void ReplyScanner::EndValue() {
  state_ = State::kType;
  while (depth_ > 0 && --left_[depth_ - 1] == 0) --depth_;
  if (depth_ > 0) return;
  ++replies_;
  reply_elements_ = reply_bytes_ = 0;
}

}  // namespace kindred::redis
