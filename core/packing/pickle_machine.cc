#include "core/packing/pickle_machine.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"

namespace kindred {

absl::Status PickleMachine::Broken(std::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s, byte %d: %s; the file is damaged or not a pickle", path_, opcode_at_, what));
}

absl::Status PickleMachine::Refused(std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrFormat(
      "%s, byte %d: found %s; it was not executed. Expected dicts, lists, tuples, integers and text. The converter of "
      "clients/python knows more types and executes nothing either: python3 -m kindred.legacy mapping '%s' --out "
      "FILE.json",
      path_, opcode_at_, what, path_));
}

absl::Status PickleMachine::Take(uint64_t size, std::string_view what, std::string_view* out) {
  if (size > bytes_.size() - at_) {
    return Broken(absl::StrFormat("%s of %d bytes, and %d are left of the file", what, size, bytes_.size() - at_));
  }
  *out = bytes_.substr(at_, size);
  at_ += size;
  return absl::OkStatus();
}

absl::Status PickleMachine::TakeLine(std::string_view what, std::string_view* out) {
  const size_t end = bytes_.find('\n', at_);
  if (end == bytes_.npos) return Broken(StrCat(what, " that has no end of line"));
  *out = bytes_.substr(at_, end - at_);
  at_ = end + 1;
  return absl::OkStatus();
}

absl::Status PickleMachine::TakeSize(int width, uint64_t* out) {
  std::string_view raw;
  RETURN_IF_ERROR(Take(width, "a number", &raw));
  *out = 0;
  std::memcpy(out, raw.data(), raw.size());
  return absl::OkStatus();
}

void PickleMachine::Push(PickleKind kind, int64_t number) {
  PickleValue value;
  value.kind = kind;
  value.number = number;
  stack_.push_back(value);
}

void PickleMachine::PushText(std::string_view text) {
  PickleValue value;
  value.kind = PickleKind::kText;
  value.size = static_cast<uint32_t>(text.size());
  value.text = text.data();
  stack_.push_back(value);
}

void PickleMachine::PushUnescaped(std::string text) { PushText(out_->unescaped.emplace_back(std::move(text))); }

absl::Status PickleMachine::Charge(uint64_t values) {
  copied_values_ += values;
  if (operations_ + copied_values_ <= limits_.max_operations) return absl::OkStatus();
  return Refused(absl::StrFormat("more than %d operations", limits_.max_operations));
}

absl::Status PickleMachine::Pop(PickleValue* out) {
  if (stack_.empty() || stack_.back().kind == PickleKind::kMark) return Broken("takes a value that is not there");
  *out = stack_.back();
  stack_.pop_back();
  return absl::OkStatus();
}

absl::Status PickleMachine::PopToMark(Values* out) {
  const auto mark = std::find_if(stack_.rbegin(), stack_.rend(),
                                 [](const PickleValue& value) { return value.kind == PickleKind::kMark; });
  if (mark == stack_.rend()) return Broken("takes values up to a mark that is not there");
  out->assign(mark.base(), stack_.end());
  stack_.erase(mark.base() - 1, stack_.end());
  return absl::OkStatus();
}

absl::Status PickleMachine::PushSized(int width) {
  uint64_t size = 0;
  RETURN_IF_ERROR(TakeSize(width, &size));
  std::string_view text;
  RETURN_IF_ERROR(Take(size, "a text", &text));
  PushText(text);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushInteger(int width, bool is_signed) {
  std::string_view raw;
  RETURN_IF_ERROR(Take(width, "an integer", &raw));
  const bool negative = is_signed && !raw.empty() && static_cast<signed char>(raw.back()) < 0;
  int64_t number = negative ? -1 : 0;
  std::memcpy(&number, raw.data(), raw.size());
  Push(PickleKind::kInteger, number);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushDecimal() {
  std::string_view line;
  RETURN_IF_ERROR(TakeLine("an integer", &line));
  if (line == "00" || line == "01") {
    Push(PickleKind::kBool, line == "01" ? 1 : 0);
    return absl::OkStatus();
  }
  if (line.ends_with('L')) line.remove_suffix(1);
  int64_t number = 0;
  if (!absl::SimpleAtoi(absl::string_view(line.data(), line.size()), &number)) {
    return Broken(StrCat("found ", Shown(line), ", expected an integer"));
  }
  Push(PickleKind::kInteger, number);
  return absl::OkStatus();
}

absl::Status PickleMachine::PushContainer(PickleKind kind, Values values) {
  if (out_->containers.size() >= limits_.max_containers) {
    return Refused(absl::StrFormat("more than %d lists, tuples and dicts", limits_.max_containers));
  }
  Push(kind, static_cast<int64_t>(out_->containers.size()));
  out_->containers.push_back(std::move(values));
  return absl::OkStatus();
}

absl::Status PickleMachine::PushTuple(int size) {
  Values values(size);
  for (int i = size - 1; i >= 0; --i) RETURN_IF_ERROR(Pop(&values[i]));
  return PushContainer(PickleKind::kList, std::move(values));
}

absl::Status PickleMachine::CheckKeys(std::span<const PickleValue> pairs) const {
  if (pairs.size() % 2 != 0) return Broken("a key has no value");
  for (size_t i = 0; i < pairs.size(); i += 2) {
    if (pairs[i].kind > PickleKind::kText) return Refused("a key that is neither text nor a number");
  }
  return absl::OkStatus();
}

absl::Status PickleMachine::AppendTo(PickleKind kind, Values values) {
  if (kind == PickleKind::kDict) RETURN_IF_ERROR(CheckKeys(values));
  if (stack_.empty() || stack_.back().kind != kind) {
    return Broken(kind == PickleKind::kDict ? "puts keys into what is no dict" : "appends to what is no list");
  }
  Values& container = out_->containers[stack_.back().container];
  container.insert(container.end(), values.begin(), values.end());
  return absl::OkStatus();
}

absl::Status PickleMachine::Remember(uint64_t key) {
  if (stack_.empty() || stack_.back().kind == PickleKind::kMark) return Broken("remembers a value that is not there");
  // Picklers count from 0 or 1.
  if (key > operations_) return Broken(absl::StrFormat("puts memo %d after %d operations", key, operations_));
  if (key >= memo_.size()) {
    PickleValue empty;
    empty.kind = PickleKind::kMark;
    memo_.resize(key + 1, empty);
  }
  memo_[key] = stack_.back();
  return absl::OkStatus();
}

absl::Status PickleMachine::Recall(uint64_t key) {
  if (key >= memo_.size() || memo_[key].kind == PickleKind::kMark) {
    return Broken(absl::StrFormat("takes memo %d, which was never put", key));
  }
  stack_.push_back(memo_[key]);
  return absl::OkStatus();
}

}  // namespace kindred
