// RecommendationService on one thread, with a profile store as if on another machine.
#pragma once

#include <chrono>
#include <string>

#include "tests/unit/server/remote_profile_store.h"
#include "tests/unit/server/service_test_server.h"

namespace kindred::testing {

class RemoteStoreServer : public ServiceTestServer {
 protected:
  ~RemoteStoreServer() override {
    store_.Hold(false);
    Stop(std::chrono::seconds(20));
  }

  static Profile ProfileOf(const std::string& user, uint64_t version, const std::string& item = "item-3") {
    Profile profile;
    profile.user_id = user;
    profile.version = version;
    profile.events = {{item, "", 1'700'000'000'000, 1.0, 0, 7}};
    return profile;
  }

  RemoteProfileStore store_;
};

}  // namespace kindred::testing
