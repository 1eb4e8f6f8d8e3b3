#include "core/lifecycle/model_registry.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/base/checksum.h"

namespace kindred {
namespace {

const ModelHandle kNone;

struct Reference {
  std::string_view model;
  std::string_view choice;  // a label or a version
  bool chosen = false;
};

Reference Split(std::string_view text) {
  const size_t at = text.rfind('@');
  if (at == std::string_view::npos) return {text, {}, false};
  return {text.substr(0, at), text.substr(at + 1), true};
}

const ModelRoutes* RoutesIn(const ModelRegistry::Table& table, std::string_view name) {
  if (name.empty()) return table.size() == 1 ? table.begin()->second.get() : nullptr;
  const auto found = table.find(name);
  return found == table.end() ? nullptr : found->second.get();
}

// `wanted` or, where that is poisoned, the first sound one.
const ModelHandle& Sound(const ModelRoutes& routes, const ModelHandle& wanted) {
  if (!wanted->poisoned()) return wanted;
  if (!routes.serving->poisoned()) return routes.serving;
  const auto other =
      std::find_if(routes.others.begin(), routes.others.end(), [](const auto& model) { return !model->poisoned(); });
  return other == routes.others.end() ? kNone : *other;
}

const ModelHandle& Choose(const ModelRoutes& routes, std::string_view choice) {
  if (const auto label = routes.labels.find(choice); label != routes.labels.end()) return Sound(routes, label->second);
  const auto is_chosen = [choice](const ModelHandle& model) { return model->version() == choice; };
  if (is_chosen(routes.serving)) return routes.serving->poisoned() ? kNone : routes.serving;
  const auto other = std::find_if(routes.others.begin(), routes.others.end(), is_chosen);
  return other == routes.others.end() || (*other)->poisoned() ? kNone : *other;
}

const ModelHandle& FindIn(const ModelRegistry::Table& table, std::string_view text, std::string_view user) {
  const Reference reference = Split(text);
  const ModelRoutes* routes = RoutesIn(table, reference.model);
  if (routes == nullptr) return kNone;
  if (reference.chosen) return Choose(*routes, reference.choice);
  const bool canary =
      routes->canary != nullptr && !user.empty() && IsCanaryUser(routes->serving->name(), user, routes->canary_share);
  return Sound(*routes, canary ? routes->canary : routes->serving);
}

}  // namespace

bool IsCanaryUser(std::string_view model, std::string_view user, uint32_t share) {
  // Of the model too: the canaries of two models are not the same users.
  const std::array<uint64_t, 2> hashes = {Xxh3(std::as_bytes(std::span(model))), Xxh3(std::as_bytes(std::span(user)))};
  return Xxh3(std::as_bytes(std::span(hashes))) % kWholeShare < share;
}

void ModelRegistry::Publish(ModelRoutes routes) {
  const std::lock_guard publishing(publishing_);
  auto table = std::make_shared<Table>(*Snapshot());
  const std::string name = routes.serving->name();
  (*table)[name] = std::make_shared<const ModelRoutes>(std::move(routes));
  Replace(std::move(table));
}

void ModelRegistry::Remove(std::string_view name) {
  const std::lock_guard publishing(publishing_);
  auto table = std::make_shared<Table>(*Snapshot());
  if (const auto found = table->find(name); found != table->end()) table->erase(found);
  Replace(std::move(table));
}

void ModelRegistry::Replace(std::shared_ptr<const Table> table) {
  {
    const std::lock_guard lock(mutex_);
    table_.swap(table);
    // After the table: a reader that sees the new epoch and takes the lock finds the new table.
    epoch_.fetch_add(1, std::memory_order_release);
  }
  // What was replaced is let go of here, without the lock: it may unmap a bundle.
}

ModelHandle ModelRegistry::Find(std::string_view reference) const { return FindIn(*Snapshot(), reference, {}); }

std::vector<ModelHandle> ModelRegistry::All() const {
  std::vector<ModelHandle> all;
  for (const auto& [name, routes] : *Snapshot()) all.push_back(routes->serving);
  return all;
}

std::vector<ModelHandle> ModelRegistry::AllReady() const {
  std::vector<ModelHandle> all;
  for (const auto& [name, routes] : *Snapshot()) {
    all.push_back(routes->serving);
    all.insert(all.end(), routes->others.begin(), routes->others.end());
  }
  return all;
}

std::shared_ptr<const ModelRegistry::Table> ModelRegistry::Snapshot() const {
  const std::lock_guard lock(mutex_);
  return table_;
}

const ModelHandle& ModelReader::Find(std::string_view reference, std::string_view user) {
  Refresh();
  return FindIn(*table_, reference, user);
}

const ModelRoutes* ModelReader::FindRoutes(std::string_view reference) {
  Refresh();
  return RoutesIn(*table_, Split(reference).model);
}

void ModelReader::Refresh() {
  const uint64_t epoch = registry_.epoch();
  if (table_ != nullptr && epoch == epoch_) return;
  table_ = registry_.Snapshot();
  // A publication between the two reads leaves the older epoch here, and so only costs another look.
  epoch_ = epoch;
}

}  // namespace kindred
