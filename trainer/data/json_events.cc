#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "trainer/data/event_readers.h"
#include "trainer/data/line_reader.h"

namespace kindred {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kProgressLines = 1024;

// The member at a path with dots; a member whose name has the dots itself comes first. Null when there is none.
const Json* Find(const Json& object, std::string_view path) {
  if (!object.is_object()) return nullptr;
  if (const auto whole = object.find(path); whole != object.end()) return &*whole;
  for (size_t dot = path.find('.'); dot != path.npos; dot = path.find('.', dot + 1)) {
    const auto member = object.find(path.substr(0, dot));
    if (member == object.end()) continue;
    if (const Json* found = Find(*member, path.substr(dot + 1)); found != nullptr) return found;
  }
  return nullptr;
}

Cell CellOf(const Json* value) {
  if (value == nullptr || value->is_null()) return {};
  switch (value->type()) {
    case Json::value_t::string:
      return {.kind = Cell::Kind::kText, .text = value->get_ref<const std::string&>()};
    case Json::value_t::number_integer:
      return {.kind = Cell::Kind::kInteger, .integer = value->get<int64_t>()};
    case Json::value_t::number_unsigned:
      if (value->get<uint64_t>() > uint64_t{INT64_MAX}) {
        return {.kind = Cell::Kind::kWrongType, .text = "a number beyond 64 bits"};
      }
      return {.kind = Cell::Kind::kInteger, .integer = value->get<int64_t>()};
    case Json::value_t::number_float:
      return {.kind = Cell::Kind::kNumber, .number = value->get<double>()};
    case Json::value_t::boolean:
      return {.kind = Cell::Kind::kText, .text = value->get<bool>() ? "true" : "false"};
    case Json::value_t::array:
      return {.kind = Cell::Kind::kWrongType, .text = "an array"};
    default:
      return {.kind = Cell::Kind::kWrongType, .text = "an object"};
  }
}

// The names of an object's members, for a message.
std::string Members(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return StrJoin(names, ", ");
}

class JsonRows {
 public:
  JsonRows(const std::string& path, const EventReadOptions& options, EventBuilder* builder)
      : path_(path), options_(options), builder_(builder) {}

  absl::Status Line(uint64_t number, std::string_view text) {
    number_ = number;
    Json line;
    try {
      line = Json::parse(text);
    } catch (const Json::parse_error& error) {
      return Error(absl::StrFormat("is no JSON at byte %d: %s", error.byte, Shown(text)));
    }
    if (!line.is_object()) {
      return Error(StrCat("holds ", Shown(text),
                          ", expected an object; one object a line (jq -c '.[]' makes them of an "
                          "array)"));
    }
    if (options_.json_events.empty()) return Row(line, nullptr, 0);
    const Json* events = Find(line, options_.json_events);
    if (events == nullptr || events->is_null()) {
      return Error(absl::StrFormat("has no member %s; its members are %s", Shown(options_.json_events), Members(line)));
    }
    if (!events->is_array()) return Error(StrCat("member ", Shown(options_.json_events), " is no array"));
    for (size_t i = 0; i < events->size(); ++i) RETURN_IF_ERROR(Row((*events)[i], &line, i + 1));
    return absl::OkStatus();
  }

 private:
  const Json* Member(const Json& event, const Json* outer, const std::string& name) const {
    const Json* found = Find(event, name);
    return found == nullptr && outer != nullptr ? Find(*outer, name) : found;
  }

  // `event_number` 0: the line is the event.
  absl::Status Row(const Json& event, const Json* outer, size_t event_number) {
    if (!event.is_object()) return Error(absl::StrFormat("event %d is no object", event_number));
    if (columns_.empty()) {
      // Members may be left out of a line, so what the first event lacks is missing for good only when it is an id.
      ASSIGN_OR_RETURN(columns_, builder_->ColumnsOf(path_, [&](std::string_view name) {
        return Member(event, outer, std::string(name)) != nullptr;
      }));
      for (const Role role : {kUserRole, kItemRole}) {
        if (Member(event, outer, columns_[role]) != nullptr) continue;
        return Error(absl::StrFormat("has no member %s; its members are %s%s", Shown(columns_[role]), Members(event),
                                     outer == nullptr ? "" : StrCat(" and, of the line, ", Members(*outer))));
      }
      cells_.resize(columns_.size());
    }
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!columns_[i].empty()) cells_[i] = CellOf(Member(event, outer, columns_[i]));
    }
    const auto problem = builder_->Add(cells_);
    if (!problem) return absl::OkStatus();
    return builder_->BadRow(
        absl::InvalidArgumentError(absl::StrFormat("%s, line %d%s, column '%s': %s", path_, number_,
                                                   event_number == 0 ? "" : absl::StrFormat(", event %d", event_number),
                                                   columns_[problem->column], problem->what)));
  }

  absl::Status Error(std::string_view what) const {
    return absl::InvalidArgumentError(absl::StrFormat("%s, line %d: %s", path_, number_, what));
  }

  const std::string& path_;
  const EventReadOptions& options_;
  EventBuilder* builder_;
  std::vector<std::string> columns_;
  std::vector<Cell> cells_;
  uint64_t number_ = 0;
};

}  // namespace

absl::Status ReadJsonEvents(const std::string& path, const EventReadOptions& options, EventBuilder* builder,
                            Progress* progress) {
  ASSIGN_OR_RETURN(const std::unique_ptr<LineReader> lines, LineReader::Open(path));
  progress->Begin(StrCat("reading ", path), lines->bytes_total(), "bytes");
  JsonRows rows(path, options, builder);
  while (true) {
    ASSIGN_OR_RETURN(const bool more, lines->Next());
    if (!more) return absl::OkStatus();
    if (!Trimmed(lines->line()).empty()) RETURN_IF_ERROR(rows.Line(lines->number(), lines->line()));
    if (lines->number() % kProgressLines == 0) {
      progress->Update(lines->bytes_read(), StrCat(WithThousands(lines->number()), " lines"));
    }
  }
}

}  // namespace kindred
