#include "trainer/commands/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/support/bundle_builder.h"
#include "tests/support/files.h"

namespace kindred {
namespace {

using kindred::testing::BundleBuilder;
using kindred::testing::ListDirectory;
using kindred::testing::PatchFile;
using kindred::testing::ReadFile;
using kindred::testing::TempDir;
using kindred::testing::WriteFile;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Outcome {
  int exit_code;
  std::string out, err;
};

// As the program: 0, 1 or 2.
Outcome RunKindred(std::vector<std::string> args) {
  CLI::App app("Kindred", "kindred");
  app.require_subcommand(1);
  Outcome outcome{0, "", ""};
  AddTrainerCommands(app, &outcome.exit_code);
  std::reverse(args.begin(), args.end());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  try {
    app.parse(args);
  } catch (const CLI::ParseError& error) {
    outcome.exit_code = app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  std::cout.flush();
  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

class CommandsTest : public ::testing::Test {
 protected:
  CommandsTest() {
    std::string text = "who,what,much\n";
    for (int u = 0; u < 12; ++u) {
      for (int i = 0; i < 9; ++i) {
        if ((u * 7 + i * 5) % 3 != 0)
          text += "u" + std::to_string(u) + ",i" + std::to_string(i) + "," + std::to_string(1 + (u * i) % 4) + "\n";
      }
    }
    WriteFile(events_, text);
  }
  std::vector<std::string> TrainArgs(const std::string& family) {
    return {"train",
            family,
            "--interactions",
            events_,
            "--user-column",
            "who",
            "--item-column",
            "what",
            "--value-column",
            "much",
            "--factors",
            "3",
            "--version",
            "9",
            "--quiet",
            "--out",
            out_};
  }

  TempDir dir_;
  std::string events_ = dir_.File("events.csv"), out_ = dir_.File("bundle.safetensors");
};

TEST_F(CommandsTest, TrainInspectVerify) {
  for (const char* family : {"svd", "nmf"}) {
    const Outcome train = RunKindred(TrainArgs(family));
    ASSERT_EQ(train.exit_code, kExitOk) << train.err;
    EXPECT_THAT(train.out, AllOf(HasSubstr("version 9"), HasSubstr("users         12"), HasSubstr("items         9"),
                                 HasSubstr(family)));
    const Outcome verify = RunKindred({"verify", out_});
    EXPECT_EQ(verify.exit_code, kExitOk) << verify.out;
    EXPECT_THAT(verify.out, AllOf(StartsWith("VALID\n"), HasSubstr(out_), HasSubstr("golden queries answered")));
    const Outcome inspect = RunKindred({"inspect", out_});
    EXPECT_EQ(inspect.exit_code, kExitOk) << inspect.err;
    EXPECT_THAT(inspect.out, AllOf(HasSubstr("sealed"), HasSubstr("collaborative"), HasSubstr("items.ids.index")));
    const Outcome json = RunKindred({"inspect", out_, "--json"});
    EXPECT_EQ(json.exit_code, kExitOk) << json.err;
    const auto parsed = nlohmann::json::parse(json.out, nullptr, false);
    ASSERT_TRUE(parsed.is_object()) << json.out;
    EXPECT_EQ(parsed["users"], 12);
    EXPECT_EQ(parsed["spaces"]["collaborative"]["family"], family);
    EXPECT_EQ(parsed["training"]["spaces"]["collaborative"]["figures"]["factors"], 3);
    EXPECT_EQ(parsed["tensors"].size() > 10, true);
  }
}

TEST_F(CommandsTest, UpdateTakesTheColumnsOfTheTraining) {
  std::string text = ReadFile(events_);
  std::string timed = "who,what,much,at\n";
  for (size_t at = text.find('\n') + 1; at < text.size();) {
    const size_t end = text.find('\n', at);
    timed += text.substr(at, end - at) + ",2024-01-01\n";
    at = end + 1;
  }
  WriteFile(events_, timed);
  std::vector<std::string> args = TrainArgs("nmf");
  args.insert(args.end(), {"--time-column", "at"});
  ASSERT_EQ(RunKindred(args).exit_code, kExitOk);

  const std::string newer = dir_.File("newer.csv"), updated = dir_.File("updated.safetensors");
  WriteFile(newer, "who,what,much,at\nu1,i1,2,2024-01-02\nsomeone,i2,1,2024-01-02\nu2,new,1,2024-01-02\n");
  args = {"update", "--bundle", out_, "--interactions", newer, "--out", updated, "--quiet"};
  Outcome update = RunKindred(args);
  EXPECT_EQ(update.exit_code, kExitOk) << update.err;
  EXPECT_THAT(update.out, HasSubstr("nothing to do: 3 events are newer than 2024-01-01T00:00:00Z"));
  EXPECT_THAT(ListDirectory(dir_.path()), ::testing::Not(::testing::Contains("updated.safetensors")));
  args.insert(args.end(), {"--min-events", "2"});
  update = RunKindred(args);
  EXPECT_EQ(update.exit_code, kExitOk) << update.err;
  EXPECT_THAT(update.out, AllOf(HasSubstr("1 of 1 items that the bundle does not have"), HasSubstr("1 updated, 1 new"),
                                HasSubstr("version 9.1")));
  EXPECT_EQ(RunKindred({"verify", updated}).exit_code, kExitOk);
  // Flags go before what is remembered.
  args.insert(args.end(), {"--user-column", "person"});
  update = RunKindred(args);
  EXPECT_EQ(update.exit_code, kExitFailed);
  EXPECT_THAT(update.err, HasSubstr("'person'"));
  EXPECT_EQ(RunKindred({"update", "--bundle", dir_.File("none"), "--interactions", newer, "--out", updated}).exit_code,
            kExitUsage);
}

TEST_F(CommandsTest, PackRawAndPackAgain) {
  BundleBuilder builder;
  builder.KeepFactorsAndIds();
  builder.WriteRaw(dir_.File("raw"));
  const Outcome pack =
      RunKindred({"pack", "--in", dir_.File("raw"), "--out", out_, "--model", "shop", "--version", "4"});
  ASSERT_EQ(pack.exit_code, kExitOk) << pack.err;
  EXPECT_THAT(pack.out, AllOf(HasSubstr("shop, version 4"), HasSubstr("derived  ")));
  EXPECT_EQ(RunKindred({"verify", out_}).exit_code, kExitOk);
  EXPECT_THAT(RunKindred({"verify", dir_.File("raw")}).out, HasSubstr("raw: it has no checksums"));
  EXPECT_THAT(RunKindred({"pack", "--in", out_, "--out", out_}).out, HasSubstr("nothing, all parts were there"));
}

TEST_F(CommandsTest, VerifySaysInvalidAndWhere) {
  ASSERT_EQ(RunKindred(TrainArgs("svd")).exit_code, kExitOk);
  const std::string bytes = ReadFile(out_);
  PatchFile(out_, bytes.size() - 1, std::string(1, static_cast<char>(bytes.back() ^ 1)));
  const Outcome verify = RunKindred({"verify", out_});
  EXPECT_EQ(verify.exit_code, kExitFailed);
  EXPECT_THAT(verify.out, AllOf(StartsWith("INVALID: "), HasSubstr(out_), HasSubstr("checksum")));
  EXPECT_EQ(RunKindred({"inspect", out_}).exit_code, kExitOk) << "the header is sound";
  WriteFile(out_, bytes.substr(0, bytes.size() - 1));
  EXPECT_EQ(RunKindred({"inspect", out_}).exit_code, kExitFailed);
}

TEST_F(CommandsTest, NotFoundIsTwo) {
  const std::string absent = dir_.File("absent");
  const Outcome verify = RunKindred({"verify", absent});
  EXPECT_EQ(verify.exit_code, kExitUsage);
  EXPECT_EQ(verify.out, "NOT FOUND: " + absent + "\n");
  EXPECT_EQ(RunKindred({"inspect", absent}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"pack", "--in", absent, "--out", out_}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"pack", "--legacy", absent, "--out", out_}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"train", "svd", "--interactions", absent, "--out", out_}).exit_code, kExitUsage);
}

TEST_F(CommandsTest, WrongUsageIsTwo) {
  EXPECT_EQ(RunKindred({}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"verify"}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"train"}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"train", "svd", "--out", out_}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"pack", "--out", out_}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"pack", "--in", "a", "--legacy", "b", "--out", out_}).exit_code, kExitUsage);
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> args = TrainArgs("nmf");
    args.insert(args.end(), more.begin(), more.end());
    return RunKindred(args);
  };
  EXPECT_EQ(with({"--transform", "cube"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--aggregate", "median"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--delimiter", "ab"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--before", "2017-01-01"}).exit_code, kExitFailed) << "the file has no times";
  EXPECT_EQ(with({"--item-name-column", "name"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--model", ""}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--alpha", "-1"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--threads", "0"}).exit_code, kExitUsage);
  EXPECT_EQ(with({"--no-such-flag"}).exit_code, kExitUsage);
  EXPECT_THAT(ListDirectory(dir_.path()), ::testing::ElementsAre("events.csv"));
}

TEST_F(CommandsTest, FailureIsOneAndSaysWhere) {
  WriteFile(events_, "who,what,much\nu,i,x\n");
  const Outcome train = RunKindred(TrainArgs("svd"));
  EXPECT_EQ(train.exit_code, kExitFailed);
  EXPECT_THAT(train.err, AllOf(StartsWith("error: "), HasSubstr("line 2, column 'much'")));
}

TEST_F(CommandsTest, NegativeValuesAreForIdentityOnly) {
  std::string text = ReadFile(events_);
  WriteFile(events_, text + "u0,i0,-2\n");
  std::vector<std::string> args = TrainArgs("svd");
  EXPECT_EQ(RunKindred(args).exit_code, kExitFailed);
  args.insert(args.end(), {"--transform", "identity"});
  const Outcome train = RunKindred(args);
  EXPECT_EQ(train.exit_code, kExitOk) << train.err;
}

TEST_F(CommandsTest, EveryCommandHasHelpWithExitCodesAndExample) {
  for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{{"train", "svd"},
                                                                                       {"train", "nmf"},
                                                                                       {"update"},
                                                                                       {"pack"},
                                                                                       {"compress"},
                                                                                       {"unpack"},
                                                                                       {"inspect"},
                                                                                       {"verify"}}) {
    std::vector<std::string> args = command;
    args.push_back("--help");
    const Outcome help = RunKindred(args);
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_THAT(help.out, AllOf(HasSubstr("Exit codes: 0"), HasSubstr("Example:"))) << command[0];
  }
  EXPECT_EQ(RunKindred({"train", "--help"}).exit_code, kExitOk);
}

TEST_F(CommandsTest, SplitKeepsNegativeValuesAndReadsItsFileBehindAFilter) {
  WriteFile(events_, "user_id,item_id,rating\nu,a,-2.5\nu,b,3\nu,a,1\nu,a,4\n");
  const std::string train = dir_.File("train.csv");
  const Outcome split =
      RunKindred({"split", "--kind", "user_last", "--test-rows", "1", "--min-items", "1", "--out-train", train,
                  "--quiet", "--time-column", "none", "--keep", "item_id=a", events_});
  ASSERT_EQ(split.exit_code, kExitOk) << split.err;
  EXPECT_EQ(ReadFile(train), "user_id,item_id,rating\nu,a,-2.5\nu,a,1\n");
}

TEST_F(CommandsTest, AMomentIsReadAsTheTimesOfTheEventsAre) {
  WriteFile(events_, "user_id,item_id,timestamp\nu,a,30/11/2010\nu,b,1/12/2010\nv,a,2/12/2010\n");
  const std::string test = dir_.File("test.csv");
  const Outcome split = RunKindred(
      {"split", events_, "--kind", "time", "--day-first", "--test-from", "2/12/2010", "--out-test", test, "--quiet"});
  ASSERT_EQ(split.exit_code, kExitOk) << split.err;
  EXPECT_EQ(ReadFile(test), "user_id,item_id,timestamp\nv,a,2010-12-02T00:00:00Z\n");
}

TEST_F(CommandsTest, NoCommandReplacesItsInput) {
  const std::string before = ReadFile(events_), items = dir_.File("items.csv");
  WriteFile(items, "what,name\ni0,Tea\n");
  std::vector<std::string> args = TrainArgs("svd");
  args.back() = events_;
  const Outcome train = RunKindred(args);
  EXPECT_EQ(train.exit_code, kExitFailed);
  EXPECT_THAT(train.err, HasSubstr("events.csv: is an input, which writing would replace; name another file"));
  args.back() = items;
  args.insert(args.end(), {"--items", items, "--item-name-column", "name"});
  EXPECT_THAT(RunKindred(args).err, HasSubstr("items.csv: is an input"));
  const Outcome split = RunKindred({"split", events_, "--user-column", "who", "--item-column", "what", "--kind",
                                    "random", "--out-test", dir_.File("test.csv"), "--out-train", events_});
  EXPECT_EQ(split.exit_code, kExitFailed);
  EXPECT_THAT(split.err, HasSubstr("events.csv: is an input"));
  EXPECT_EQ(ReadFile(events_), before);
  EXPECT_EQ(ListDirectory(dir_.path()).size(), 2u);
}

TEST_F(CommandsTest, SplitWritesEveryPartOrNone) {
  std::string text = "who,what,at\n";
  for (int u = 0; u < 5; ++u) {
    for (int i = 0; i < 6; ++i)
      text += "u" + std::to_string(u) + ",i" + std::to_string(i + u) + "," + std::to_string(i) + "\n";
  }
  WriteFile(events_, text);
  const std::string train = dir_.File("train.csv"), test = dir_.File("test.csv"), negatives = dir_.File("c.csv");
  std::vector<std::string> args = {"split",
                                   events_,
                                   "--user-column",
                                   "who",
                                   "--item-column",
                                   "what",
                                   "--time-column",
                                   "at",
                                   "--quiet",
                                   "--out-train",
                                   train,
                                   "--out-test",
                                   test,
                                   "--kind",
                                   "leave_one_out",
                                   "--out-candidates",
                                   negatives,
                                   "--negatives",
                                   "3"};
  const Outcome done = RunKindred(args);
  ASSERT_EQ(done.exit_code, kExitOk) << done.err;
  EXPECT_THAT(done.out, AllOf(HasSubstr("30 read"), HasSubstr("train    25 rows"), HasSubstr("test     5 rows")));
  EXPECT_THAT(ReadFile(test), StartsWith("user_id,item_id,timestamp\nu0,i5,1970-01-01T00:00:05Z\n"));
  EXPECT_THAT(ReadFile(negatives), StartsWith("user_id,item_id,relevant\nu0,i5,1\nu0,"));

  for (const std::string& path : {train, test, negatives}) std::remove(path.c_str());
  WriteFile(events_, text + "u0,i0,soon\n");
  const std::vector<std::string> before = ListDirectory(dir_.path());
  const Outcome failed = RunKindred(args);
  EXPECT_EQ(failed.exit_code, kExitFailed);
  EXPECT_THAT(failed.err, AllOf(HasSubstr("line 32, column 'at'"), HasSubstr("'soon'")));
  EXPECT_EQ(ListDirectory(dir_.path()), before);
  args.back() = "-1";
  EXPECT_EQ(RunKindred(args).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"split", events_, "--kind", "half", "--out-test", test}).exit_code, kExitUsage);
  // One description reads events for every command; its errors are wrong usage and name the flag.
  for (const auto& [flag, value] : std::vector<std::pair<std::string, std::string>>{{"--clip", "5,1"},
                                                                                    {"--clip", "5"},
                                                                                    {"--from", "soon"},
                                                                                    {"--delimiter", "ab"},
                                                                                    {"--time-unit", "hours"},
                                                                                    {"--min-user-items", "0"}}) {
    for (const std::string command : {"split", "evaluate"}) {
      std::vector<std::string> wrong = {command, flag, value};
      if (command == "split") wrong.insert(wrong.end(), {events_, "--out-test", test});
      if (command == "evaluate") wrong.insert(wrong.end(), {"--bundle", events_, "--test", events_});
      const Outcome refused = RunKindred(wrong);
      EXPECT_EQ(refused.exit_code, kExitUsage) << command << " " << flag;
      EXPECT_THAT(refused.err, AllOf(HasSubstr(flag), HasSubstr("found '" + value + "', expected"))) << command;
    }
  }
  EXPECT_EQ(RunKindred({"split", events_, "--keep", "x", "--out-test", test}).exit_code, kExitUsage);
  EXPECT_EQ(RunKindred({"split", dir_.File("none.csv"), "--out-test", test}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace kindred
