// Images that not everyone may pull, from a real registry.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crypto/base64.hpp"
#include "house.hpp"
#include "provider/testing/registry_service.hpp"

namespace hanse::testing {
namespace {

using provider::testing::RegistryService;
using ::testing::HasSubstr;
using ::testing::Not;

class RegistryHouse {
 public:
  explicit RegistryHouse(bool is_private) : registry(is_private) {
    house.authorise("agent");
    start_agent();
  }
  void start_agent() {
    auto config = house.config();
    config.registries = {registry.place()};
    auto started = house.start_agent(config);
    if (!started) std::fprintf(stderr, "%s\n", started.error().message.c_str());
    HANSE_CHECK(started);
    house.agent = std::move(*started);
  }

  model::Job job(const std::string& run) const {
    auto out = make_job(run);
    out.image = registry.image();
    return out;
  }
  Ran log_in(model::LeaseId id, const std::string& password) {
    std::ofstream(house.folder.string() + ".login")
        << client::format_registry_login({registry.place(), RegistryService::kUser, password, ""});
    const auto ran = house.ssh(id, "-s hanse-registry", house.folder.string() + ".login");
    fs::remove(house.folder.string() + ".login");
    return ran;
  }
  void end(model::LeaseId id) { house.send(house.consumer, {model::EndLease{id, model::EndReason::completed, ""}}); }
  bool has_image() { return EngineService::instance().engine().image_id(registry.image()).value().has_value(); }
  /// Of what the agent wrote, all that holds these bytes.
  std::string files_with(const std::string& bytes) {
    return run_shell("grep -r -l -a -F -e '" + bytes + "' " + house.folder.string()).output;
  }

  RegistryService registry;
  House house;
};

TEST(AgentImage, APrivateOneIsItsRentersAloneAndGoesWithTheLease) {
  RegistryHouse at(true);
  auto& house = at.house;
  const auto job = at.job("echo $WHO; sleep 1000");
  const auto first = house.rent(&job);
  EXPECT_THAT(house.deliver(first, job).output, HasSubstr("--registry-auth"));
  EXPECT_THAT(at.log_in(first, "wrong").output, HasSubstr("taken"));
  EXPECT_THAT(house.deliver(first, job).output, HasSubstr("as renter"));
  EXPECT_THAT(at.log_in(first, RegistryService::kPassword).output, HasSubstr("taken"));
  EXPECT_THAT(house.deliver(first, job).output, HasSubstr("\"started\""));
  EXPECT_EQ(house.ssh(first, "'echo $WHO'").output, "private\n");
  EXPECT_EQ(at.files_with(RegistryService::kPassword), "") << "it is in memory only";
  EXPECT_EQ(at.files_with(crypto::to_base64("renter:" + std::string(RegistryService::kPassword))), "");

  // Another renter finds the image in the engine, by its name and by another one, and may use it by neither.
  const std::string alias = at.registry.tag_image("localhost/hanse-alias");
  for (const auto& name : {at.registry.image(), alias}) {
    auto others = at.job("true");
    others.image = name;
    const auto second = house.rent(&others);
    EXPECT_THAT(house.deliver(second, others).output, Not(HasSubstr("\"started\""))) << name;
    at.end(second);
    EXPECT_TRUE(eventually([&] { return !house.is(second, model::LeaseState::running); }));
  }
  EXPECT_TRUE(EngineService::instance().engine().remove_image(alias));
  EXPECT_TRUE(at.has_image());

  const auto own = at.job("sleep 1000");
  const auto third = house.rent(&own);
  EXPECT_THAT(at.log_in(third, RegistryService::kPassword).output, HasSubstr("taken"));
  EXPECT_THAT(house.deliver(third, own).output, HasSubstr("\"started\"")) << "who may pull it may use it";

  house.agent.reset();
  at.start_agent();
  at.end(first);
  EXPECT_TRUE(eventually([&] { return !fs::exists(house.folder / "agent" / "leases" / model::format_id(first)); }));
  EXPECT_TRUE(at.has_image()) << "the other lease runs it";
  at.end(third);
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
  EXPECT_TRUE(eventually([&] { return !at.has_image(); }));
}

TEST(AgentImage, OneThatAnyoneMayPullStaysThoughALoginCameForIt) {
  RegistryHouse at(false);
  auto& house = at.house;
  const auto job = at.job("echo $WHO");
  const auto lease = house.rent(&job);
  EXPECT_THAT(at.log_in(lease, RegistryService::kPassword).output, HasSubstr("taken"));
  EXPECT_THAT(house.deliver(lease, job).output, HasSubstr("\"started\""));
  EXPECT_EQ(house.hear(lease).out, "private\n");
  at.end(lease);
  EXPECT_TRUE(eventually([&] { return house.traces().empty(); }));
  EXPECT_TRUE(at.has_image());
}

}  // namespace
}  // namespace hanse::testing
