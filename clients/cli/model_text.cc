#include "clients/cli/model_text.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "clients/cli/text_parts.h"
#include "clients/cli/text_table.h"
#include "clients/cli/transfer_progress.h"
#include "clients/cli/words.h"

namespace kindred {
namespace {

constexpr size_t kDigestShown = 12;

std::string Percent(double percent) { return absl::StrFormat("%g %%", percent); }

std::string CountText(uint64_t count) { return count == 0 ? "" : WithCommas(count); }

std::string AgeOf(const google::protobuf::Timestamp& time, absl::Time now) {
  if (time.seconds() <= 0) return "";
  return AgeText(now - absl::FromUnixSeconds(time.seconds()));
}

bool UnderWay(const v1::ModelVersion& version) {
  return version.state() == v1::VERSION_STATE_VERIFYING || version.state() == v1::VERSION_STATE_WARMING;
}

TextTable VersionTable() {
  constexpr auto kRight = TextTable::Align::kRight;
  return TextTable({{"model"},
                    {"version", kRight},
                    {"state"},
                    {"serving"},
                    {"labels"},
                    {"items", kRight},
                    {"users", kRight},
                    {"size", kRight},
                    {"digest"},
                    {"age", kRight},
                    {"reason", TextTable::Align::kLeft, SIZE_MAX}});
}

void AddVersions(const v1::ServedModel& model, absl::Time now, TextTable* table) {
  for (const v1::ModelVersion& version : model.versions()) {
    std::string state = StateWord(version.state());
    if (UnderWay(version)) absl::StrAppend(&state, absl::StrFormat(" %.0f %%", version.progress() * 100));
    if (version.poisoned()) absl::StrAppend(&state, ", poisoned");
    table->AddRow({model.model(), absl::StrCat(version.version()), state, version.serving() ? "yes" : "",
                   LabelText(model, version), CountText(version.n_items()), CountText(version.n_users()),
                   version.bytes() == 0 ? "" : SizeText(version.bytes()), version.digest().substr(0, kDigestShown),
                   AgeOf(version.create_time(), now), version.reason()});
  }
}

std::string DriftText(const v1::VersionDrift& drift) {
  return absl::StrFormat(
      "against the version that served, over %d users or histories: %.0f %% of the ten best items in common, "
      "touched items rank at %.3f (%.3f), %.0f %% of its items",
      drift.subjects(), drift.overlap() * 100, drift.own_rank(), drift.live_own_rank(), drift.catalogue() * 100);
}

std::string ShadowText(const v1::ShadowComparison& shadow) {
  return absl::StrFormat(
      "shadow: version %d, %s answers compared (%s failed, %s left out): %.1f %% of items in common, scores shifted by "
      "%.2g, %.2f times the time",
      shadow.version(), WithCommas(shadow.compared()), WithCommas(shadow.failed()), WithCommas(shadow.dropped()),
      shadow.overlap() * 100, shadow.score_shift(), shadow.latency_ratio());
}

// What a table has no room for.
std::string Details(const v1::ModelVersion& version, absl::Time now) {
  std::string text = Line(absl::StrCat("version ", version.version(), ": ", version.path()));
  const std::string age = AgeOf(version.state_time(), now);
  absl::StrAppend(&text, Line(absl::StrCat("  ", StateText(version), age.empty() ? "" : ", for ", age)));
  if (version.digest().empty()) return text;
  absl::StrAppend(&text, Line(absl::StrCat("  digest ", version.digest())),
                  Line(absl::StrFormat("  loaded in %.2f s, %s golden queries", version.load_seconds(),
                                       WithCommas(version.golden_queries()))));
  if (version.state() == v1::VERSION_STATE_READY) {
    absl::StrAppend(&text, Line(version.hybrid_ready() ? "  hybrid: ready" : "  hybrid: no, it has no content"));
  }
  const v1::VersionMemory& memory = version.memory();
  if (version.has_memory()) {
    absl::StrAppend(&text, Line(absl::StrCat("  memory: ", SizeText(memory.bundle()), " beside ",
                                             SizeText(memory.resident()), " in use; ", SizeText(memory.available()),
                                             " were left, ", SizeText(memory.headroom()), " of it to stay free")));
  }
  if (version.drift().subjects() > 0) absl::StrAppend(&text, Line("  " + DriftText(version.drift())));
  return text;
}

}  // namespace

std::string SizeText(uint64_t bytes) {
  static constexpr std::array<const char*, 5> kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto size = static_cast<double>(bytes);
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < kUnits.size(); ++unit) size /= 1024;
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.1f %s", size, kUnits[unit]);
}

std::string AgeText(absl::Duration age) {
  static constexpr std::array<std::pair<int64_t, const char*>, 4> kUnits = {
      {{86'400, "d"}, {3'600, "h"}, {60, "min"}, {1, "s"}}};
  const int64_t seconds = absl::ToInt64Seconds(age);
  if (seconds <= 0) return "";
  for (const auto& [length, name] : kUnits) {
    if (seconds >= 2 * length) return absl::StrCat(seconds / length, " ", name);
  }
  return absl::StrCat(seconds, " s");
}

std::string StateText(const v1::ModelVersion& version) {
  std::string text = StateWord(version.state());
  if (version.poisoned()) absl::StrAppend(&text, ", poisoned");
  if (UnderWay(version)) {
    absl::StrAppend(&text, ": ", version.step(), version.step().empty() ? "" : ", ",
                    absl::StrFormat("%.0f %%", version.progress() * 100));
  } else if (!version.reason().empty()) {
    const bool with_step = version.state() == v1::VERSION_STATE_FAILED && !version.step().empty();
    absl::StrAppend(&text, with_step ? " at " : "", with_step ? version.step() : "", ": ", version.reason());
  }
  return text;
}

std::string LabelText(const v1::ServedModel& model, const v1::ModelVersion& version) {
  std::vector<std::string> labels;
  for (const std::string& label : version.labels()) {
    const auto share = std::find_if(model.labels().begin(), model.labels().end(), [&](const v1::VersionLabel& known) {
      return known.label() == label && known.version() == version.version();
    });
    const bool shared = share != model.labels().end() && share->percent() > 0;
    labels.push_back(shared ? absl::StrCat(label, " ", Percent(share->percent())) : label);
  }
  return absl::StrJoin(labels, ", ");
}

std::string ToText(const v1::ListModelsResponse& response, absl::Time now) {
  if (response.models().empty()) return "no models\n";
  TextTable table = VersionTable();
  for (const v1::ServedModel& model : response.models()) AddVersions(model, now, &table);
  return table.ToString();
}

std::string ToText(const v1::ServedModel& model, absl::Time now) {
  std::string text = Line(absl::StrCat(
      "model ", model.model(), ": ",
      model.serving_version() == 0 ? "nothing serves" : absl::StrCat("version ", model.serving_version(), " serves"),
      ", policy ", PolicyWord(model.policy())));
  for (const v1::VersionLabel& label : model.labels()) {
    absl::StrAppend(&text, Line(absl::StrCat("label ", label.label(), ": version ", label.version(),
                                             label.percent() > 0 ? ", " + Percent(label.percent()) : "")));
  }
  if (model.has_shadow()) absl::StrAppend(&text, Line(ShadowText(model.shadow())));
  TextTable table = VersionTable();
  AddVersions(model, now, &table);
  absl::StrAppend(&text, "\n", table.ToString());
  for (const v1::ModelVersion& version : model.versions()) absl::StrAppend(&text, "\n", Details(version, now));
  return text;
}

std::string ToText(const std::string& model, const v1::ModelVersion& version) {
  std::string text = absl::StrCat(model, " ", version.version(), ": ", StateText(version));
  if (!version.digest().empty()) {
    absl::StrAppend(&text, absl::StrFormat(", %s items, %s users, %s, digest %s, loaded in %.2f s, %s golden queries",
                                           WithCommas(version.n_items()), WithCommas(version.n_users()),
                                           SizeText(version.bytes()), version.digest().substr(0, kDigestShown),
                                           version.load_seconds(), WithCommas(version.golden_queries())));
  }
  text = Line(text);
  if (version.drift().subjects() > 0) absl::StrAppend(&text, Line(DriftText(version.drift())));
  return text;
}

}  // namespace kindred
