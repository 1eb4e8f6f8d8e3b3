// What each opcode of a pickle does.
#include <optional>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/pickle_machine.h"

namespace kindred {
namespace {

constexpr uint8_t kNewestProtocol = 5;
constexpr size_t kLongestInteger = 8;
constexpr uint64_t kOperationsBetweenQuestions = uint64_t{1} << 16;
constexpr char kProto = '\x80', kFrame = '\x95', kTrue = '\x88', kFalse = '\x89', kLong1 = '\x8a', kLong4 = '\x8b';
constexpr char kShortUnicode = '\x8c', kUnicode8 = '\x8d', kBytes8 = '\x8e', kMemoize = '\x94';
constexpr char kTuple1 = '\x85', kTuple2 = '\x86', kTuple3 = '\x87';

// Opcodes of what is never plain data.
std::string_view RefusedOpcode(char opcode) {
  switch (opcode) {
    case 'i':
    case 'o':
      return "an object of a class";
    case 'P':
    case 'Q':
      return "a persistent id, which means an object outside of the file";
    case '\x82':
    case '\x83':
    case '\x84':
      return "a name of the extension registry";
    case '\x8f':
    case '\x90':
    case '\x91':
      return "a set";
    case '\x92':
      return "an object of a class, with keyword arguments";
    case '\x96':
    case '\x97':
    case '\x98':
      return "a buffer";
    default:
      return "";
  }
}

}  // namespace

absl::Status PickleMachine::StepScalar(char opcode) {
  std::string_view ignored;
  switch (opcode) {
    case 'N':
      Push(PickleKind::kNone);
      return absl::OkStatus();
    case kTrue:
    case kFalse:
      Push(PickleKind::kBool, opcode == kTrue ? 1 : 0);
      return absl::OkStatus();
    case 'I':
    case 'L':
      return PushDecimal();
    case 'J':
      return PushInteger(4, true);
    case 'K':
      return PushInteger(1, false);
    case 'M':
      return PushInteger(2, false);
    case 'F':
    case 'G':
      RETURN_IF_ERROR(opcode == 'F' ? TakeLine("a number", &ignored) : Take(8, "a number", &ignored));
      Push(PickleKind::kFloat);
      return absl::OkStatus();
    case kLong1:
    case kLong4:
    default: {  // no other comes here
      uint64_t size = 0;
      RETURN_IF_ERROR(TakeSize(opcode == kLong1 ? 1 : 4, &size));
      if (size > kLongestInteger) return Refused(absl::StrFormat("an integer of %d bytes", size));
      return PushInteger(static_cast<int>(size), true);
    }
  }
}

absl::Status PickleMachine::StepText(char opcode) {
  std::string_view line;
  std::string text;
  switch (opcode) {
    case 'U':
    case 'C':
    case kShortUnicode:
      return PushSized(1);
    case 'X':
    case 'T':
    case 'B':
      return PushSized(4);
    case kUnicode8:
    case kBytes8:
      return PushSized(8);
    default:  // 'V', 'S'
      RETURN_IF_ERROR(TakeLine("a text", &line));
      if (opcode == 'V' ? !UnescapeUnicode(line, &text) : !UnescapeQuoted(line, &text)) {
        return Broken("a text is not escaped as texts are");
      }
      PushUnescaped(std::move(text));
      return absl::OkStatus();
  }
}

absl::Status PickleMachine::StepMemo(char opcode) {
  uint64_t key = memo_.size();
  if (opcode == 'p' || opcode == 'g') {
    std::string_view line;
    RETURN_IF_ERROR(TakeLine("a memo number", &line));
    const std::optional<uint64_t> number = ParseIndex(line);
    if (!number) return Broken(StrCat("found the memo number ", Shown(line)));
    key = *number;
  } else if (opcode != kMemoize) {
    RETURN_IF_ERROR(TakeSize(opcode == 'q' || opcode == 'h' ? 1 : 4, &key));
  }
  return opcode == 'g' || opcode == 'h' || opcode == 'j' ? Recall(key) : Remember(key);
}

absl::Status PickleMachine::StepContainer(char opcode) {
  Values values;
  switch (opcode) {
    case ']':
    case ')':
      return PushContainer(PickleKind::kList, {});
    case '}':
      return PushContainer(PickleKind::kDict, {});
    case kTuple1:
    case kTuple2:
    case kTuple3:
      return PushTuple(opcode - kTuple1 + 1);
    case 'a':
      values.resize(1);
      RETURN_IF_ERROR(Pop(&values[0]));
      return AppendTo(PickleKind::kList, std::move(values));
    case 's':
      values.resize(2);
      RETURN_IF_ERROR(Pop(&values[1]));
      RETURN_IF_ERROR(Pop(&values[0]));
      return AppendTo(PickleKind::kDict, std::move(values));
    default:
      break;
  }
  RETURN_IF_ERROR(PopToMark(&values));
  switch (opcode) {
    case 'e':
      return AppendTo(PickleKind::kList, std::move(values));
    case 'u':
      return AppendTo(PickleKind::kDict, std::move(values));
    case 'd':
      RETURN_IF_ERROR(CheckKeys(values));
      return PushContainer(PickleKind::kDict, std::move(values));
    case '1':
      return absl::OkStatus();
    default:  // 'l', 't'
      return PushContainer(PickleKind::kList, std::move(values));
  }
}

absl::Status PickleMachine::Step(char opcode) {
  std::string_view ignored;
  PickleValue value;
  if (opcode == kProto) {
    RETURN_IF_ERROR(Take(1, "a protocol", &ignored));
    const auto version = static_cast<uint8_t>(ignored[0]);
    if (version > kNewestProtocol) return Broken(absl::StrFormat("is of pickle protocol %d, expected 0 to 5", version));
    return absl::OkStatus();
  }
  if (opcode == kFrame) return Take(8, "the length of a frame", &ignored);
  if (opcode == '(') {
    Push(PickleKind::kMark);
    return absl::OkStatus();
  }
  if (opcode == '0') return Pop(&value);
  if (opcode == '2') {
    RETURN_IF_ERROR(Pop(&value));
    stack_.insert(stack_.end(), 2, value);
    return absl::OkStatus();
  }
  const auto is_of = [opcode](std::string_view opcodes) { return opcodes.find(opcode) != opcodes.npos; };
  if (is_of("N\x88\x89ILJKMFG\x8a\x8b")) return StepScalar(opcode);
  if (is_of("UCXTBVS\x8c\x8d\x8e")) return StepText(opcode);
  if (is_of("pgqrhj\x94")) return StepMemo(opcode);
  if (is_of("])}\x85\x86\x87"
            "aseud1lt"))
    return StepContainer(opcode);
  if (is_of("cR\x93\x81"
            "b"))
    return StepCall(opcode);
  if (const std::string_view refused = RefusedOpcode(opcode); !refused.empty()) return Refused(refused);
  return Broken(StrCat("found ", Shown(std::string_view(&opcode, 1)), ", which is no pickle opcode"));
}

absl::Status PickleMachine::Run() {
  while (at_ < bytes_.size()) {
    opcode_at_ = at_;
    const char opcode = bytes_[at_++];
    if (opcode == '.') return Pop(&out_->root);
    if (operations_ % kOperationsBetweenQuestions == 0 && !go_on_()) {
      return absl::CancelledError(StrCat(path_, ": reading it was given up"));
    }
    ++operations_;
    RETURN_IF_ERROR(Charge(0));
    RETURN_IF_ERROR(Step(opcode));
  }
  opcode_at_ = at_;
  return Broken("ends before the pickle does");
}

}  // namespace kindred
