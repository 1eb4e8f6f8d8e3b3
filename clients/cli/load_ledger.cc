#include "clients/cli/load_ledger.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

namespace kindred {

absl::Status LedgerWriter::Open(const std::string& path) {
  path_ = path;
  file_.open(path, std::ios::binary | std::ios::app);
  if (!file_) return absl::InvalidArgumentError(absl::StrCat(path, ": cannot be opened for writing"));
  return absl::OkStatus();
}

absl::Status LedgerWriter::Append(const LedgerEntry& entry) {
  if (!file_.is_open()) return absl::OkStatus();
  file_ << ToLine(entry) << "\n" << std::flush;
  if (file_) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path_, ": cannot be written to; is the disk full?"));
}

std::string ToLine(const LedgerEntry& entry) {
  const nlohmann::ordered_json line{{"user", entry.user},           {"update_id", entry.update_id},
                                    {"item", entry.item},           {"time_ms", entry.time_ms},
                                    {"version", entry.version},     {"durability", entry.durability},
                                    {"duplicate", entry.duplicate}, {"server", entry.server}};
  return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

absl::StatusOr<std::vector<LedgerEntry>> ReadLedger(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened; expected what --ledger wrote"));
  std::vector<LedgerEntry> entries;
  std::string line;
  for (size_t number = 1; std::getline(file, line) && !file.eof(); ++number) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    LedgerEntry entry;
    try {
      json.at("user").get_to(entry.user);
      json.at("update_id").get_to(entry.update_id);
      json.at("item").get_to(entry.item);
      json.at("time_ms").get_to(entry.time_ms);
      json.at("version").get_to(entry.version);
      json.at("durability").get_to(entry.durability);
      json.at("duplicate").get_to(entry.duplicate);
      json.at("server").get_to(entry.server);
    } catch (const nlohmann::json::exception&) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ":", number, ": is no line of a ledger; expected what --ledger wrote"));
    }
    entries.push_back(std::move(entry));
  }
  if (file.bad()) return absl::UnavailableError(absl::StrCat(path, ": cannot be read to its end"));
  return entries;
}

}  // namespace kindred
