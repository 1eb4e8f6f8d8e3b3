#include "core/lifecycle/availability.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/checksum.h"

namespace kindred {
namespace {

// By owner: an address may belong to another generation by now, an owner whose weak pointer is held does not.
bool IsOf(const AvailabilityRegistry::Entry& entry, const ModelHandle& model) {
  return !entry.model.owner_before(model) && !model.owner_before(entry.model);
}

const AvailabilityHandle* FindIn(const AvailabilityRegistry::Table& table, const ModelHandle& model) {
  const auto found = std::find_if(table.begin(), table.end(), [&](const auto& entry) { return IsOf(entry, model); });
  return found == table.end() ? nullptr : &found->view;
}

}  // namespace

AvailabilityView::AvailabilityView(const Model& model, const UnavailableItems& items) : version_(items.version()) {
  constexpr size_t kMany = 256;
  std::array<std::string_view, kMany> ids;
  std::array<uint32_t, kMany> found;
  for (size_t begin = 0; begin < items.size(); begin += kMany) {
    const size_t count = std::min(kMany, items.size() - begin);
    for (size_t i = 0; i < count; ++i) ids[i] = items.Id(begin + i);
    model.items().FindMany(std::span(ids).first(count), std::span(found).first(count));
    for (size_t i = 0; i < count; ++i) {
      if (found[i] == IdTable::kNone) continue;
      if (unavailable_++ == 0) {
        allowed_.assign(model.item_words(), ~uint64_t{0});
        if (model.n_items() % 64 != 0) allowed_.back() = (uint64_t{1} << (model.n_items() % 64)) - 1;
      }
      allowed_[found[i] / 64] &= ~(uint64_t{1} << (found[i] % 64));
    }
  }
  if (!allowed_.empty()) checksum_ = Xxh3(std::as_bytes(std::span(allowed_)));
}

void AvailabilityRegistry::Publish(std::shared_ptr<const UnavailableItems> items) {
  const std::lock_guard building(building_);
  auto table = std::make_shared<Table>();
  for (const Entry& entry : *Snapshot()) {
    const ModelHandle model = entry.model.lock();
    if (model == nullptr) continue;
    table->push_back({entry.model, std::make_shared<const AvailabilityView>(*model, *items)});
  }
  Replace(std::move(items), std::move(table));
}

void AvailabilityRegistry::Prepare(const ModelHandle& model) {
  const std::lock_guard building(building_);
  const auto before = Snapshot();
  if (FindIn(*before, model) != nullptr) return;
  auto table = std::make_shared<Table>();
  std::copy_if(before->begin(), before->end(), std::back_inserter(*table),
               [](const Entry& entry) { return !entry.model.expired(); });
  const auto current = items();
  table->push_back({model, std::make_shared<const AvailabilityView>(*model, *current)});
  Replace(current, std::move(table));
}

void AvailabilityRegistry::Replace(std::shared_ptr<const UnavailableItems> items, std::shared_ptr<const Table> table) {
  {
    const std::lock_guard lock(mutex_);
    items_.swap(items);
    table_.swap(table);
    // After the table: a reader that sees the new epoch and takes the lock finds the new table.
    epoch_.fetch_add(1, std::memory_order_release);
  }
  // What was replaced is let go of here, without the lock.
}

std::shared_ptr<const UnavailableItems> AvailabilityRegistry::items() const {
  const std::lock_guard lock(mutex_);
  return items_;
}

std::shared_ptr<const AvailabilityRegistry::Table> AvailabilityRegistry::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

const AvailabilityHandle& AvailabilityReader::Find(const ModelHandle& model) {
  for (;;) {
    const uint64_t epoch = registry_.epoch();
    if (table_ == nullptr || epoch != epoch_) {
      table_ = registry_.Snapshot();
      // A publication between the two reads leaves the older epoch here, and so only costs another look.
      epoch_ = epoch;
    }
    if (const AvailabilityHandle* view = FindIn(*table_, model)) return *view;
    registry_.Prepare(model);
  }
}

}  // namespace kindred
