#include "clients/cli/page_walk.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace kindred {
namespace {

// A list of the items "0" to "6" in pages of request.page_size; tokens are the next item's number. With
// `breaks` there is no page from item 4 on.
class ListService final : public v1::RecommendationService::Service {
 public:
  grpc::Status Recommend(grpc::ServerContext*, const v1::RecommendRequest* request,
                         v1::RecommendResponse* response) override {
    ++calls;
    int next = request->page_token().empty() ? 0 : std::stoi(request->page_token());
    if (breaks && next >= 4) return grpc::Status(grpc::FAILED_PRECONDITION, "begin again");
    for (int n = 0; n < request->page_size() && next < 7; ++n)
      response->add_items()->set_item_id(std::to_string(next++));
    if (next < 7) response->set_next_page_token(std::to_string(next));
    response->set_model("m");
    return grpc::Status::OK;
  }

  int calls = 0;
  bool breaks = false;
};

class PageWalkTest : public testing::Test {
 protected:
  PageWalkTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
  }
  ~PageWalkTest() override { server_->Shutdown(); }

  // The items' ids and, last, the token.
  absl::StatusOr<std::vector<std::string>> Walk(int max_pages, const std::string& token = "") {
    RecommendClient client("127.0.0.1:" + std::to_string(port_));
    v1::RecommendRequest request;
    request.set_page_size(2);
    request.set_page_token(token);
    const auto response = RecommendPages(&client, request, max_pages);
    if (!response.ok()) return response.status();
    EXPECT_EQ(response->model(), "m");
    std::vector<std::string> out;
    for (const v1::RecommendedItem& item : response->items()) out.push_back(item.item_id());
    out.push_back(response->next_page_token());
    return out;
  }

  ListService service_;
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

TEST_F(PageWalkTest, PutsPagesTogether) {
  EXPECT_THAT(*Walk(1), testing::ElementsAre("0", "1", "2"));
  EXPECT_THAT(*Walk(2), testing::ElementsAre("0", "1", "2", "3", "4"));
  service_.calls = 0;
  EXPECT_THAT(*Walk(1000), testing::ElementsAre("0", "1", "2", "3", "4", "5", "6", ""));
  EXPECT_EQ(service_.calls, 4);
  EXPECT_THAT(*Walk(1000, "5"), testing::ElementsAre("5", "6", ""));
}

TEST_F(PageWalkTest, APageThatFailsIsTheError) {
  service_.breaks = true;
  EXPECT_EQ(Walk(1000).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(Walk(2).ok());
}

}  // namespace
}  // namespace kindred
