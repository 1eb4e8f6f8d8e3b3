#include "server/filter_reader.h"

#include <cmath>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/limits.h"

namespace kindred {
namespace {

// Where a condition stands; only an error makes words of it.
struct Path {
  const Path* parent = nullptr;
  std::string_view name;
  int index = -1;  // of `filters`, or −1

  std::string Text() const {
    std::string out = parent == nullptr ? std::string(name) : StrCat(parent->Text(), ".", name);
    if (index >= 0) StrAppend(&out, ".filters[", index, "]");
    return out;
  }
};

class Reader {
 public:
  Reader(FieldChecks* checks, ItemFilter* out) : checks_(*checks), out_(*out) {}

  void Read(const v1::Filter& filter, const Path& path, int depth) {
    if (stopped_) return;
    if (depth > limits::kMaxFilterDepth) return Stop(path, "is nested too deep", limits::kMaxFilterDepth, "levels");
    if (++conditions_ > limits::kMaxFilterConditions) {
      return Stop(path, "is one condition too many", limits::kMaxFilterConditions, "in all");
    }
    switch (filter.condition_case()) {
      case v1::Filter::kAllOf:
        return List(filter.all_of(), path, "all_of", ItemFilter::Kind::kAllOf, depth);
      case v1::Filter::kAnyOf:
        return List(filter.any_of(), path, "any_of", ItemFilter::Kind::kAnyOf, depth);
      case v1::Filter::kNoneOf:
        return List(filter.none_of(), path, "none_of", ItemFilter::Kind::kNoneOf, depth);
      case v1::Filter::kCategories:
        return Categories(filter.categories(), path);
      case v1::Filter::kRange:
        return Range(filter.range(), path);
      case v1::Filter::kFlag:
        return Flag(filter.flag(), path);
      case v1::Filter::CONDITION_NOT_SET:
        return checks_.Add(path.Text(),
                           "has no condition, expected all_of, any_of, none_of, categories, range or flag");
    }
  }

 private:
  void Stop(const Path& path, std::string_view what, int most, std::string_view of) {
    checks_.Add(path.Text(), absl::StrFormat("%s, expected at most %d %s", std::string(what), most, std::string(of)));
    stopped_ = true;
  }

  void List(const v1::FilterList& list, const Path& path, std::string_view name, ItemFilter::Kind kind, int depth) {
    Path below{&path, name, 0};
    for (int i = 0; i < list.filters_size() && !stopped_; ++i) {
      below.index = i;
      Read(list.filters(i), below, depth + 1);
    }
    ItemFilter::Node node;
    node.kind = kind;
    node.operands = static_cast<uint32_t>(list.filters_size());
    out_.nodes.push_back(node);
  }

  uint32_t Names(const google::protobuf::RepeatedPtrField<std::string>& names, const Path& path,
                 std::string_view field) {
    for (int i = 0; i < names.size() && !stopped_; ++i) {
      if (out_.names.size() >= static_cast<size_t>(limits::kMaxFilterNames)) {
        Stop({&path, field}, "has one name too many", limits::kMaxFilterNames, "in all");
        break;
      }
      if (names[i].empty() || names[i].size() > limits::kMaxIdBytes) {
        checks_.Add(StrCat(path.Text(), ".", field, "[", i, "]"),
                    absl::StrFormat("has %d bytes, expected 1 to %d", names[i].size(), limits::kMaxIdBytes));
      }
      out_.names.push_back(names[i]);
    }
    return static_cast<uint32_t>(out_.names.size());
  }

  void Categories(const v1::CategoryCondition& condition, const Path& path) {
    const Path own{&path, "categories"};
    ItemFilter::Node node;
    node.kind = ItemFilter::Kind::kCategories;
    node.begin = static_cast<uint32_t>(out_.names.size());
    node.any_end = Names(condition.any_of(), own, "any_of");
    node.all_end = Names(condition.all_of(), own, "all_of");
    node.end = Names(condition.none_of(), own, "none_of");
    if (node.begin == node.end && !stopped_) {
      checks_.Add(own.Text(), "names no category, expected any_of, all_of or none_of");
    }
    out_.nodes.push_back(node);
  }

  void Attribute(std::string_view attribute, const Path& path) {
    if (!attribute.empty() && attribute.size() <= limits::kMaxNameBytes) return;
    checks_.Add(StrCat(path.Text(), ".attribute"),
                absl::StrFormat("has %d bytes, expected 1 to %d", attribute.size(), limits::kMaxNameBytes));
  }

  void Range(const v1::RangeCondition& range, const Path& path) {
    const Path own{&path, "range"};
    ItemFilter::Node node;
    node.kind = ItemFilter::Kind::kRange;
    node.attribute = range.attribute();
    Attribute(range.attribute(), own);
    if (range.has_min()) node.min = range.min();
    if (range.has_max()) node.max = range.max();
    for (const auto& [name, bound] : {std::pair("min", node.min), std::pair("max", node.max)}) {
      if (bound && !std::isfinite(*bound)) {
        checks_.Add(StrCat(own.Text(), ".", name), absl::StrFormat("is %g, expected a finite number", *bound));
      }
    }
    if (!node.min && !node.max) checks_.Add(own.Text(), "has no bound, expected min, max or both");
    if (node.min && node.max && *node.min > *node.max) {
      checks_.Add(StrCat(own.Text(), ".min"), absl::StrFormat("is %g, above max, which is %g", *node.min, *node.max));
    }
    out_.nodes.push_back(node);
  }

  void Flag(const v1::FlagCondition& flag, const Path& path) {
    const Path own{&path, "flag"};
    ItemFilter::Node node;
    node.kind = ItemFilter::Kind::kFlag;
    node.attribute = flag.attribute();
    node.flag = flag.value();
    Attribute(flag.attribute(), own);
    out_.nodes.push_back(node);
  }

  FieldChecks& checks_;
  ItemFilter& out_;
  int conditions_ = 0;
  bool stopped_ = false;
};

}  // namespace

void ReadFilter(std::string_view field, const v1::Filter& filter, FieldChecks* checks, ItemFilter* out) {
  out->Clear();
  Reader(checks, out).Read(filter, {nullptr, field}, 1);
}

}  // namespace kindred
