#include "clients/cli/load_report.h"

#include <iostream>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/query_call.h"
#include "clients/cli/text_table.h"

namespace kindred {
namespace {

using Column = TextTable::Column;
constexpr auto kRight = TextTable::Align::kRight;

std::string Millis(int64_t micros) { return absl::StrFormat("%.2f", static_cast<double>(micros) / 1000); }

// "3 trained_vector, 5 live_profile".
std::string List(const std::map<std::string, uint64_t>& counts) {
  std::string text;
  for (const auto& [name, count] : counts) absl::StrAppend(&text, text.empty() ? "" : ", ", count, " ", name);
  return text;
}

void Line(const char* what, const std::string& text) {
  if (!text.empty()) std::cout << what << text << "\n";
}

std::string MethodTable(const LoadCounts& counts) {
  TextTable table({Column{"call"}, Column{"ok", kRight}, Column{"failed", kRight}, Column{"p50 ms", kRight},
                   Column{"p90", kRight}, Column{"p99", kRight}, Column{"p99.9", kRight}, Column{"max", kRight}});
  const auto add = [&](const char* name, const LoadHistogram& latency, uint64_t failed) {
    table.AddRow({name, absl::StrCat(latency.count()), absl::StrCat(failed), Millis(latency.Quantile(0.5)),
                  Millis(latency.Quantile(0.9)), Millis(latency.Quantile(0.99)), Millis(latency.Quantile(0.999)),
                  Millis(latency.max())});
  };
  for (size_t m = 0; m < kLoadMethods; ++m) {
    uint64_t failed = 0;
    std::string codes;
    for (const auto& [code, count] : counts.calls[m]) {
      if (code == absl::StatusCode::kOk) continue;
      failed += count;
      absl::StrAppend(&codes, codes.empty() ? "" : ", ", count, " ", absl::StatusCodeToString(code));
    }
    if (counts.calls[m].empty()) continue;
    add(MethodName(static_cast<LoadMethod>(m)), counts.latencies[m], failed);
    if (!codes.empty()) table.AddNote(codes);
  }
  add("all", counts.AllLatencies(), counts.failed());
  return table.ToString();
}

}  // namespace

void LoadReport::Start(const nlohmann::ordered_json& head) {
  start_ = head.at("start");
  if (json_) {
    PrintJson(head);
    std::cout << std::flush;
    return;
  }
  std::cout << "second     ok  failed   p50 ms      p99      max  degraded\n" << std::flush;
}

void LoadReport::Ended(int64_t second, const LoadOutcome& outcome) {
  Second& its = seconds_[second];
  --its.open;
  its.counts.Add(outcome);
}

void LoadReport::Flush(int64_t now) {
  while (!seconds_.empty() && seconds_.begin()->first < now && seconds_.begin()->second.open == 0) {
    const auto& [number, second] = *seconds_.begin();
    Print(number, second.counts);
    total_.Add(second.counts);
    seconds_.erase(seconds_.begin());
  }
}

void LoadReport::Print(int64_t number, const LoadCounts& counts) const {
  if (json_) {
    nlohmann::ordered_json line{{"second", number}, {"time", start_ + static_cast<double>(number)}};
    line.update(ToJson(counts));
    PrintJson(line);
  } else {
    const LoadHistogram latency = counts.AllLatencies();
    const std::string line = absl::StrFormat("%6d %6d %7d %8s %8s %8s  %s", number, latency.count(), counts.failed(),
                                             Millis(latency.Quantile(0.5)), Millis(latency.Quantile(0.99)),
                                             Millis(latency.max()), List(counts.degradations));
    std::cout << absl::StripTrailingAsciiWhitespace(line) << "\n";
  }
  std::cout << std::flush;
}

void LoadReport::Finish(const LoadTotals& totals) {
  Flush(std::numeric_limits<int64_t>::max());
  if (json_) {
    nlohmann::ordered_json total = ToJson(total_);
    total.update(nlohmann::ordered_json{{"seconds", totals.seconds},
                                        {"acknowledged", totals.acknowledged},
                                        {"retries", totals.retries},
                                        {"given_up", totals.given_up}});
    PrintJson({{"total", total}});
    return;
  }
  std::cout << "\n" << MethodTable(total_);
  std::cout << absl::StrFormat("%d calls in %.1f s: %.0f a second\n", total_.ended(), totals.seconds,
                               static_cast<double>(total_.ended()) / totals.seconds);
  Line("sources: ", List(total_.sources));
  Line("degraded: ", List(total_.degradations));
  Line("models: ", List(total_.models));
  if (totals.acknowledged > 0 || totals.given_up > 0) {
    std::cout << absl::StrFormat("updates: %d acknowledged, %d calls sent again, %d given up\n", totals.acknowledged,
                                 totals.retries, totals.given_up);
  }
  if (total_.foreign > 0) std::cout << "ANSWERS WITH ANOTHER USER'S EVENTS: " << total_.foreign << "\n";
}

}  // namespace kindred
