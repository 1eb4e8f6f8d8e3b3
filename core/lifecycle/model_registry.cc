#include "core/lifecycle/model_registry.h"

#include <utility>

namespace kindred {
namespace {

const ModelHandle& FindIn(const ModelRegistry::Table& table, std::string_view name) {
  static const ModelHandle kNone;
  if (name.empty()) return table.size() == 1 ? table.begin()->second : kNone;
  const auto found = table.find(name);
  return found == table.end() ? kNone : found->second;
}

}  // namespace

void ModelRegistry::Publish(ModelHandle model) {
  std::shared_ptr<const Table> replaced;  // released outside the lock: it may unmap a bundle
  const std::lock_guard lock(mutex_);
  auto table = std::make_shared<Table>(*table_);
  (*table)[model->name()] = std::move(model);
  replaced = std::exchange(table_, std::move(table));
  // After the table: a reader that sees the new epoch and takes the lock finds the new table.
  epoch_.fetch_add(1, std::memory_order_release);
}

ModelHandle ModelRegistry::Find(std::string_view name) const { return FindIn(*Snapshot(), name); }

std::vector<ModelHandle> ModelRegistry::All() const {
  std::vector<ModelHandle> all;
  for (const auto& [name, model] : *Snapshot()) all.push_back(model);
  return all;
}

std::shared_ptr<const ModelRegistry::Table> ModelRegistry::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

const ModelHandle& ModelReader::Find(std::string_view name) {
  Refresh();
  return FindIn(*table_, name);
}

void ModelReader::Refresh() {
  const uint64_t epoch = registry_.epoch();
  if (table_ != nullptr && epoch == epoch_) return;
  table_ = registry_.Snapshot();
  // A publication between the two reads leaves the older epoch here, and so only costs another look.
  epoch_ = epoch;
}

}  // namespace kindred
