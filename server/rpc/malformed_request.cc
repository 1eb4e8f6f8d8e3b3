#include "server/rpc/malformed_request.h"

#include <google/protobuf/unknown_field_set.h>

#include <map>
#include <vector>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "core/base/utf8.h"
#include "server/field_checks.h"

namespace kindred::rpc {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr int kMaxDepth = 100;  // as protobuf's own limit

std::optional<std::string> Search(const Descriptor& type, std::string_view wire, int depth) {
  UnknownFieldSet fields;
  if (depth > kMaxDepth || !fields.ParseFromArray(wire.data(), static_cast<int>(wire.size()))) return std::nullopt;
  std::map<int, int> seen;  // field number → occurrences, for the index of a repeated field
  for (int i = 0; i < fields.field_count(); ++i) {
    const UnknownField& value = fields.field(i);
    const FieldDescriptor* field = type.FindFieldByNumber(value.number());
    const int index = seen[value.number()]++;
    if (field == nullptr || value.type() != UnknownField::TYPE_LENGTH_DELIMITED) continue;
    const std::string path =
        field->is_repeated() ? absl::StrFormat("%s[%d]", field->name(), index) : std::string(field->name());
    if (field->type() == FieldDescriptor::TYPE_STRING && !IsValidUtf8(value.length_delimited())) return path;
    if (field->type() == FieldDescriptor::TYPE_MESSAGE) {
      const auto inner = Search(*field->message_type(), value.length_delimited(), depth + 1);
      if (inner.has_value()) return StrCat(path, ".", *inner);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> FindInvalidUtf8(const Descriptor& type, std::string_view wire) {
  return Search(type, wire, 0);
}

absl::Status MalformedRequestError(const Descriptor& type, const grpc::ByteBuffer& bytes) {
  std::vector<grpc::Slice> slices;
  std::string wire;
  if (bytes.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) wire.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  FieldChecks checks;
  const auto path = FindInvalidUtf8(type, wire);
  if (path.has_value()) {
    checks.Add(*path, "is not valid UTF-8");
  } else {
    checks.Add("", absl::StrFormat("%d bytes that are not a %s", wire.size(), type.full_name()));
  }
  return checks.status();
}

}  // namespace kindred::rpc
