// Mappings in pickles: {id: row}, {row: id}, [id, …], or a dict or list of one or two of those that say the same.
#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/bundle/schema.h"
#include "core/packing/mapping_entries.h"
#include "core/packing/pickle.h"

namespace kindred {
namespace {

using Ids = std::vector<std::string>;

bool IsIdOrRow(const PickleValue& value) {
  return value.kind == PickleKind::kText || value.kind == PickleKind::kInteger;
}

std::string AsText(const PickleValue& value) {
  return value.kind == PickleKind::kText ? std::string(value.view()) : StrCat(value.number);
}

// For a message.
std::string Described(const PickleValue& value) {
  switch (value.kind) {
    case PickleKind::kNone:
      return "None";
    case PickleKind::kBool:
      return value.number != 0 ? "True" : "False";
    case PickleKind::kFloat:
      return "a float";
    case PickleKind::kList:
      return "a list or tuple";
    case PickleKind::kDict:
      return "a dict";
    case PickleKind::kInteger:
    case PickleKind::kText:
      return Shown(AsText(value));
    default:
      return "a name";
  }
}

absl::Status Unfit(const std::string& path, std::string_view found) {
  return absl::InvalidArgumentError(
      absl::StrFormat("%s: found %s, expected {id: row, …}, {row: id, …} or [id, …]", path, found));
}

// Before anything is copied: a small file can repeat one long text very often.
absl::Status CheckSizes(const std::string& path, const std::vector<PickleValue>& values, uint64_t entries,
                        uint64_t rows) {
  if (entries > rows) {
    return absl::InvalidArgumentError(
        absl::StrFormat("%s: has %d entries, expected %d, the rows of the matrix", path, entries, rows));
  }
  for (const PickleValue& value : values) {
    if (value.kind != PickleKind::kText || value.size <= kMaxIdBytes) continue;
    return absl::InvalidArgumentError(absl::StrFormat("%s: the id %s is %d bytes long, at most %d are allowed", path,
                                                      Shown(value.view()), value.size, kMaxIdBytes));
  }
  return absl::OkStatus();
}

absl::StatusOr<Ids> FromList(const std::string& path, const std::vector<PickleValue>& list, uint64_t rows) {
  RETURN_IF_ERROR(CheckSizes(path, list, list.size(), rows));
  std::vector<MappingEntry> entries;
  entries.reserve(list.size());
  for (const PickleValue& id : list) {
    if (!IsIdOrRow(id)) {
      return absl::InvalidArgumentError(
          absl::StrFormat("%s: entry %d is %s, expected an id", path, entries.size(), Described(id)));
    }
    entries.push_back({StrCat(entries.size()), AsText(id), StrCat("entry ", entries.size())});
  }
  return PlaceEntries(path, entries, &MappingEntry::first, &MappingEntry::second, rows);
}

absl::StatusOr<Ids> FromDict(const std::string& path, const std::vector<PickleValue>& dict, uint64_t rows) {
  RETURN_IF_ERROR(CheckSizes(path, dict, dict.size() / 2, rows));
  std::vector<MappingEntry> entries;
  entries.reserve(dict.size() / 2);
  bool integer_values = true, text_keys = true;
  for (size_t i = 0; i < dict.size(); i += 2) {
    const PickleValue &key = dict[i], &value = dict[i + 1];
    if (!IsIdOrRow(key) || !IsIdOrRow(value)) {
      return absl::InvalidArgumentError(absl::StrFormat("%s, key %s: found %s, expected an id or a row number", path,
                                                        Described(key), Described(IsIdOrRow(key) ? value : key)));
    }
    integer_values = integer_values && value.kind == PickleKind::kInteger;
    text_keys = text_keys && key.kind == PickleKind::kText;
    const std::string name = AsText(key);
    entries.push_back({name, AsText(value), StrCat("key ", Shown(name))});
  }
  return PlaceByNumbers(path, entries, integer_values, text_keys, rows);
}

// The dicts of a container that holds one or two and nothing else, such as {'id_to_row': {…}, 'row_to_id': {…}}.
std::vector<PickleValue> InnerDicts(const PickleValue& value, const PickleData& data) {
  std::vector<PickleValue> inner;
  const std::vector<PickleValue>& elements = data.Elements(value);
  const size_t step = value.kind == PickleKind::kDict ? 2 : 1;
  if (elements.empty() || elements.size() > 2 * step) return inner;
  for (size_t i = step - 1; i < elements.size(); i += step) {
    if (elements[i].kind != PickleKind::kDict) return {};
    inner.push_back(elements[i]);
  }
  return inner;
}

}  // namespace

absl::StatusOr<Ids> ReadPickledMapping(const std::string& path, uint64_t rows, const GoOn& go_on) {
  ASSIGN_OR_RETURN(const PickleData data, ReadPickle(path, {}, go_on));
  if (data.root.kind != PickleKind::kList && data.root.kind != PickleKind::kDict) {
    return Unfit(path, Described(data.root));
  }
  const std::vector<PickleValue> inner = InnerDicts(data.root, data);
  if (inner.empty()) {
    const std::vector<PickleValue>& elements = data.Elements(data.root);
    return data.root.kind == PickleKind::kList ? FromList(path, elements, rows) : FromDict(path, elements, rows);
  }
  ASSIGN_OR_RETURN(Ids ids, FromDict(path, data.Elements(inner.front()), rows));
  ASSIGN_OR_RETURN(const Ids other, FromDict(path, data.Elements(inner.back()), rows));
  if (other == ids) return ids;
  return absl::InvalidArgumentError(StrCat(path, ": its two mappings disagree, expected one the inverse of the other"));
}

}  // namespace kindred
