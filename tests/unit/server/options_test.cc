#include "server/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/files.h"

namespace kindred {
namespace {

struct Parsed {
  Options options;
  std::string out, err;
};

Parsed Parse(std::vector<std::string> args) {
  std::vector<const char*> argv = {"kindred-server"};
  for (const std::string& arg : args) argv.push_back(arg.c_str());
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  Parsed parsed;
  parsed.options = ParseOptions(static_cast<int>(argv.size()), argv.data());
  parsed.out = ::testing::internal::GetCapturedStdout();
  parsed.err = ::testing::internal::GetCapturedStderr();
  return parsed;
}

TEST(Options, NeedsNoFlags) {
  const Parsed parsed = Parse({});
  EXPECT_EQ(parsed.options.action, Options::Action::kServe);
  EXPECT_EQ(parsed.options.config.listen(), "127.0.0.1:50051");
  EXPECT_EQ(parsed.options.config.profiles().embedded().dir(), "data/profiles");
  EXPECT_EQ(parsed.out + parsed.err, "");
}

TEST(Options, FlagsOverrideTheFile) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("c.yaml"),
                     "listen: 1.2.3.4:5\nadmin_listen: 1.2.3.4:6\nmodels: {dir: from-file}\n"
                     "admin_grpc_listen: 1.2.3.4:7\nitems: {dir: from-file}\n"
                     "profiles: {embedded: {dir: from-file, block_cache_bytes: 8MiB}}\n");
  const Parsed file = Parse({"--config", dir.File("c.yaml")});
  EXPECT_EQ(file.options.config.listen(), "1.2.3.4:5");
  EXPECT_EQ(file.options.config.models().dir(), "from-file");
  EXPECT_EQ(file.options.config.admin_grpc_listen(), "1.2.3.4:7");
  EXPECT_EQ(file.options.config.items().dir(), "from-file");

  const Parsed flags =
      Parse({"--config", dir.File("c.yaml"), "--models", "m", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
             "--profiles", "embedded:/p", "--admin-grpc", "127.0.0.1:0", "--items", "/i", "--model-state", "/s"});
  EXPECT_EQ(flags.options.action, Options::Action::kServe) << flags.err;
  EXPECT_EQ(flags.options.config.listen(), "127.0.0.1:0");
  EXPECT_EQ(flags.options.config.admin_listen(), "127.0.0.1:0");
  EXPECT_EQ(flags.options.config.admin_grpc_listen(), "127.0.0.1:0");
  EXPECT_EQ(flags.options.config.models().dir(), "m");
  EXPECT_EQ(flags.options.config.items().dir(), "/i");
  EXPECT_EQ(flags.options.config.models().state_dir(), "/s");
  EXPECT_EQ(flags.options.config.profiles().embedded().dir(), "/p");
  EXPECT_EQ(flags.options.config.profiles().embedded().block_cache_bytes(), 8u << 20);
  EXPECT_TRUE(Parse({"--config", dir.File("c.yaml"), "--profiles", "memory"}).options.config.profiles().has_memory());
}

TEST(Options, RedisKeepsWhatTheFileSaysOfIt) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("c.yaml"),
                     "profiles: {redis: {mode: cluster, endpoints: ['a:1', 'b:2'], ttl: 2h, username: u, "
                     "password_file: /nowhere}}\n");
  const auto redis = [&](const std::string& flag) {
    const Parsed parsed = Parse({"--config", dir.File("c.yaml"), "--profiles", flag});
    EXPECT_EQ(parsed.options.action, Options::Action::kServe) << parsed.err;
    EXPECT_EQ(parsed.options.config.profiles().redis().mode(), v1::REDIS_MODE_CLUSTER);
    EXPECT_EQ(parsed.options.config.profiles().redis().ttl().seconds(), 7200);
    const auto& endpoints = parsed.options.config.profiles().redis().endpoints();
    return std::vector<std::string>(endpoints.begin(), endpoints.end());
  };
  EXPECT_THAT(redis("redis"), ::testing::ElementsAre("a:1", "b:2"));
  EXPECT_THAT(redis("redis:c:3"), ::testing::ElementsAre("c:3"));
  EXPECT_THAT(redis("redis:[::1]:3,d:4"), ::testing::ElementsAre("[::1]:3", "d:4"));
  EXPECT_THAT(Parse({"--profiles", "redis:c:3,"}).err, ::testing::HasSubstr("endpoints has ''; expected host:port"));
  EXPECT_EQ(Parse({"--profiles", "redis"}).options.config.profiles().redis().endpoints(0), "127.0.0.1:6379");
}

TEST(Options, CheckingTheConfigurationLooksForItsFiles) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("c.yaml"), "profiles: {redis: {password_file: " + dir.File("password") + "}}\n");
  const Parsed missing = Parse({"--config", dir.File("c.yaml"), "--check-config"});
  EXPECT_EQ(missing.options.exit_code, kExitFailed);
  EXPECT_THAT(missing.err, ::testing::HasSubstr("profiles.redis.password_file '" + dir.File("password") +
                                                "' cannot be read: No such file or directory"));
  testing::WriteFile(dir.File("password"), "secret\n");
  EXPECT_EQ(Parse({"--config", dir.File("c.yaml"), "--check-config"}).options.action, Options::Action::kCheckConfig);
}

TEST(Options, HelpAndVersionEndWell) {
  for (const char* flag : {"--help", "--version"}) {
    const Parsed parsed = Parse({flag});
    EXPECT_EQ(parsed.options.action, Options::Action::kExit);
    EXPECT_EQ(parsed.options.exit_code, kExitOk);
    EXPECT_THAT(parsed.out, ::testing::HasSubstr("kindred-server"));
  }
}

TEST(Options, WrongUsageExitsTwo) {
  const testing::TempDir dir;
  for (const std::vector<std::string>& args :
       std::vector<std::vector<std::string>>{{"--nonsense"},
                                             {"stray"},
                                             {"--listen"},
                                             {"--profiles", "Redis"},
                                             {"--profiles", "redis:"},
                                             {"--profiles", "embedded:"},
                                             {"--config", dir.File("missing.yaml")}}) {
    const Parsed parsed = Parse(args);
    EXPECT_EQ(parsed.options.action, Options::Action::kExit) << args[0];
    EXPECT_EQ(parsed.options.exit_code, kExitUsage) << args[0];
    EXPECT_NE(parsed.err, "") << args[0];
  }
}

TEST(Options, AFaultyConfigurationExitsOneAndSaysWhere) {
  const testing::TempDir dir;
  testing::WriteFile(dir.File("c.yaml"), "models:\n  dirr: x\n");
  const Parsed parsed = Parse({"--config", dir.File("c.yaml"), "--check-config"});
  EXPECT_EQ(parsed.options.action, Options::Action::kExit);
  EXPECT_EQ(parsed.options.exit_code, kExitFailed);
  EXPECT_THAT(parsed.err, ::testing::HasSubstr("c.yaml:2: 'models' has no field 'dirr' (did you mean 'dir'?)"));
  EXPECT_EQ(Parse({"--listen", "nowhere"}).options.exit_code, kExitFailed);
  testing::WriteFile(dir.File("c.yaml"), "models:\n  dir: x\n");
  EXPECT_EQ(Parse({"--config", dir.File("c.yaml"), "--check-config"}).options.action, Options::Action::kCheckConfig);
}

}  // namespace
}  // namespace kindred
