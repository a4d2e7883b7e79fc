// What the commands make of a lease whose files are kept, on a node in this process.

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "cli/node_host.hpp"
#include "cli/settings.hpp"
#include "cli/testing.hpp"
#include "client/private_file.hpp"
#include "client/sender.hpp"
#include "client/wallet.hpp"
#include "consensus/genesis.hpp"

namespace hanse::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A machine at 2.00 an hour, and 0.0036 for each GiB of disk.
class KeptLease : public CommandTest {
 protected:
  void SetUp() override {
    CommandTest::SetUp();
    ::setenv("HANSE_PASSPHRASE", "correct horse", 1);
    const Home home{folder_};
    ASSERT_TRUE(client::Wallet::create(home.wallet(), "correct horse", {1, 64 << 10}));
    consumer_ = client::Wallet::open(home.wallet(), "correct horse")->key();
    ledger::Genesis genesis{"kept", {}, {{consumer_.public_key(), credits(100)}, {provider_.public_key(), {}}}, {}};
    ASSERT_TRUE(client::write_private_file(home.genesis(), consensus::format_genesis(genesis)));
    auto node = NodeHost::start({home.genesis(), home.node_data(), "127.0.0.1:0", "", ""});
    ASSERT_TRUE(node) << node.error().message;
    node_ = std::move(*node);
    ASSERT_TRUE(write_config(home.config(), {node_->url(), "", ""}));
    send(provider_, model::RegisterProvider{"halle", "127.0.0.1:2222", provider_.public_key()});
    model::PostOffer post;
    post.machine = {
        "box", "H100", model::DeviceKind::gpu, 4, 80'000'000'000, 8, 1ULL << 36, 1ULL << 40, 0, 0, "DE", "", "",
        {},    {}};
    post.prices.on_demand_per_gpu_hour = credits(2);
    post.prices.storage_per_gib_hour = Money{3600};
    send(provider_, post);
  }
  void TearDown() override {
    node_.reset();
    CommandTest::TearDown();
  }

  model::Outcome send(const crypto::KeyPair& account, model::Operation operation) {
    client::HttpOptions options;
    options.url = node_->url();
    const auto http = client::Http::open(options);
    const auto receipt = client::Sender(**http, "kept", account.public_key(), account).send({std::move(operation)});
    EXPECT_TRUE(receipt) << receipt.error().message;
    return receipt && !receipt->outcomes.empty() ? receipt->outcomes.front() : model::Outcome{};
  }
  /// Its job was done as soon as it began.
  void keep() {
    model::SubmitRequest request;
    request.demand.duration_s = 3600;
    request.demand.disk_bytes = 1ULL << 30;
    request.demand.keep_s = 600;
    const auto lease = send(consumer_, request).lease;
    send(provider_, model::ConfirmLease{lease, "127.0.0.1:2222", provider_.public_key()});
    send(provider_, model::EndLease{lease, model::EndReason::completed, "job exited with code 0"});
  }

  crypto::KeyPair consumer_ = crypto::KeyPair::from_seed({});
  crypto::KeyPair provider_ = crypto::KeyPair::generate();
  std::unique_ptr<NodeHost> node_;
};

TEST_F(KeptLease, IsShownBilledAndEndedAndNothingElse) {
  keep();
  const auto ps = run_command({"ps"});
  EXPECT_THAT(ps.out, AllOf(HasSubstr("kept"), HasSubstr("its files stay until"), HasSubstr("job exited with code 0")));
  EXPECT_THAT(run_command({"bill", "lease-1"}).out,
              AllOf(HasSubstr("lease-1  kept until"), HasSubstr("its files, 0.0036/h for up to 10m"),
                    HasSubstr("the bill adds up")));
  EXPECT_THAT(run_command({"extend", "lease-1", "+1h", "--yes"}).err, HasSubstr("lease-1 runs no more"));
  EXPECT_THAT(run_command({"topup", "lease-1", "1", "--yes"}).err, HasSubstr("lease-1 runs no more"));
  EXPECT_EQ(run_command({"ssh", "lease-1", "--json"}).code, 0) << "its files can be looked at";

  const auto stopped = run_command({"stop", "lease-1", "--json"});
  EXPECT_EQ(stopped.code, 0) << stopped.err;
  const auto bill = nlohmann::json::parse(stopped.out);
  EXPECT_EQ(bill["ended"], true);
  EXPECT_EQ(bill["adds_up"], true) << bill;
  EXPECT_EQ(run_command({"ps", "--json"}).out, "[]\n");
  EXPECT_EQ(run_command({"stop", "lease-1"}).code, 0) << "it has ended already";
}

TEST_F(KeptLease, APlanSaysForHowLongFilesStayAndForWhat) {
  const auto ran = run_command({"rent", "gpu=H100", "--keep", "1h"});
  EXPECT_NE(ran.code, 0) << "nobody can agree to it";
  EXPECT_THAT(ran.err, AllOf(HasSubstr("stay for up to 1h once it is over, for at most 0.0036 of that"),
                             HasSubstr("2.0072 credits"), HasSubstr("2.0036/h all-in")));
  EXPECT_THAT(run_command({"rent", "gpu=H100"}).err, ::testing::Not(HasSubstr("stay for up to")));
}

}  // namespace
}  // namespace hanse::cli
