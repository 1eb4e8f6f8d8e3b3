#include "server/profiles/teller.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

namespace kindred {
namespace {

TEST(Teller, RunsEverythingInOrderOnAThreadOfItsOwn) {
  std::vector<int> ran;
  std::promise<void> go_on, last;
  {
    Teller teller;
    const std::thread::id here = std::this_thread::get_id();
    teller.Post([&, done = go_on.get_future().share()] {
      done.wait();
      EXPECT_NE(std::this_thread::get_id(), here);
      ran.push_back(1);
    });
    teller.Post([&] {
      ran.push_back(2);
      teller.Post([&] { ran.push_back(3); });
    });
    EXPECT_TRUE(ran.empty());  // nobody waited for the first
    go_on.set_value();
    teller.Post([&] { teller.Post([&] { last.set_value(); }); });
    last.get_future().wait();
    teller.Post([&] { ran.push_back(4); });
  }
  EXPECT_THAT(ran, ::testing::ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace kindred
