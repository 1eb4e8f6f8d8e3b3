#include "tests/support/redis_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

#include "core/base/str_cat.h"

namespace kindred::testing {
namespace {

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  return address;
}

bool Listens(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(port);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return connected;
}

}  // namespace

uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t bytes = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &bytes), 0);
  close(fd);
  return ntohs(address.sin_port);
}

bool RedisProcess::Installed() {
  static const bool installed = std::system("redis-server --version >/dev/null 2>&1") == 0;
  return installed;
}

RedisProcess::RedisProcess(std::vector<std::string> arguments, std::string config_file)
    : arguments_(std::move(arguments)), config_file_(std::move(config_file)) {
  // Another process may take the port before Redis does.
  for (int attempt = 0; attempt < 5 && pid_ < 0; ++attempt) {
    port_ = FreePort();
    Start();
  }
  EXPECT_GT(pid_, 0) << "redis-server does not start; see " << folder_.path() << "/log";
}

RedisProcess::~RedisProcess() { Kill(); }

std::string RedisProcess::endpoint() const { return StrCat("127.0.0.1:", port_); }

void RedisProcess::Start() {
  std::vector<std::string> all = {"redis-server",
                                  "--port",
                                  StrCat(port_),
                                  "--bind",
                                  "127.0.0.1",
                                  "--dir",
                                  folder_.path(),
                                  "--logfile",
                                  folder_.File("log"),
                                  "--save",
                                  "",
                                  "--daemonize",
                                  "no"};
  if (!config_file_.empty()) all.insert(all.begin() + 1, config_file_);
  all.insert(all.end(), arguments_.begin(), arguments_.end());
  std::vector<char*> argv;
  for (std::string& argument : all) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_RDWR);
    dup2(nothing, STDIN_FILENO);
    dup2(nothing, STDOUT_FILENO);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (std::chrono::steady_clock::now() < deadline) {
    if (waitpid(child, nullptr, WNOHANG) != 0) return;
    if (Listens(port_)) {
      pid_ = child;
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

void RedisProcess::Pause() { EXPECT_EQ(kill(pid_, SIGSTOP), 0); }
void RedisProcess::Resume() { EXPECT_EQ(kill(pid_, SIGCONT), 0); }

void RedisProcess::Kill() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(std::exchange(pid_, -1), nullptr, 0);
}

}  // namespace kindred::testing
