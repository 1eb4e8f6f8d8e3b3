#include "clients/cli/load_command.h"

#include <algorithm>
#include <iostream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "clients/cli/json_parts.h"
#include "clients/cli/load_check.h"
#include "clients/cli/load_runner.h"
#include "clients/cli/query_call.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// The largest page of the API.
constexpr int32_t kMaxPageSize = 1'000;
// Lines about single updates on standard error; --json has them all.
constexpr size_t kShownUpdates = 20;

struct LoadCommand {
  LoadOptions options;
  double updates = 0.2, profile_reads = 0;
  uint32_t n_users = 1'000;
  std::string user_prefix = "load-", user_file, item_file, ledger, check;
  uint64_t seed = 1;
  double within_s = 10;
  bool json = false;

  int Run() const { return check.empty() ? Load() : Check(); }

  QueryCall Asking(const std::string& server) const {
    QueryCall call;
    call.server = server;
    call.timeout_seconds = options.deadline_s;
    call.json = json;
    return call;
  }

  int Load() const {
    LoadWorkloadOptions work;
    work.updates = updates;
    work.profile_reads = profile_reads;
    work.seed = seed;
    if (updates + profile_reads > 1) {
      return Wrong(absl::StrCat("--updates ", updates, " and --profile-reads ", profile_reads,
                                " are more than 1 together; they are shares of all calls"));
    }
    work.run = absl::StrFormat("load-%08x%08x", std::random_device{}(),
                               static_cast<uint32_t>(absl::ToUnixMillis(absl::Now())));
    if (const int code = ReadIds(&work); code != 0) return code;
    LedgerWriter writer;
    if (!ledger.empty()) {
      if (const absl::Status status = writer.Open(ledger); !status.ok()) return Wrong(std::string(status.message()));
    }
    const int64_t start_ms = absl::ToUnixMillis(absl::Now());
    const size_t users = work.users.size(), items = work.items.size();
    nlohmann::ordered_json head{{"start", static_cast<double>(start_ms) / 1000},
                                {"run", work.run},
                                {"seed", seed},
                                {"servers", options.servers}};
    options.rps > 0 ? head["rps"] = options.rps : head["callers"] = options.callers;
    head.update({{"updates", updates}, {"profile_reads", profile_reads}, {"users", users}, {"items", items}});
    if (!json) {
      std::cout << (options.rps > 0 ? absl::StrFormat("%g calls a second", options.rps)
                                    : absl::StrFormat("%d callers", options.callers))
                << absl::StrFormat(" for %g s, %g %% updates, %d users, %d items, seed %d\n\n", options.duration_s,
                                   updates * 100, users, items, seed);
    }
    LoadReport report(json);
    LoadWorkload workload(std::move(work));
    LoadRunner runner(options, user_file.empty(), &workload, &writer, &report);
    report.Start(head);
    const absl::Status status = runner.Run(start_ms);
    report.Finish(runner.totals());
    if (!status.ok()) return Wrong(std::string(status.message()));
    const LoadTotals& totals = runner.totals();
    return report.total().failed() > 0 || totals.given_up > 0 || report.total().foreign > 0 ? 1 : 0;
  }

  // Exit code.
  int ReadIds(LoadWorkloadOptions* work) const {
    if (user_file.empty()) {
      // What an explanation names has no time, so users of an earlier load, which may have had another catalogue, could
      // not be told from others'.
      const std::string prefix = options.explain ? absl::StrCat(user_prefix, work->run, "-") : user_prefix;
      work->users.reserve(n_users);
      for (uint32_t u = 0; u < n_users; ++u) work->users.push_back(absl::StrCat(prefix, u));
    }
    for (const auto& status : {AppendIds(user_file, &work->users), AppendIds(item_file, &work->items)}) {
      if (!status.ok()) return Wrong(std::string(status.message()));
    }
    if (item_file.empty()) {
      const QueryCall call = Asking(options.servers.front());
      v1::RecommendRequest request;
      request.set_model(options.model);
      request.set_page_size(kMaxPageSize);
      const auto answer = RecommendClient(call.server, call.Options()).Recommend(request);
      if (!answer.ok()) return PrintError(call, answer.status());
      for (const v1::RecommendedItem& item : answer->items()) work->items.push_back(item.item_id());
    }
    std::sort(work->items.begin(), work->items.end());
    if (work->users.empty()) return Wrong(absl::StrCat(user_file, ": has no user; expected one id a line"));
    if (work->items.empty()) return Wrong("no items: give --items, or a server whose model has some");
    return 0;
  }

  int Check() const {
    const auto entries = ReadLedger(check);
    if (!entries.ok()) return Wrong(std::string(entries.status().message()));
    int code = 0;
    for (const std::string& server : options.servers) {
      const QueryCall call = Asking(server);
      const auto result = CheckLedger(*entries, server, options.model, call.Options(), within_s);
      if (!result.ok()) return PrintError(call, result.status());
      Print(server, *result);
      if (!result->ok()) code = 1;
    }
    return code;
  }

  void Print(const std::string& server, const LedgerCheck& result) const {
    if (json) {
      return PrintJson({{"server", server},
                        {"users", result.users},
                        {"updates", result.updates},
                        {"found", result.found},
                        {"missing", ListOf(result.missing)},
                        {"doubled", ListOf(result.doubled)},
                        {"beyond", result.beyond},
                        {"unread", result.unread}});
    }
    std::cout << absl::StrFormat("%s: %d acknowledged updates of %d users: %d found, %d missing, %d doubled", server,
                                 result.updates, result.users, result.found, result.missing.size(),
                                 result.doubled.size());
    if (result.beyond > 0) std::cout << ", " << result.beyond << " older than a full history";
    if (result.unread > 0) std::cout << ", " << result.unread << " users whose profile could not be read";
    std::cout << "\n";
    for (const auto& [what, list] : {std::pair("missing", &result.missing), std::pair("doubled", &result.doubled)}) {
      for (size_t n = 0; n < std::min(list->size(), kShownUpdates); ++n) {
        std::cerr << "kindred: " << what << ": " << (*list)[n] << "\n";
      }
    }
  }

  static int Wrong(const std::string& message) {
    std::cerr << "kindred: " << message << "\n";
    return 1;
  }
};

void AddShape(CLI::App* command, LoadCommand* run) {
  CLI::Option* rps = command
                         ->add_option("--rps", run->options.rps,
                                      "Calls a second, sent when they are due whatever became of the ones before")
                         ->check(CLI::Range(0.1, 1e6));
  command->add_option("--callers", run->options.callers, "Callers that each wait for their answer (default: 8)")
      ->check(CLI::Range(1, 10'000))
      ->excludes(rps);
  command->add_option("--duration", run->options.duration_s, "Seconds")
      ->check(CLI::Range(0.1, 1e6))
      ->capture_default_str();
  command->add_option("--calls", run->options.calls, "End after so many calls, if that is sooner")
      ->check(CLI::Range(uint64_t{1}, uint64_t{1} << 40));
  command->add_option("--deadline", run->options.deadline_s, "Seconds that a call may take")
      ->check(CLI::Range(0.001, 3600.0))
      ->capture_default_str();
  command->add_option("--connections", run->options.connections, "Connections to each server")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();
  const CLI::Range share(0.0, 1.0);
  command->add_option("--updates", run->updates, "Share of UpdateProfile, each with one event")
      ->check(share)
      ->capture_default_str();
  command->add_option("--profile-reads", run->profile_reads, "Share of GetProfile; the rest is Recommend")
      ->check(share)
      ->capture_default_str();
  command
      ->add_option("--duplicates", run->options.duplicates,
                   "Share of updates that are sent twice at once with one update_id, to two servers where there are")
      ->check(share);
  command->add_flag("--retry", run->options.retry,
                    "Send updates that failed again, with their update_id, until they are acknowledged");
  command->add_option("--retry-for", run->options.retry_for_s, "Seconds after the load in which to send them again")
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
}

void AddSubjects(CLI::App* command, LoadCommand* run) {
  CLI::Option* users = AddIdFile(command, "--users", &run->user_file, "Users");
  command->add_option("--generate-users", run->n_users, "Users load-0, load-1, … where there is no --users")
      ->check(CLI::Range(1, 10'000'000))
      ->excludes(users)
      ->capture_default_str();
  command->add_option("--user-prefix", run->user_prefix, "What generated users begin with")
      ->excludes(users)
      ->capture_default_str();
  AddIdFile(command, "--items", &run->item_file, "Items of events (default: the server's best thousand)");
  command->add_option("--model", run->options.model, "The model, where the server has several");
  command->add_option("-k", run->options.page_size, "Items to recommend")
      ->check(CLI::Range(1, kMaxPageSize))
      ->capture_default_str();
  command->add_flag("--explain", run->options.explain,
                    "Ask for explanations, and check whose items they name; generated users are this run's own");
  command->add_option("--seed", run->seed, "Of users and calls")->envname("KINDRED_SEED")->capture_default_str();
}

}  // namespace

void AddLoadCommand(CLI::App& app, int* exit_code) {
  const auto run = std::make_shared<LoadCommand>();
  CLI::App* command = app.add_subcommand("load", "Put a running server under load, and check that nothing was lost");
  command->footer(
      "Latencies with --rps count from when a call was due. Every event names an item and a time that tell its user;\n"
      "an answer that carries another user's is counted as foreign. Ctrl-C ends a load early, with its report.\n"
      "Exit codes: 0 no call failed (--check-ledger: nothing is missing or doubled), 1 otherwise.\n"
      "\n"
      "Examples:\n"
      "  kindred load --rps 2000 --duration 60\n"
      "  kindred load --callers 64 --updates 0 --json\n"
      "  kindred load --server 10.0.0.1:50051 --server 10.0.0.2:50051 --rps 500 --retry --ledger acknowledged.jsonl\n"
      "  kindred load --check-ledger acknowledged.jsonl --server 10.0.0.1:50051");
  command->callback([=] {
    if (run->options.rps == 0 && run->options.callers == 0) run->options.callers = 8;
    *exit_code = run->Run();
  });
  command->add_option("--server", run->options.servers, "Address of kindred-server; several take turns")
      ->envname("KINDRED_SERVER")
      ->capture_default_str();
  AddShape(command, run.get());
  AddSubjects(command, run.get());
  command->add_flag("--json", run->json, "Print JSON, one object a line: a head, a line a second, the total");
  command->add_option("--ledger", run->ledger, "Append every acknowledged update to this file")->type_name("FILE");
  CLI::Option* check = command->add_option("--check-ledger", run->check, "No load: are the file's updates there?")
                           ->check(CLI::ExistingFile)
                           ->type_name("FILE");
  command->add_option("--within", run->within_s, "Seconds in which they have to turn up")
      ->needs(check)
      ->check(CLI::Range(0.0, 3600.0))
      ->capture_default_str();
}

}  // namespace kindred
