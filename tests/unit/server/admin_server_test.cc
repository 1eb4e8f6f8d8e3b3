#include "server/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kindred {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Sends `request` as it is and gives all that comes back.
std::string Exchange(const std::string& address, const std::string& request) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where = {};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&where), sizeof(where)), 0);
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL), static_cast<ssize_t>(request.size()));
  std::string reply;
  char buffer[4096];
  for (ssize_t n = 0; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) reply.append(buffer, n);
  close(fd);
  return reply;
}

std::string Get(const std::string& address, const std::string& path, const std::string& method = "GET") {
  return Exchange(address, method + " " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
}

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AdminServer::Pages pages;
    pages["/a"] = [] { return HttpPage{200, "text/html; charset=utf-8", "<b>hi</b>"}; };
    pages["/down"] = [] { return HttpPage{503, "text/plain; charset=utf-8", "no\n"}; };
    auto server = AdminServer::Start("127.0.0.1:0", std::move(pages));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  std::unique_ptr<AdminServer> server_;
};

TEST_F(AdminServerTest, ServesItsPages) {
  EXPECT_THAT(server_->address(), StartsWith("127.0.0.1:"));
  EXPECT_NE(server_->address(), "127.0.0.1:0");
  const std::string reply = Get(server_->address(), "/a");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Type: text/html; charset=utf-8\r\n"));
  EXPECT_THAT(reply, HasSubstr("\r\n\r\n<b>hi</b>"));
  EXPECT_THAT(Get(server_->address(), "/a?x=1"), StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(Get(server_->address(), "/down"), StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
}

TEST_F(AdminServerTest, HeadHasNoBody) {
  const std::string reply = Get(server_->address(), "/a", "HEAD");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(reply, HasSubstr("Content-Length: 9\r\n"));
  EXPECT_THAT(reply, ::testing::EndsWith("\r\n\r\n"));
}

TEST_F(AdminServerTest, OtherPathsAndMethodsAreRefused) {
  const std::string reply = Get(server_->address(), "/nope");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 404 Not Found\r\n"));
  EXPECT_THAT(reply, HasSubstr("/a\n/down\n"));
  EXPECT_THAT(Get(server_->address(), "/../../etc/passwd"), ::testing::Not(HasSubstr("root:")));
  for (const char* method : {"POST", "PUT", "DELETE"}) {
    EXPECT_THAT(Get(server_->address(), "/a", method), StartsWith("HTTP/1.1 405 Method Not Allowed\r\n")) << method;
  }
}

TEST_F(AdminServerTest, GarbageDoesNotStopIt) {
  Exchange(server_->address(), "\x16\x03\x01\x02 not http\r\n\r\n");
  Exchange(server_->address(), "GET " + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n");
  EXPECT_THAT(Get(server_->address(), "/a"), StartsWith("HTTP/1.1 200 OK\r\n"));
}

TEST_F(AdminServerTest, ATakenPortIsAnErrorThatNamesIt) {
  const auto second = AdminServer::Start(server_->address(), {});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(server_->address()));
}

}  // namespace
}  // namespace kindred
