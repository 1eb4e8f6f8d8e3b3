#include "server/status_page.h"

#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "core/base/str_cat.h"
#include "core/engine/hybrid.h"
#include "core/kernels/dispatch.h"
#include "server/build_info.h"

namespace kindred {
namespace {

constexpr std::string_view kStyle =
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#1b1f24}"
    "h1{font-size:1.4rem}h2{font-size:1.05rem;margin:2rem 0 .4rem}"
    "table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .8rem .25rem 0;"
    "border-bottom:1px solid #d8dee4;vertical-align:top}td.n,th.n{text-align:right}"
    "code{font-size:.85rem;word-break:break-all}.ready{color:#1a7f37}.loading,.draining{color:#bc4c00}"
    "@media(prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}td,th{border-color:#30363d}}";

std::string Uptime(double seconds) {
  const auto total = static_cast<int64_t>(seconds);
  if (total < 60) return StrCat(total, " s");
  if (total < 3600) return absl::StrFormat("%d min %d s", total / 60, total % 60);
  return absl::StrFormat("%d d %d h %d min", total / 86400, total / 3600 % 24, total / 60 % 60);
}

void AppendRow(std::string_view name, std::string_view value, std::string* html) {
  StrAppend(html, "<tr><td>", EscapeHtml(name), "</td><td>", EscapeHtml(value), "</td></tr>\n");
}

void AppendModels(const std::vector<ModelHandle>& models, std::string* html) {
  StrAppend(html,
            "<h2>Models</h2>\n<table><tr><th>Model</th><th>Version</th><th class=n>Items</th><th "
            "class=n>Users</th><th>Spaces</th><th>Hybrid</th><th>Digest</th></tr>\n");
  for (const ModelHandle& model : models) {
    std::string spaces;
    for (const auto& space : model->spaces()) {
      StrAppend(&spaces, spaces.empty() ? "" : ", ", space->name, " (", space->spec.family, ", ", space->spec.dim, ")");
    }
    absl::StrAppendFormat(html,
                          "<tr><td>%s</td><td>%s</td><td class=n>%d</td><td class=n>%d</td><td>%s</td>"
                          "<td>%s</td><td><code>%s</code></td></tr>\n",
                          EscapeHtml(model->name()), EscapeHtml(model->version()), model->n_items(), model->n_users(),
                          EscapeHtml(spaces), IsHybridReady(*model) ? "ready" : "no", EscapeHtml(model->digest()));
  }
  StrAppend(html, "</table>\n");
}

// "ready, serves", or why not and how far.
std::string StateText(const VersionStatus& version) {
  std::string text(VersionStateName(version.state));
  if (version.serving) StrAppend(&text, ", serves");
  if (version.poisoned) StrAppend(&text, ", damaged");
  const bool at_work = version.state == VersionState::kVerifying || version.state == VersionState::kWarming;
  if (at_work && !version.step.empty()) {
    absl::StrAppendFormat(&text, ": %s, %.0f %%", version.step, version.progress * 100);
  }
  if (!version.reason.empty()) StrAppend(&text, ": ", version.reason);
  return text;
}

void AppendVersions(const ModelsSnapshot& snapshot, std::string* html) {
  StrAppend(html,
            "<h2>Versions</h2>\n<table><tr><th>Model</th><th class=n>Version</th><th>State</th><th>Labels</th>"
            "<th class=n>Load</th><th class=n>Overlap</th></tr>\n");
  for (const ModelStatus& model : snapshot.models) {
    for (const VersionStatus& version : model.versions) {
      std::string labels;
      for (const LabelStatus& label : model.labels) {
        if (label.version != version.version) continue;
        StrAppend(&labels, labels.empty() ? "" : ", ", label.label);
        if (label.share > 0) absl::StrAppendFormat(&labels, " (%g %%)", 100.0 * label.share / kWholeShare);
      }
      absl::StrAppendFormat(
          html, "<tr><td>%s</td><td class=n>%d</td><td>%s</td><td>%s</td><td class=n>%s</td><td class=n>%s</td></tr>\n",
          EscapeHtml(model.model), version.version, EscapeHtml(StateText(version)), EscapeHtml(labels),
          version.load_seconds > 0 ? absl::StrFormat("%.2f s", version.load_seconds) : "–",
          version.drift.subjects > 0 ? absl::StrFormat("%.2f", version.drift.overlap) : "–");
    }
  }
  StrAppend(html, "</table>\n");
  if (snapshot.shadows.empty()) return;
  StrAppend(
      html,
      "<h2>Shadows</h2>\n<table><tr><th>Model</th><th>Version</th><th class=n>Compared</th><th class=n>Failed"
      "</th><th class=n>Dropped</th><th class=n>Overlap</th><th class=n>Score shift</th><th class=n>Time</th></tr>\n");
  for (const ShadowFigures& shadow : snapshot.shadows) {
    absl::StrAppendFormat(html,
                          "<tr><td>%s</td><td>%s</td><td class=n>%d</td><td class=n>%d</td><td class=n>%d</td>"
                          "<td class=n>%.3f</td><td class=n>%.3f</td><td class=n>%.2f ×</td></tr>\n",
                          EscapeHtml(shadow.model), EscapeHtml(shadow.version), shadow.compared, shadow.failed,
                          shadow.dropped, shadow.overlap, shadow.score_shift, shadow.latency_ratio);
  }
  StrAppend(html, "</table>\n");
}

void AppendCallRows(const rpc::CallStats& calls, std::string* html) {
  for (uint32_t method = 0; method < calls.methods().size(); ++method) {
    uint64_t ok = 0, failed = 0, ns = 0;
    for (uint32_t worker = 0; worker < calls.workers(); ++worker) {
      const rpc::CallCounters& cell = calls.cell(method, worker);
      ok += cell.handled[0].value();
      for (size_t code = 1; code < rpc::kStatusCodes; ++code) failed += cell.handled[code].value();
      ns += cell.handling_ns.value();
    }
    const uint64_t all = ok + failed;
    absl::StrAppendFormat(
        html, "<tr><td>%s</td><td class=n>%d</td><td class=n>%d</td><td class=n>%s</td></tr>\n",
        EscapeHtml(calls.methods()[method].method), all, failed,
        all == 0 ? "–" : absl::StrFormat("%.1f µs", static_cast<double>(ns) / 1e3 / static_cast<double>(all)));
  }
}

void AppendProfiles(const ProfileStore& store, const ProfileWriter* writer, std::string* html) {
  const ProfileStoreCounts counts = store.counts();
  StrAppend(html, "<h2>Profiles</h2>\n<table>\n");
  AppendRow("Store", store.name(), html);
  AppendRow("Read",
            absl::StrFormat("%d found, %d not there, %d damaged, %d failed", counts.hits, counts.misses, counts.corrupt,
                            counts.errors),
            html);
  if (writer != nullptr) {
    const ProfileWriterCounts& written = writer->counts();
    AppendRow(
        "Updates",
        absl::StrFormat("%d applied, %d duplicate, %d failed, %d shed, %d waiting", written.applied.load(),
                        written.duplicates.load(), written.failed.load(), written.shed.load(), written.queued.load()),
        html);
    AppendRow("Deletions",
              absl::StrFormat("%d deleted, %d of nothing, %d failed, %d shed", written.deleted.load(),
                              written.absent.load(), written.delete_failed.load(), written.delete_shed.load()),
              html);
  }
  StrAppend(html, "</table>\n");
}

}  // namespace

std::string EscapeHtml(std::string_view text) {
  return absl::StrReplaceAll(absl::string_view(text.data(), text.size()),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string StatusPage(const StatusSnapshot& snapshot) {
  std::string html = StrCat(
      "<!doctype html>\n<html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">"
      "<title>kindred-server</title><style>",
      kStyle, "</style>\n<h1>kindred-server <span class=", EscapeHtml(snapshot.state), ">", EscapeHtml(snapshot.state),
      "</span></h1>\n<table>\n");
  AppendRow("gRPC", snapshot.grpc_address.empty() ? "not listening yet" : snapshot.grpc_address, &html);
  if (!snapshot.admin_grpc_address.empty()) AppendRow("Admin gRPC", snapshot.admin_grpc_address, &html);
  AppendRow("Up", Uptime(snapshot.uptime_seconds), &html);
  AppendRow("Kernels", KernelChoiceNote(), &html);
  AppendRow("Build", StrCat(kKindredVersion, ", ", kCompiler, ", ", kBuildType), &html);
  StrAppend(&html, "</table>\n");
  AppendModels(snapshot.models, &html);
  if (snapshot.versions.has_value()) AppendVersions(*snapshot.versions, &html);
  if (snapshot.store != nullptr) AppendProfiles(*snapshot.store, snapshot.writer, &html);
  if (snapshot.redis.has_value()) AppendRedis(*snapshot.redis, &html);
  if (snapshot.unavailable != nullptr) {
    StrAppend(&html, "<h2>Items</h2>\n<table>\n");
    AppendRow("Unavailable",
              absl::StrFormat("%d, version %d", snapshot.unavailable->size(), snapshot.unavailable->version()), &html);
    StrAppend(&html, "</table>\n");
  }
  if (snapshot.calls != nullptr) {
    StrAppend(&html,
              "<h2>Calls since the start</h2>\n<table><tr><th>Method</th><th class=n>Answered</th>"
              "<th class=n>Not OK</th><th class=n>Mean time</th></tr>\n");
    AppendCallRows(*snapshot.calls, &html);
    if (snapshot.admin_calls != nullptr) AppendCallRows(*snapshot.admin_calls, &html);
    StrAppend(&html, "</table>\n");
  }
  StrAppend(&html,
            "<p><a href=/metrics>/metrics</a> · <a href=/livez>/livez</a> · <a href=/readyz>/readyz</a></p>\n"
            "</html>\n");
  return html;
}

}  // namespace kindred
