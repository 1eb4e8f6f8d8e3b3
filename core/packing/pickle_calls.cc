// What a pickle names and calls: the few that make plain data, each done here and none executed; all others are
// refused.
#include <array>
#include <cstring>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/pickle_machine.h"

namespace kindred {
namespace {

enum class Use : uint8_t { kDict, kDefaultDict, kScalar, kNumberType, kEncode, kType };

struct Allowed {
  std::string_view module, name;
  Use use;
};

// Modules moved over the versions of NumPy and Python.
constexpr std::array kAllowed = {
    Allowed{"collections", "OrderedDict", Use::kDict},
    Allowed{"collections", "defaultdict", Use::kDefaultDict},
    Allowed{"numpy.core.multiarray", "scalar", Use::kScalar},
    Allowed{"numpy._core.multiarray", "scalar", Use::kScalar},
    Allowed{"numpy", "dtype", Use::kNumberType},
    Allowed{"_codecs", "encode", Use::kEncode},
    // What a defaultdict makes; never called.
    Allowed{"builtins", "int", Use::kType},
    Allowed{"builtins", "str", Use::kType},
    Allowed{"builtins", "list", Use::kType},
    Allowed{"builtins", "dict", Use::kType},
    Allowed{"builtins", "float", Use::kType},
    Allowed{"__builtin__", "float", Use::kType},
    Allowed{"__builtin__", "long", Use::kType},
    Allowed{"__builtin__", "int", Use::kType},
    Allowed{"__builtin__", "str", Use::kType},
    Allowed{"__builtin__", "list", Use::kType},
    Allowed{"__builtin__", "dict", Use::kType},
};

// A number type is its width in bytes, and this bit when it is signed.
constexpr int64_t kSigned = 16;

}  // namespace

absl::Status PickleMachine::PushName(std::string_view module, std::string_view name) {
  for (const Allowed& allowed : kAllowed) {
    if (allowed.module != module || allowed.name != name) continue;
    Push(PickleKind::kName, static_cast<int64_t>(allowed.use));
    return absl::OkStatus();
  }
  return Refused(StrCat("the name ", Shown(StrCat(module, ".", name))));
}

absl::Status PickleMachine::CallEncode(const Values& given) {
  const bool fits = !given.empty() && given.size() <= 2 && given[0].kind == PickleKind::kText &&
                    (given.size() == 1 || (given[1].kind == PickleKind::kText &&
                                           (given[1].view() == "latin1" || given[1].view() == "latin-1")));
  if (!fits) return Refused("a call of _codecs.encode that is not for bytes");
  const std::string_view text = given[0].view();
  encoded_bytes_ += text.size();
  if (encoded_bytes_ > limits_.max_encoded_bytes) {
    return Refused(absl::StrFormat("more than %d bytes given to _codecs.encode", limits_.max_encoded_bytes));
  }
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<unsigned char>(text[i]);
    if (lead < 0x80) {
      bytes.push_back(text[i]);
    } else if ((lead == 0xC2 || lead == 0xC3) && i + 1 < text.size()) {
      bytes.push_back(static_cast<char>(lead << 6 | (static_cast<unsigned char>(text[++i]) & 0x3F)));
    } else {
      return Broken("bytes have a character above 255");
    }
  }
  PushUnescaped(std::move(bytes));
  return absl::OkStatus();
}

absl::Status PickleMachine::CallNumberType(const Values& given) {
  std::string_view code = given.empty() || given[0].kind != PickleKind::kText ? "" : given[0].view();
  if (code.starts_with('<')) code.remove_prefix(1);
  const bool fits = code.size() == 2 && (code[0] == 'i' || code[0] == 'u') &&
                    (code[1] == '1' || code[1] == '2' || code[1] == '4' || code[1] == '8');
  if (!fits) return Refused(StrCat("the NumPy type ", Shown(code)));
  Push(PickleKind::kNumberType, (code[1] - '0') | (code[0] == 'i' ? kSigned : 0));
  return absl::OkStatus();
}

absl::Status PickleMachine::CallScalar(const Values& given) {
  if (given.size() != 2 || given[0].kind != PickleKind::kNumberType || given[1].kind != PickleKind::kText) {
    return Refused("a NumPy scalar that is no integer");
  }
  const auto width = static_cast<size_t>(given[0].number & ~kSigned);
  const bool is_signed = (given[0].number & kSigned) != 0;
  const std::string_view raw = given[1].view();
  if (raw.size() != width) return Broken(absl::StrFormat("a NumPy integer of %d bytes has %d", width, raw.size()));
  const bool high = static_cast<signed char>(raw.back()) < 0;
  if (high && !is_signed && width == sizeof(int64_t)) return Refused("an integer of 2^63 or more");
  int64_t number = high && is_signed ? -1 : 0;
  std::memcpy(&number, raw.data(), width);
  Push(PickleKind::kInteger, number);
  return absl::OkStatus();
}

// The byte order of a number type, the second of (3, '<', None, None, None, -1, -1, 0).
absl::Status PickleMachine::BuildNumberType(const PickleValue& state) {
  if (stack_.empty() || stack_.back().kind != PickleKind::kNumberType || state.kind != PickleKind::kList) {
    return Refused("a state given to an object");
  }
  const Values& parts = out_->Elements(state);
  const std::string_view order = parts.size() < 2 || parts[1].kind != PickleKind::kText ? "" : parts[1].view();
  if (order != "<" && order != "|" && order != "=") return Refused("a NumPy type that is not little-endian");
  return absl::OkStatus();
}

absl::Status PickleMachine::Call(const PickleValue& function, const PickleValue& arguments) {
  if (function.kind != PickleKind::kName || arguments.kind != PickleKind::kList) {
    return Refused("a call of what is no name");
  }
  // A few bytes can name the same long list again and again.
  RETURN_IF_ERROR(Charge(out_->Elements(arguments).size()));
  const Values given = out_->Elements(arguments);
  Values pairs;
  switch (static_cast<Use>(function.number)) {
    case Use::kDict:
      if (given.empty()) return PushContainer(PickleKind::kDict, {});
      // Python 2: OrderedDict([[key, value], …]).
      if (given.size() > 1 || given[0].kind != PickleKind::kList) break;
      for (const PickleValue& pair : out_->Elements(given[0])) {
        if (pair.kind != PickleKind::kList || out_->Elements(pair).size() != 2) {
          return Refused("a call of OrderedDict with other than pairs");
        }
        RETURN_IF_ERROR(Charge(2));
        pairs.insert(pairs.end(), out_->Elements(pair).begin(), out_->Elements(pair).end());
      }
      RETURN_IF_ERROR(CheckKeys(pairs));
      return PushContainer(PickleKind::kDict, std::move(pairs));
    case Use::kDefaultDict:
      if (given.size() > 1 ||
          (given.size() == 1 && given[0].kind != PickleKind::kName && given[0].kind != PickleKind::kNone)) {
        break;
      }
      return PushContainer(PickleKind::kDict, {});
    case Use::kScalar:
      return CallScalar(given);
    case Use::kNumberType:
      return CallNumberType(given);
    case Use::kEncode:
      return CallEncode(given);
    case Use::kType:
      break;
  }
  return Refused("a call with arguments that it is not called with");
}

absl::Status PickleMachine::StepCall(char opcode) {
  if (opcode == 'c') {
    std::string_view module, name;
    RETURN_IF_ERROR(TakeLine("a module", &module));
    RETURN_IF_ERROR(TakeLine("a name", &name));
    return PushName(module, name);
  }
  PickleValue last, function;
  RETURN_IF_ERROR(Pop(&last));
  if (opcode == 'b') return BuildNumberType(last);
  RETURN_IF_ERROR(Pop(&function));
  if (opcode != '\x93') return Call(function, last);
  if (function.kind != PickleKind::kText || last.kind != PickleKind::kText) return Broken("a name is no text");
  return PushName(function.view(), last.view());
}

}  // namespace kindred
