// TLS against a real server, with certificates of its own.
#include "server/redis/tls_context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "core/base/str_cat.h"
#include "server/redis/redis_client.h"
#include "tests/support/redis_process.h"
#include "tests/unit/server/redis/client_calls.h"

namespace kindred::redis {
namespace {

using kindred::testing::RedisProcess;
using kindred::testing::TempDir;
using std::chrono::milliseconds;
using ::testing::HasSubstr;

// An authority, a certificate for "redis.test" and 127.0.0.1, one of a client, and another authority that nobody knows.
class Certificates {
 public:
  Certificates() {
    Run(StrCat(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ",
        file("ca.key"), " -out ", file("ca.pem")));
    Run(StrCat("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other -keyout ",
               file("other.key"), " -out ", file("other.pem")));
    Sign("server", "redis", "subjectAltName=DNS:redis.test,IP:127.0.0.1");
    Sign("client", "kindred", "extendedKeyUsage=clientAuth");
  }

  std::string file(std::string_view name) const { return dir_.File(name); }

 private:
  static void Run(const std::string& command) {
    EXPECT_EQ(std::system((command + " 2>/dev/null").c_str()), 0) << command;
  }

  void Sign(const std::string& name, const std::string& subject, const std::string& extension) {
    kindred::testing::WriteFile(file(name + ".ext"), extension + "\n");
    Run(StrCat("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=", subject, " -keyout ",
               file(name + ".key"), " -out ", file(name + ".csr")));
    Run(StrCat("openssl x509 -req -days 2 -CAcreateserial -in ", file(name + ".csr"), " -CA ", file("ca.pem"),
               " -CAkey ", file("ca.key"), " -extfile ", file(name + ".ext"), " -out ", file(name + ".pem")));
  }

  TempDir dir_;
};

class TlsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!RedisProcess::Installed()) GTEST_SKIP() << "redis-server is not installed; scripts/install_packages.sh test";
    tls_port_ = kindred::testing::FreePort();
    redis_ = std::make_unique<RedisProcess>(
        std::vector<std::string>{"--tls-port", std::to_string(tls_port_), "--tls-cert-file",
                                 certificates_.file("server.pem"), "--tls-key-file", certificates_.file("server.key"),
                                 "--tls-ca-cert-file", certificates_.file("ca.pem"), "--tls-auth-clients", "yes"});
    options_.endpoints = {StrCat("127.0.0.1:", tls_port_)};
    options_.connect_timeout = milliseconds(5000);
    options_.tls.enabled = true;
    options_.tls.ca_file = certificates_.file("ca.pem");
    options_.tls.cert_file = certificates_.file("client.pem");
    options_.tls.key_file = certificates_.file("client.key");
  }

  std::unique_ptr<RedisClient> Make() {
    auto client = RedisClient::Create(options_);
    EXPECT_TRUE(client.ok()) << client.status();
    return *std::move(client);
  }

  // Why nothing comes of it.
  std::string Problem() {
    const auto client = Make();
    Reply reply;
    EXPECT_TRUE(Eventually([&] {
      reply = Call(*client, {"GET", "k"});
      return reply.failure == Failure::kBreakerOpen;
    }));
    return reply.text;
  }

  Certificates certificates_;
  uint16_t tls_port_ = 0;
  std::unique_ptr<RedisProcess> redis_;
  ClientOptions options_;
};

TEST_F(TlsTest, CommandsOfEverySizeGoThrough) {
  const auto client = Make();
  for (const size_t bytes : {size_t{1}, size_t{20'000}, size_t{1} << 20}) {
    const std::string value(bytes, 'v');
    EXPECT_TRUE(Call(*client, {"SET", "k", value}).ok());
    EXPECT_EQ(Call(*client, {"GET", "k"}).text, value);
  }
  std::vector<std::future<Reply>> replies;
  for (int i = 0; i < 1000; ++i) replies.push_back(Post(*client, {"ECHO", std::to_string(i)}));
  for (size_t i = 0; i < replies.size(); ++i) EXPECT_EQ(replies[i].get().text, std::to_string(i));
}

TEST_F(TlsTest, ARestartIsSurvived) {
  const auto client = Make();
  ASSERT_TRUE(Call(*client, {"PING"}).ok());
  redis_->Kill();
  redis_->Start();
  EXPECT_TRUE(Eventually([&] { return Call(*client, {"PING"}, milliseconds(1000)).ok(); }));
}

TEST_F(TlsTest, TheNameIsChecked) {
  options_.tls.server_name = "redis.test";
  EXPECT_TRUE(Call(*Make(), {"PING"}).ok());
  options_.tls.server_name = "other.test";
  EXPECT_THAT(Problem(), HasSubstr("hostname mismatch"));
  options_.tls.server_name = "127.0.0.2";
  EXPECT_THAT(Problem(), HasSubstr("IP address mismatch"));
}

TEST_F(TlsTest, AnUnknownAuthorityIsRefused) {
  options_.tls.ca_file = certificates_.file("other.pem");
  EXPECT_THAT(Problem(), HasSubstr("certificate"));
}

TEST_F(TlsTest, WithoutACertificateTheServerRefuses) {
  options_.tls.cert_file = options_.tls.key_file = "";
  EXPECT_NE(Problem(), "");
}

TEST_F(TlsTest, PlainTcpIsNoTls) {
  options_.endpoints = {redis_->endpoint()};
  EXPECT_NE(Problem(), "");
  options_.endpoints = {StrCat("127.0.0.1:", tls_port_)};
  options_.tls.enabled = false;
  EXPECT_NE(Problem(), "");
}

TEST_F(TlsTest, AKeyThatIsNotTheCertificatesIsSaid) {
  options_.tls.key_file = certificates_.file("server.key");
  const auto client = RedisClient::Create(options_);
  ASSERT_FALSE(client.ok());
  EXPECT_THAT(client.status().ToString(), HasSubstr("tls.key_file"));
}

TEST_F(TlsTest, CertificatesThatAreReplacedAreReadAgain) {
  const std::string ca = certificates_.file("current.pem");
  kindred::testing::WriteFile(ca, kindred::testing::ReadFile(certificates_.file("ca.pem")));
  options_.tls.ca_file = ca;
  auto tls = TlsContext::Create(options_.tls);
  ASSERT_TRUE(tls.ok()) << tls.status();
  const auto authorities = [&] {
    auto session = (*tls)->NewSession("127.0.0.1");
    EXPECT_TRUE(session.ok());
    return X509_STORE_get0_objects(SSL_CTX_get_cert_store(SSL_get_SSL_CTX(session->get())));
  };
  const auto* const before = authorities();
  EXPECT_EQ(authorities(), before);
  // What cannot be read leaves those of before.
  kindred::testing::WriteFile(ca, "no certificate");
  EXPECT_EQ(authorities(), before);
  kindred::testing::WriteFile(ca, kindred::testing::ReadFile(certificates_.file("other.pem")) + "\n");
  EXPECT_NE(authorities(), before);
}

}  // namespace
}  // namespace kindred::redis
