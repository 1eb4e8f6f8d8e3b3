#include "clients/cli/recommend_commands.h"

#include <algorithm>
#include <iostream>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "clients/cli/answer_json.h"
#include "clients/cli/answer_text.h"
#include "clients/cli/batch_answers.h"
#include "clients/cli/call_log.h"
#include "clients/cli/logged_call.h"
#include "clients/cli/page_walk.h"
#include "clients/cli/query_call.h"
#include "clients/cli/recommend_arguments.h"
#include "clients/cpp/recommend_client.h"

namespace kindred {
namespace {

// Of one BatchRecommend, by the API; beyond it answers are streamed.
constexpr size_t kMaxBatchSubjects = 1'000;
constexpr int64_t kMaxBatchItems = 20'000;
// Of a page, by the API.
constexpr int32_t kMaxPageSize = 1'000;

struct RecommendCommand {
  QueryCall call;
  SubjectArguments subject;
  RecommendArguments what;
  std::string page_token;
  std::string log;
  int pages = 1;
  bool all = false, print_request = false;

  int Run() const {
    v1::RecommendRequest request;
    if (const absl::Status status = what.Fill(&request); !status.ok()) return PrintError(call, status);
    subject.Fill(request.mutable_subject());
    if (!log.empty()) TimeEvents(request.mutable_subject());
    if (request.subject().subject_case() == v1::Subject::SUBJECT_NOT_SET) request.clear_subject();
    request.set_page_token(page_token);
    if (print_request) {
      std::cout << MessageToJson(request) << "\n";
      return 0;
    }
    RecommendClient client(call.server, call.Options());
    const auto answer = RecommendPages(&client, request, all ? std::numeric_limits<int>::max() : pages);
    const int code = PrintAnswer(
        call, answer, [](const auto& response) { return ToJson(response); },
        [&](const auto& response) { return ToText(request, response); });
    if (code != 0 || log.empty()) return code;
    return LogCall(log, request, *answer, UsedProfile(request.model(), request.subject(), *answer, &client));
  }
};

struct BatchCommand {
  QueryCall call;
  RecommendArguments what;
  std::vector<std::string> users;
  std::string user_file;
  bool stream = false;

  int Run() const {
    v1::RecommendRequest request;
    std::vector<std::string> subjects = users;
    for (const auto& status : {what.Fill(&request), AppendIds(user_file, &subjects)}) {
      if (!status.ok()) return PrintError(call, status);
    }
    BatchAnswers answers(subjects, call);
    const absl::Status status = Ask(request, subjects, &answers);
    if (!status.ok()) return PrintError(call, status);
    if (answers.printed() < subjects.size()) {
      return PrintError(call, absl::InternalError("the server answered for " + std::to_string(answers.printed()) +
                                                  " of " + std::to_string(subjects.size()) + " users"));
    }
    if (answers.failed() == 0) return 0;
    std::cerr << "kindred: " << answers.failed() << " of " << subjects.size() << " users have no answer\n";
    return 1;
  }

  absl::Status Ask(const v1::RecommendRequest& request, const std::vector<std::string>& subjects,
                   BatchAnswers* answers) const {
    RecommendClient client(call.server, call.Options());
    const int64_t page = request.page_size() == 0 ? 10 : std::clamp(request.page_size(), 1, kMaxPageSize);
    if (!stream && subjects.size() <= kMaxBatchSubjects &&
        page * static_cast<int64_t>(subjects.size()) <= kMaxBatchItems) {
      v1::BatchRecommendRequest batch;
      *batch.mutable_request() = request;
      for (const std::string& user : subjects) batch.add_subjects()->set_user_id(user);
      const auto response = client.BatchRecommend(batch);
      if (!response.ok()) return response.status();
      for (int r = 0; r < response->results_size(); ++r) answers->Print(static_cast<size_t>(r), response->results(r));
      return absl::OkStatus();
    }
    v1::StreamRecommendRequest streamed;
    *streamed.mutable_request() = request;
    for (const std::string& user : subjects) streamed.add_subjects()->set_user_id(user);
    return client.StreamRecommend(streamed, [&](const v1::StreamRecommendResponse& message) {
      for (int r = 0; r < message.results_size(); ++r) {
        answers->Print(static_cast<size_t>(message.first()) + static_cast<size_t>(r), message.results(r));
      }
    });
  }
};

void AddRecommend(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<RecommendCommand>();
  CLI::App* command = query->add_subcommand("recommend", "The best items for a user, or for a few events");
  command->footer(
      "Filters: category:NAME, category:A,B (one of them), price 1..5, price >= 2, flag:NAME, flag:NAME=no,\n"
      "with not, and, or and ( ); names with spaces or signs in \"…\".\n"
      "\n"
      "Examples:\n"
      "  kindred query recommend --user 1234 -k 5\n"
      "  kindred query recommend --user 1234 --explain --exclude 1082185 981760\n"
      "  kindred query recommend --event 1082185 --event 981760:3:purchase --json\n"
      "  kindred query recommend --user 1234 --filter 'category:\"department:GROCERY\" and not price 10..'\n"
      "  kindred query recommend --user 1234 --diversity 0.7 --max-per-category 2 --category-prefix department:\n"
      "  kindred query recommend --user 1234 --boost category:department:PRODUCE=0.2 --boost 1082185,981760=-1\n"
      "  kindred query recommend --user 1234 -k 100 --pages 3\n"
      "  kindred query recommend --user 1234 --log calls.jsonl && kindred replay calls.jsonl");
  command->callback([=] {
    // The fewest calls, unless the pages' size was given.
    if (run->all && command->get_option("-k")->empty()) run->what.k = kMaxPageSize;
    *exit_code = run->Run();
  });
  AddCallOptions(command, &run->call);
  run->subject.AddTo(command);
  run->what.AddTo(command);
  command->add_option("--page-token", run->page_token, "Go on where the answer with this next_page_token stopped");
  CLI::Option* pages = command->add_option("--pages", run->pages, "Ask for so many pages and show them as one")
                           ->check(CLI::Range(1, 1'000'000))
                           ->capture_default_str();
  CLI::Option* all = command->add_flag("--all", run->all, "Ask for every page")->excludes(pages);
  AddLogOption(command, &run->log)->excludes(pages)->excludes(all);
  command->add_flag("--print-request", run->print_request,
                    "Print the request as JSON, for kindred replay --digest and grpcurl, and ask nobody");
}

void AddBatch(CLI::App* query, int* exit_code) {
  const auto run = std::make_shared<BatchCommand>();
  run->call.timeout_seconds = 60;
  CLI::App* command = query->add_subcommand("batch", "The best items for each of many users");
  command->footer(
      "Answers come in the users' order, with --json one object a line. Up to 1,000 users are one call, more are\n"
      "streamed. A user without an answer is named on standard error (with --json on a line of its own) and makes the\n"
      "exit code 1; the others have theirs.\n"
      "\n"
      "Examples:\n"
      "  kindred query batch 1234 676 -k 3\n"
      "  kindred query batch --user-file users.txt --ids-only --json");
  command->callback([=] { *exit_code = run->Run(); });
  AddCallOptions(command, &run->call);
  CLI::App* users = command->add_option_group("Users");
  users->add_option("USER", run->users, "User ids");
  AddIdFile(users, "--user-file", &run->user_file, "User ids");
  users->require_option(1, 0);  // one or both
  run->what.AddTo(command);
  command->add_flag("--stream", run->stream, "Stream the answers, however few they are");
}

}  // namespace

void AddRecommendCommands(CLI::App* query, int* exit_code) {
  AddRecommend(query, exit_code);
  AddBatch(query, exit_code);
}

}  // namespace kindred
