// The stack machine of ReadPickle: one opcode after another over the bytes of a file. Internal to this room.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "core/packing/pickle.h"

namespace kindred {

class PickleMachine {
 public:
  // `go_on` must outlive this.
  PickleMachine(std::string path, std::string_view bytes, const PickleLimits& limits, const GoOn& go_on,
                PickleData* out)
      : path_(std::move(path)), bytes_(bytes), limits_(limits), go_on_(go_on), out_(out) {}

  absl::Status Run();

 private:
  using Values = std::vector<PickleValue>;

  // pickle_machine.cc: opcodes, the stack, the memo.
  absl::Status Step(char opcode);
  absl::Status StepScalar(char opcode);
  absl::Status StepText(char opcode);
  absl::Status StepMemo(char opcode);
  absl::Status StepContainer(char opcode);
  absl::Status Take(uint64_t size, std::string_view what, std::string_view* out);
  absl::Status TakeLine(std::string_view what, std::string_view* out);
  absl::Status TakeSize(int width, uint64_t* out);  // unsigned, little-endian
  absl::Status Pop(PickleValue* out);
  absl::Status PopToMark(Values* out);
  absl::Status PushSized(int width);
  absl::Status PushInteger(int width, bool is_signed);
  absl::Status PushContainer(PickleKind kind, Values values);
  absl::Status PushDecimal();
  absl::Status PushTuple(int size);
  absl::Status AppendTo(PickleKind kind, Values values);
  absl::Status Remember(uint64_t key);
  absl::Status Recall(uint64_t key);
  absl::Status CheckKeys(std::span<const PickleValue> pairs) const;

  // pickle_calls.cc: names, and the few calls that make plain data.
  absl::Status StepCall(char opcode);
  absl::Status PushName(std::string_view module, std::string_view name);
  absl::Status Call(const PickleValue& function, const PickleValue& arguments);
  absl::Status CallEncode(const Values& given);
  absl::Status CallNumberType(const Values& given);
  absl::Status CallScalar(const Values& given);
  absl::Status BuildNumberType(const PickleValue& state);

  void Push(PickleKind kind, int64_t number = 0);
  void PushText(std::string_view text);
  void PushUnescaped(std::string text);
  absl::Status Charge(uint64_t values);               // that are copied: each is an operation
  absl::Status Broken(std::string_view what) const;   // damaged, or no pickle
  absl::Status Refused(std::string_view what) const;  // not plain data

  std::string path_;
  std::string_view bytes_;
  PickleLimits limits_;
  const GoOn& go_on_;
  PickleData* out_;
  size_t at_ = 0, opcode_at_ = 0;
  uint64_t operations_ = 0, copied_values_ = 0, encoded_bytes_ = 0;
  Values stack_;
  Values memo_;  // kMark: not put
};

// "raw-unicode-escape", \u with 4 and \U with 8 hexadecimal digits among Latin-1 bytes → UTF-8; false when it is
// malformed.
bool UnescapeUnicode(std::string_view line, std::string* out);
// A quoted string literal of protocol 0 → its bytes; false when it is malformed.
bool UnescapeQuoted(std::string_view line, std::string* out);
// Appends a code point as UTF-8; false when it is none.
bool AppendUtf8(uint32_t code_point, std::string* out);

}  // namespace kindred
