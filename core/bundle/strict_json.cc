#include "core/bundle/strict_json.h"

#include <algorithm>
#include <cstddef>
#include <iterator>

#include "absl/strings/escaping.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"

namespace kindred {
namespace {

// Counts what the parser has read, so that a handler can say where it is.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, uint64_t* count) : at_(at), count_(count) {}
  const char& operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*count_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator old = *this;
    ++*this;
    return old;
  }
  friend bool operator==(const CountingIterator& a, const CountingIterator& b) { return a.at_ == b.at_; }

 private:
  const char* at_;
  uint64_t* count_;
};

// A flat object whose values are of one kind.
template <typename Value>
class FlatSax : public StrictSax {
 public:
  std::map<std::string, Value, std::less<>> values;

  bool start_object(size_t elements) override {
    if (started_) return StrictSax::start_object(elements);
    started_ = true;
    return true;
  }
  bool end_object() override { return true; }
  bool key(std::string& name) override {
    if (values.contains(name)) return Fail(StrCat("found key ", Quoted(name), " a second time"));
    key_ = name;
    have_key_ = true;
    return true;
  }

 protected:
  bool Set(Value value) {
    values.emplace(std::move(key_), std::move(value));
    have_key_ = false;
    return true;
  }
  std::string Expected() const override {
    return have_key_ ? StrCat(ValueName(), " for key ", Quoted(key_)) : "one object";
  }
  virtual std::string_view ValueName() const = 0;
  bool have_key_ = false;

 private:
  bool started_ = false;
  std::string key_;
};

class StringSax final : public FlatSax<std::string> {
 public:
  bool string(std::string& value) override { return have_key_ ? Set(std::move(value)) : StrictSax::string(value); }

 private:
  std::string_view ValueName() const override { return "a string"; }
};

class CountSax final : public FlatSax<uint64_t> {
 public:
  bool number_unsigned(uint64_t value) override { return have_key_ ? Set(value) : StrictSax::number_unsigned(value); }

 private:
  std::string_view ValueName() const override { return "an unsigned integer"; }
};

}  // namespace

std::string Quoted(std::string_view text) {
  constexpr size_t kShown = 256;
  const bool utf8 = IsValidUtf8(text);
  size_t shown = std::min(text.size(), kShown);
  // Not in the middle of a letter: messages travel as UTF-8.
  while (utf8 && shown < text.size() && (text[shown] & 0xC0) == 0x80) --shown;
  const std::string head(text.substr(0, shown));
  return StrCat("\"", utf8 ? absl::Utf8SafeCHexEscape(head) : absl::CHexEscape(head),
                shown < text.size() ? "…\"" : "\"");
}

std::string JsonString(std::string_view text) { return nlohmann::json(std::string(text)).dump(); }

bool StrictSax::number_integer(int64_t value) { return Fail(StrCat("found ", value)); }
bool StrictSax::number_unsigned(uint64_t value) { return Fail(StrCat("found ", value)); }
bool StrictSax::number_float(double, const std::string& text) {
  return Fail(StrCat("found the number ", text.substr(0, 64)));
}
bool StrictSax::string(std::string& value) { return Fail(StrCat("found the string ", Quoted(value))); }

bool StrictSax::parse_error(size_t position, const std::string&, const nlohmann::json::exception& error) {
  // nlohmann's text repeats the offending token, which can be as long as the header.
  if (status_.ok()) {
    const uint64_t at = base_ + (position == 0 ? 0 : position - 1);
    status_ = absl::InvalidArgumentError(
        StrCat("byte ", at, ": not JSON: ", Quoted(std::string_view(error.what()).substr(0, 240))));
  }
  return false;
}

bool StrictSax::Fail(std::string_view message) {
  if (status_.ok()) {
    const uint64_t at = base_ + (consumed_ == 0 ? 0 : consumed_ - 1);
    status_ = absl::InvalidArgumentError(StrCat("byte ", at, ": ", message, ", expected ", Expected()));
  }
  return false;
}

absl::Status ParseStrictJson(std::string_view text, uint64_t base, StrictSax* sax) {
  sax->base_ = base;
  sax->consumed_ = 0;
  sax->status_ = absl::OkStatus();
  const CountingIterator first(text.data(), &sax->consumed_);
  const CountingIterator last(text.data() + text.size(), &sax->consumed_);
  const bool done = nlohmann::json::sax_parse(first, last, sax);
  if (!sax->status_.ok()) return sax->status_;
  // nlohmann takes a zero byte for the end of its input.
  if (!done || sax->consumed_ != text.size()) {
    return absl::InvalidArgumentError(StrCat("byte ", base + sax->consumed_ - (sax->consumed_ > 0),
                                             ": found more after the end of the JSON, expected nothing"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::map<std::string, std::string, std::less<>>> ParseStringObject(std::string_view text) {
  StringSax sax;
  if (absl::Status status = ParseStrictJson(text, 0, &sax); !status.ok()) return status;
  return std::move(sax.values);
}

absl::StatusOr<std::map<std::string, uint64_t, std::less<>>> ParseCountObject(std::string_view text) {
  CountSax sax;
  if (absl::Status status = ParseStrictJson(text, 0, &sax); !status.ok()) return status;
  return std::move(sax.values);
}

}  // namespace kindred
