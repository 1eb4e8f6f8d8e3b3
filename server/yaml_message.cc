#include "server/yaml_message.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/duration.pb.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "server/excerpt.h"

namespace kindred {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

// Levenshtein distance, O(|a|·|b|).
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({substituted, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

// The field name nearest to `key`, or "" when none is near.
std::string Nearest(std::string_view key, const Descriptor& type) {
  std::string nearest;
  size_t best = std::max<size_t>(3, key.size() / 2 + 1);
  for (int i = 0; i < type.field_count(); ++i) {
    const size_t distance = EditDistance(key.substr(0, 64), type.field(i)->name());
    if (distance < best) {
      best = distance;
      nearest = type.field(i)->name();
    }
  }
  return nearest;
}

std::string FieldNames(const Descriptor& type) {
  std::vector<std::string> names;
  names.reserve(type.field_count());
  for (int i = 0; i < type.field_count(); ++i) names.push_back(type.field(i)->name());
  return names.empty() ? "nothing" : absl::StrJoin(names, ", ");
}

// LOG_LEVEL_INFO of LogLevel → "info". The zero value (…_UNSPECIFIED) has no name in YAML.
std::string ShortName(const google::protobuf::EnumValueDescriptor& value) {
  std::string prefix;
  for (char c : value.type()->name()) {
    if (absl::ascii_isupper(c) && !prefix.empty()) prefix += '_';
    prefix += absl::ascii_toupper(c);
  }
  return absl::AsciiStrToLower(value.name().substr(prefix.size() + 1));
}

std::string ShortNames(const EnumDescriptor& type) {
  std::vector<std::string> names;
  for (int i = 0; i < type.value_count(); ++i) {
    if (type.value(i)->number() != 0) names.push_back(ShortName(*type.value(i)));
  }
  return absl::StrJoin(names, ", ");
}

std::string Found(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  if (node.IsNull()) return "empty";
  return StrCat("'", Excerpt(node.Scalar()), "'");
}

// Splits "12.5ms" into its number and "ms".
bool SplitUnit(absl::string_view text, double* number, absl::string_view* unit) {
  const size_t end = text.find_first_not_of("0123456789.");
  if (end == 0 || !absl::SimpleAtod(text.substr(0, end), number)) return false;
  *unit = end == absl::string_view::npos ? absl::string_view() : absl::StripAsciiWhitespace(text.substr(end));
  return true;
}

}  // namespace

bool ParseDuration(const std::string& text, int64_t* nanoseconds) {
  double number = 0;
  absl::string_view unit;
  if (!SplitUnit(text, &number, &unit)) return false;
  static constexpr std::pair<absl::string_view, double> kUnits[] = {{"us", 1e3}, {"ms", 1e6},   {"s", 1e9},
                                                                    {"m", 60e9}, {"h", 3600e9}, {"d", 86400e9}};
  for (const auto& [name, scale] : kUnits) {
    if (unit != name) continue;
    const double value = number * scale;
    if (value > 1e18) return false;
    *nanoseconds = std::llround(value);
    return true;
  }
  return false;
}

bool ParseBytes(const std::string& text, uint64_t* bytes) {
  if (absl::SimpleAtoi(text, bytes)) return true;
  double number = 0;
  absl::string_view unit;
  if (!SplitUnit(text, &number, &unit)) return false;
  static constexpr std::pair<absl::string_view, int> kUnits[] = {{"KiB", 10}, {"MiB", 20}, {"GiB", 30}, {"TiB", 40}};
  for (const auto& [name, shift] : kUnits) {
    if (unit != name) continue;
    const double value = std::ldexp(number, shift);
    if (value > 1e18 || value != std::floor(value)) return false;
    *bytes = static_cast<uint64_t>(value);
    return true;
  }
  return false;
}

absl::Status YamlMessageReader::Wrong(const YAML::Node& node, std::string_view what) const {
  return absl::InvalidArgumentError(absl::StrFormat("%s:%d: %s", source_, node.Mark().line + 1, what));
}

absl::Status YamlMessageReader::Read(std::string_view text, Message* message) {
  try {
    const YAML::Node root = YAML::Load(std::string(text));
    if (root.IsNull()) return absl::OkStatus();
    return ReadMap(root, "", message);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrFormat("%s:%d: not YAML: %s", source_, error.mark.line + 1, error.msg));
  }
}

absl::Status YamlMessageReader::ReadMap(const YAML::Node& node, const std::string& path, Message* message) {
  const Descriptor& type = *message->GetDescriptor();
  const std::string where = path.empty() ? "the configuration" : StrCat("'", path, "'");
  if (node.IsNull()) return absl::OkStatus();
  if (!node.IsMap()) {
    return Wrong(node, absl::StrFormat("%s is %s; expected a map with %s", where, Found(node), FieldNames(type)));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
    const FieldDescriptor* field = type.FindFieldByName(key);
    if (field == nullptr) {
      const std::string nearest = Nearest(key, type);
      return Wrong(entry.first, absl::StrFormat("%s has no field %s%s; it has %s", where, Found(entry.first),
                                                nearest.empty() ? "" : StrCat(" (did you mean '", nearest, "'?)"),
                                                FieldNames(type)));
    }
    const std::string field_path = path.empty() ? key : StrCat(path, ".", key);
    if (!seen.insert(key).second) return Wrong(entry.first, absl::StrFormat("'%s' is given twice", field_path));
    if (const auto* choice = field->real_containing_oneof()) {
      const auto* chosen = message->GetReflection()->GetOneofFieldDescriptor(*message, choice);
      if (chosen != nullptr && chosen != field) {
        return Wrong(entry.first, absl::StrFormat("'%s' and '%s' are both given; choose one", field_path,
                                                  StrCat(path, ".", chosen->name())));
      }
    }
    RETURN_IF_ERROR(ReadField(entry.first, entry.second, field_path, *field, message));
  }
  return absl::OkStatus();
}

absl::Status YamlMessageReader::ReadField(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                                          const FieldDescriptor& field, Message* message) {
  const auto* reflection = message->GetReflection();
  const auto wrong = [&](std::string_view expected) {
    // An empty value has no place of its own: the library puts it on the next line.
    return Wrong(node.IsNull() ? key : node, absl::StrFormat("'%s' is %s; expected %s", path, Found(node), expected));
  };
  if (field.is_map()) return ReadEntries(key, node, path, field, message);
  if (field.is_repeated()) return ReadList(key, node, path, field, message);
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    Message* inner = reflection->MutableMessage(message, &field);
    auto* duration = dynamic_cast<google::protobuf::Duration*>(inner);
    if (duration == nullptr) return ReadMap(node, path, inner);
    int64_t nanoseconds = 0;
    if (!node.IsScalar() || !ParseDuration(node.Scalar(), &nanoseconds)) {
      return wrong("a duration such as 500us, 5ms, 2s or 1m");
    }
    duration->set_seconds(nanoseconds / 1'000'000'000);
    duration->set_nanos(static_cast<int32_t>(nanoseconds % 1'000'000'000));
    return absl::OkStatus();
  }
  const std::string text = node.IsScalar() ? node.Scalar() : std::string();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_STRING:
      if (text.empty()) return wrong("text");
      reflection->SetString(message, &field, text);
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_BOOL:
      if (text != "true" && text != "false") return wrong("true or false");
      reflection->SetBool(message, &field, text == "true");
      return absl::OkStatus();
    case FieldDescriptor::CPPTYPE_UINT32: {
      uint32_t value = 0;
      if (!absl::SimpleAtoi(text, &value)) return wrong("a whole number, 0 or more");
      reflection->SetUInt32(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_UINT64: {
      uint64_t value = 0;
      const bool is_size = absl::EndsWith(field.name(), "_bytes");
      if (is_size ? !ParseBytes(text, &value) : !absl::SimpleAtoi(text, &value)) {
        return wrong(is_size ? "a size such as 65536, 64KiB or 4MiB" : "a whole number, 0 or more");
      }
      reflection->SetUInt64(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_DOUBLE: {
      double value = 0;
      if (!absl::SimpleAtod(text, &value) || !std::isfinite(value)) return wrong("a number such as 2 or 0.05");
      reflection->SetDouble(message, &field, value);
      return absl::OkStatus();
    }
    case FieldDescriptor::CPPTYPE_ENUM: {
      const EnumDescriptor& type = *field.enum_type();
      for (int i = 0; i < type.value_count(); ++i) {
        if (type.value(i)->number() == 0 || ShortName(*type.value(i)) != text) continue;
        reflection->SetEnum(message, &field, type.value(i));
        return absl::OkStatus();
      }
      return wrong(StrCat("one of ", ShortNames(type)));
    }
    default:
      return absl::InternalError(
          absl::StrFormat("the configuration schema has a field of unsupported type, '%s'", path));
  }
}

absl::Status YamlMessageReader::ReadEntries(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                                            const FieldDescriptor& field, Message* message) {
  const FieldDescriptor& key_field = *field.message_type()->map_key();
  if (key_field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return absl::InternalError(absl::StrFormat("the configuration schema has a map of unsupported type, '%s'", path));
  }
  if (!node.IsMap()) {
    return Wrong(node.IsNull() ? key : node,
                 absl::StrFormat("'%s' is %s; expected a map from names of your own", path, Found(node)));
  }
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string();
    if (name.empty()) {
      return Wrong(entry.first, absl::StrFormat("'%s' has %s for a name; expected text", path, Found(entry.first)));
    }
    const std::string entry_path = StrCat(path, ".", name);
    if (!seen.insert(name).second) return Wrong(entry.first, absl::StrFormat("'%s' is given twice", entry_path));
    Message* added = message->GetReflection()->AddMessage(message, &field);
    added->GetReflection()->SetString(added, &key_field, name);
    RETURN_IF_ERROR(ReadField(entry.first, entry.second, entry_path, *field.message_type()->map_value(), added));
  }
  return absl::OkStatus();
}

absl::Status YamlMessageReader::ReadList(const YAML::Node& key, const YAML::Node& node, const std::string& path,
                                         const FieldDescriptor& field, Message* message) {
  if (field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) {
    return absl::InternalError(absl::StrFormat("the configuration schema has a list of unsupported type, '%s'", path));
  }
  if (!node.IsSequence() || node.size() == 0) {
    return Wrong(node.IsNull() ? key : node, absl::StrFormat("'%s' is %s; expected a list such as [a, b]", path,
                                                             node.IsSequence() ? "an empty list" : Found(node)));
  }
  size_t index = 0;
  for (const YAML::Node& element : node) {
    const std::string text = element.IsScalar() ? element.Scalar() : std::string();
    if (text.empty())
      return Wrong(element, absl::StrFormat("'%s[%d]' is %s; expected text", path, index, Found(element)));
    message->GetReflection()->AddString(message, &field, text);
    ++index;
  }
  return absl::OkStatus();
}

}  // namespace kindred
