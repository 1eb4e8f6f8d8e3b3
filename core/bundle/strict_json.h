// Strict JSON for what comes from outside: nlohmann's SAX interface (no tree, no recursion) in which everything that a
// handler does not ask for is an error that names its byte. Internal to this room.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kindred {

// Base of the handlers: rejects every value. A handler overrides what it accepts and calls Fail for the rest.
class StrictSax : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return Fail("found null"); }
  bool boolean(bool value) override { return Fail(value ? "found true" : "found false"); }
  bool number_integer(int64_t value) override;
  bool number_unsigned(uint64_t value) override;
  bool number_float(double value, const std::string& text) override;
  bool string(std::string& value) override;
  bool binary(binary_t& value) override { return Fail("found binary"); }
  bool start_object(size_t elements) override { return Fail("found an object"); }
  bool key(std::string& name) override { return Fail("found a key"); }
  bool end_object() override { return Fail("found the end of an object"); }
  bool start_array(size_t elements) override { return Fail("found an array"); }
  bool end_array() override { return Fail("found the end of an array"); }
  bool parse_error(size_t position, const std::string& token, const nlohmann::json::exception& error) override;

 protected:
  // Notes the first error, with the byte that was read last; false, to stop the parser.
  bool Fail(std::string_view message);
  // What the handler wants at this point, for messages: "an object", "the string value of …".
  virtual std::string Expected() const = 0;

 private:
  friend absl::Status ParseStrictJson(std::string_view text, uint64_t base, StrictSax* sax);
  uint64_t base_ = 0;
  uint64_t consumed_ = 0;
  absl::Status status_;
};

// Feeds `text`, which starts at byte `base` of whatever it is part of, to `sax`. Errors are INVALID_ARGUMENT:
// "byte 123: found …, expected …". Nothing but spaces, tabs and line ends may follow the value.
absl::Status ParseStrictJson(std::string_view text, uint64_t base, StrictSax* sax);

// One flat object of strings, keys distinct.
absl::StatusOr<std::map<std::string, std::string, std::less<>>> ParseStringObject(std::string_view text);
// One flat object of unsigned integers, keys distinct.
absl::StatusOr<std::map<std::string, uint64_t, std::less<>>> ParseCountObject(std::string_view text);

// `text` for a message: in double quotes, unprintable bytes escaped, cut after 256 bytes. Always UTF-8.
std::string Quoted(std::string_view text);
// `text` as a JSON string literal. REQUIRES: valid UTF-8.
std::string JsonString(std::string_view text);

}  // namespace kindred
