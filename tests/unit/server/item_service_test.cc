#include "server/item_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_format.h"
#include "core/base/str_cat.h"
#include "server/limits.h"

namespace kindred {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ItemServiceTest : public ::testing::Test {
 protected:
  static v1::SetAvailabilityRequest Request(const std::vector<std::string>& out, const std::vector<std::string>& back) {
    v1::SetAvailabilityRequest request;
    request.mutable_unavailable_item_ids()->Assign(out.begin(), out.end());
    request.mutable_available_item_ids()->Assign(back.begin(), back.end());
    return request;
  }
  v1::SetAvailabilityResponse Set(const std::vector<std::string>& out, const std::vector<std::string>& back) {
    v1::SetAvailabilityResponse response;
    const absl::Status status = service_.SetAvailability(Request(out, back), &response);
    EXPECT_TRUE(status.ok()) << status;
    return response;
  }
  std::string Fault(const v1::SetAvailabilityRequest& request) {
    v1::SetAvailabilityResponse response;
    const absl::Status status = service_.SetAvailability(request, &response);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store_->items()->version(), version_);
    return StrCat(status.message());
  }
  v1::ListUnavailableItemsResponse List(int32_t page_size, const std::string& token = "") {
    v1::ListUnavailableItemsRequest request;
    request.set_page_size(page_size);
    request.set_page_token(token);
    v1::ListUnavailableItemsResponse response;
    const absl::Status status = service_.ListUnavailableItems(request, &response);
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_LE(response.ByteSizeLong(), limits::kMaxResponseBytes);
    return response;
  }
  // Every page, one after the other.
  std::vector<std::string> ListAll(int32_t page_size, size_t* pages) {
    std::vector<std::string> ids;
    std::string token;
    *pages = 0;
    do {
      const v1::ListUnavailableItemsResponse page = List(page_size, token);
      ids.insert(ids.end(), page.item_ids().begin(), page.item_ids().end());
      token = page.next_page_token();
      ++*pages;
    } while (!token.empty() && *pages < 1000);
    return ids;
  }
  // "0000", "0001", …, `count` of them, each `length` long.
  std::vector<std::string> TakeOut(size_t count, size_t length = 4) {
    std::vector<std::string> ids;
    for (size_t i = 0; i < count; ++i) ids.push_back(absl::StrFormat("%0*d", static_cast<int>(length), i));
    EXPECT_TRUE(store_->Set(std::vector<std::string_view>(ids.begin(), ids.end()), {}).ok());
    return ids;
  }

  AvailabilityRegistry registry_;
  std::unique_ptr<AvailabilityStore> store_ = *AvailabilityStore::Open("", &registry_);
  ItemService service_{store_.get()};
  uint64_t version_ = 0;
};

TEST_F(ItemServiceTest, TakesItemsOutAndPutsThemBack) {
  v1::SetAvailabilityResponse response = Set({"b", "a", "a"}, {"c"});
  EXPECT_EQ(response.unavailable_items(), 2);
  EXPECT_EQ(response.availability_version(), 1u);
  EXPECT_EQ(response.changed(), 2);
  response = Set({"c"}, {"a", "nowhere"});
  EXPECT_EQ(response.unavailable_items(), 2);
  EXPECT_EQ(response.availability_version(), 2u);
  EXPECT_EQ(response.changed(), 2);
  response = Set({}, {});
  EXPECT_EQ(response.availability_version(), 2u);
  EXPECT_EQ(response.changed(), 0);
  const v1::ListUnavailableItemsResponse list = List(0);
  EXPECT_THAT(list.item_ids(), ElementsAre("b", "c"));
  EXPECT_EQ(list.unavailable_items(), 2);
  EXPECT_EQ(list.availability_version(), 2u);
  EXPECT_EQ(list.next_page_token(), "");
}

TEST_F(ItemServiceTest, FieldsAreChecked) {
  EXPECT_THAT(Fault(Request({"a", ""}, {})), HasSubstr("unavailable_item_ids[1] is empty, expected 1 to 1024 bytes"));
  EXPECT_THAT(Fault(Request({}, {std::string(1025, 'x')})), HasSubstr("available_item_ids[0] is 1025 bytes long"));
  const std::vector<std::string> many(10'001, "x");
  EXPECT_THAT(Fault(Request(many, {})), HasSubstr("unavailable_item_ids has 10001 ids, expected at most 10000"));
  EXPECT_THAT(Fault(Request({}, many)), HasSubstr("available_item_ids has 10001 ids, expected at most 10000"));
  EXPECT_THAT(Fault(Request({"a", "b", "c"}, {"x", "c", "a"})),
              HasSubstr("available_item_ids[1] is in unavailable_item_ids too, expected in one of them; "
                        "available_item_ids[2] is in"));
  version_ = 1;
  EXPECT_EQ(Set(std::vector<std::string>(10'000, "x"), {}).changed(), 1);
}

TEST_F(ItemServiceTest, PagesGoOnWhereTheLastOneEnded) {
  const std::vector<std::string> ids = TakeOut(2500);
  size_t pages = 0;
  EXPECT_EQ(ListAll(1, &pages).size(), 1000u);  // given up
  EXPECT_EQ(ListAll(7, &pages), ids);
  EXPECT_EQ(pages, 358u);
  EXPECT_EQ(ListAll(0, &pages), ids);  // 1,000 a page
  EXPECT_EQ(pages, 3u);
  EXPECT_EQ(ListAll(2500, &pages), ids);
  EXPECT_EQ(pages, 1u);
  EXPECT_EQ(ListAll(INT32_MAX, &pages), ids);
}

TEST_F(ItemServiceTest, APageHasAtMostTenThousandItems) {
  const std::vector<std::string> ids = TakeOut(10'001);
  EXPECT_EQ(List(1'000'000).item_ids_size(), 10'000);
}

TEST_F(ItemServiceTest, PagesOfLongIdsStayBelowTheLargestAnswer) {
  const std::vector<std::string> ids = TakeOut(6000, limits::kMaxIdBytes);
  size_t pages = 0;
  EXPECT_EQ(ListAll(10'000, &pages), ids);
  EXPECT_EQ(pages, 2u);
}

TEST_F(ItemServiceTest, PagesStandWhenItemsComeAndGo) {
  TakeOut(4);
  const v1::ListUnavailableItemsResponse first = List(2);
  EXPECT_THAT(first.item_ids(), ElementsAre("0000", "0001"));
  Set({"0001a", "00"}, {"0001"});
  EXPECT_THAT(List(2, first.next_page_token()).item_ids(), ElementsAre("0001a", "0002"));
}

TEST_F(ItemServiceTest, WrongPagesAreNamed) {
  v1::ListUnavailableItemsRequest request;
  v1::ListUnavailableItemsResponse response;
  request.set_page_size(-1);
  request.set_page_token("not a token");
  const absl::Status status = service_.ListUnavailableItems(request, &response);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(StrCat(status.message()), HasSubstr("page_size is -1, expected 0 (for 1000) to 10000"));
  EXPECT_THAT(StrCat(status.message()), HasSubstr("page_token is no page token"));
}

}  // namespace
}  // namespace kindred
