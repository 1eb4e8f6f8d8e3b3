#include "trainer/data/negatives.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "core/base/status_macros.h"
#include "core/base/str_cat.h"
#include "core/base/text.h"
#include "core/packing/csv_reader.h"
#include "trainer/data/csv_writer.h"
#include "trainer/data/shuffle.h"
#include "trainer/data/user_rows.h"

namespace kindred {
namespace {

// Draws items in proportion to their weights.
class ItemSampler {
 public:
  explicit ItemSampler(std::vector<double> weights) : weights_(std::move(weights)) {
    cumulative_.reserve(weights_.size());
    double sum = 0;
    for (double weight : weights_) cumulative_.push_back(sum += weight);
  }
  uint32_t Draw(std::mt19937_64* generator) const {
    const double at = UniformUnit(generator) * cumulative_.back();
    const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), at);
    return static_cast<uint32_t>(std::min<size_t>(found - cumulative_.begin(), cumulative_.size() - 1));
  }
  double weight(uint32_t item) const { return weights_[item]; }
  double total() const { return cumulative_.empty() ? 0 : cumulative_.back(); }

 private:
  std::vector<double> weights_;
  std::vector<double> cumulative_;
};

// `count` items with taken[item] == 0; sets taken for them. Rejection first, then, for a user who has touched most of
// what is drawn, one exact pass over what is left (Efraimidis and Spirakis, 2006: the largest u^(1/w)).
std::vector<uint32_t> DrawFor(const ItemSampler& sampler, uint32_t count, std::vector<uint8_t>* taken,
                              std::mt19937_64* generator) {
  std::vector<uint32_t> drawn;
  for (uint64_t tries = 0; drawn.size() < count && tries < 8 * uint64_t{count} && sampler.total() > 0; ++tries) {
    const uint32_t item = sampler.Draw(generator);
    if ((*taken)[item] != 0 || sampler.weight(item) == 0) continue;
    (*taken)[item] = 1;
    drawn.push_back(item);
  }
  if (drawn.size() == count) return drawn;
  std::vector<std::pair<double, uint32_t>> keys;
  for (uint32_t item = 0; item < taken->size(); ++item) {
    if ((*taken)[item] != 0 || sampler.weight(item) == 0) continue;
    keys.emplace_back(std::log(1.0 - UniformUnit(generator)) / sampler.weight(item), item);
  }
  const size_t more = std::min<size_t>(count - drawn.size(), keys.size());
  std::partial_sort(keys.begin(), keys.begin() + static_cast<int64_t>(more), keys.end(), std::greater<>());
  for (size_t i = 0; i < more; ++i) {
    (*taken)[keys[i].second] = 1;
    drawn.push_back(keys[i].second);
  }
  return drawn;
}

}  // namespace

Candidates SampleNegatives(const EventLog& log, const Split& split, const NegativeOptions& options) {
  std::vector<double> weights(log.item_ids.size(), options.by_popularity ? 0.0 : 1.0);
  if (options.by_popularity) {
    for (uint32_t row : split.train) ++weights[log.item[row]];
  }
  const ItemSampler sampler(std::move(weights));
  std::map<uint32_t, std::vector<uint32_t>> relevant;
  for (uint32_t row : split.test) relevant[log.user[row]].push_back(log.item[row]);

  Candidates out;
  const UserRows rows(log);
  std::mt19937_64 generator(options.seed);
  std::vector<uint8_t> taken(log.item_ids.size(), 0);
  for (auto& [user, items] : relevant) {
    std::sort(items.begin(), items.end());
    items.erase(std::unique(items.begin(), items.end()), items.end());
    for (uint32_t row : rows.Of(user)) taken[log.item[row]] = 1;
    std::vector<uint32_t> negatives = DrawFor(sampler, options.per_user, &taken, &generator);
    for (uint32_t row : rows.Of(user)) taken[log.item[row]] = 0;
    for (uint32_t item : negatives) taken[item] = 0;
    std::sort(negatives.begin(), negatives.end());
    out.users.push_back(user);
    out.relevant.push_back(std::move(items));
    out.negatives.push_back(std::move(negatives));
  }
  return out;
}

absl::Status WriteCandidates(const EventLog& log, const Candidates& candidates, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvWriter> csv, CsvWriter::Create(path));
  csv->Row({"user_id", "item_id", "relevant"});
  for (size_t i = 0; i < candidates.users.size(); ++i) {
    const std::string& user = log.user_ids[candidates.users[i]];
    for (uint32_t item : candidates.relevant[i]) csv->Row({user, log.item_ids[item], "1"});
    for (uint32_t item : candidates.negatives[i]) csv->Row({user, log.item_ids[item], "0"});
  }
  return csv->Finish();
}

absl::StatusOr<Candidates> ReadCandidates(const EventLog& log, const std::string& path) {
  ASSIGN_OR_RETURN(const std::unique_ptr<CsvReader> csv, CsvReader::Open(path));
  ASSIGN_OR_RETURN(const size_t user_column, csv->Column("user_id"));
  ASSIGN_OR_RETURN(const size_t item_column, csv->Column("item_id"));
  ASSIGN_OR_RETURN(const size_t relevant_column, csv->Column("relevant"));
  std::unordered_map<std::string_view, uint32_t> users, items;
  for (uint32_t i = 0; i < log.user_ids.size(); ++i) users.emplace(log.user_ids[i], i);
  for (uint32_t i = 0; i < log.item_ids.size(); ++i) items.emplace(log.item_ids[i], i);
  std::map<uint32_t, std::pair<std::vector<uint32_t>, std::vector<uint32_t>>> of_user;  // negatives, relevant
  while (true) {
    ASSIGN_OR_RETURN(const bool more, csv->Next());
    if (!more) break;
    const auto user = users.find(csv->Field(user_column));
    const auto item = items.find(csv->Field(item_column));
    for (const auto& [missing, column] :
         {std::pair(user == users.end(), user_column), std::pair(item == items.end(), item_column)}) {
      if (missing) return csv->ErrorAt(column, StrCat(Shown(csv->Field(column)), " is no id of the events"));
    }
    const std::string_view relevant = csv->Field(relevant_column);
    if (relevant != "0" && relevant != "1") {
      return csv->ErrorAt(relevant_column, StrCat("found ", Shown(relevant), ", expected 0 or 1"));
    }
    auto& lists = of_user[user->second];
    (relevant == "1" ? lists.second : lists.first).push_back(item->second);
  }
  Candidates out;
  for (auto& [user, lists] : of_user) {
    for (std::vector<uint32_t>* list : {&lists.first, &lists.second}) {
      std::sort(list->begin(), list->end());
      list->erase(std::unique(list->begin(), list->end()), list->end());
    }
    out.users.push_back(user);
    out.negatives.push_back(std::move(lists.first));
    out.relevant.push_back(std::move(lists.second));
  }
  return out;
}

}  // namespace kindred
