// Waits on a machine's connection end, whatever the machine does. The gateway here is a stand-in for hostile and
// failing ones: no honest one does these things on demand.

#include "cli/ssh_client.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <thread>

#include "base/check.hpp"
#include "cli/output_stream.hpp"
#include "cli/sftp.hpp"
#include "client/wallet.hpp"
#include "provider/gateway_key.hpp"

namespace hanse::cli {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Lets anybody in, and does with the first subsystem what it was made for.
class OddGateway {
 public:
  struct Guest {
    ssh_session session;
    ssh_channel channel;
    void say(ByteView bytes) const {
      ssh_channel_write(channel, bytes.data(), static_cast<std::uint32_t>(bytes.size()));
    }
    void complain(const std::string& text) const {
      ssh_channel_write_stderr(channel, text.data(), static_cast<std::uint32_t>(text.size()));
    }
    void end() const {
      ssh_channel_send_eof(channel);
      ssh_channel_close(channel);
    }
    /// Goes on serving packets until the client has gone.
    void linger() const {
      serve_until([] { return false; });
    }
    template <class Condition>
    void serve_until(Condition is_enough) const {
      const ssh_event event = ssh_event_new();
      ssh_event_add_session(event, session);
      while (!is_enough() && ssh_is_connected(session) != 0 && ssh_event_dopoll(event, 50) != SSH_ERROR) {
      }
      ssh_event_remove_session(event, session);
      ssh_event_free(event);
    }
  };
  using Behave = std::function<void(const Guest&)>;

  explicit OddGateway(Behave behave) : behave_(std::move(behave)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    HANSE_CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::listen(listener_, 4) == 0);
    HANSE_CHECK(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    endpoint_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    if (behave_) thread_ = std::thread([this] { serve(); });
  }
  ~OddGateway() {
    if (thread_.joinable()) thread_.join();
    ::close(listener_);
  }
  OddGateway(const OddGateway&) = delete;
  OddGateway& operator=(const OddGateway&) = delete;

  [[nodiscard]] const std::string& endpoint() const { return endpoint_; }
  [[nodiscard]] crypto::PublicKey host_key() const { return key_.public_key(); }

 private:
  void serve() {
    const ssh_bind bind = ssh_bind_new();
    const bool no = false;
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
    auto key = provider::to_ssh_key(key_).value();
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, key.get());
    static_cast<void>(key.release());  // the bind's now
    const ssh_session session = ssh_new();
    const int fd = ::accept(listener_, nullptr, nullptr);
    if (ssh_bind_accept_fd(bind, session, fd) == SSH_OK) talk(session);
    ssh_disconnect(session);
    ssh_free(session);
    ssh_bind_free(bind);
  }

  /// Until a subsystem is asked for.
  void talk(ssh_session session) {
    ssh_server_callbacks_struct server{};
    server.userdata = this;
    server.auth_pubkey_function = [](ssh_session, const char*, ssh_key, char, void*) -> int {
      return SSH_AUTH_SUCCESS;
    };
    server.channel_open_request_session_function = [](ssh_session from, void* self) {
      auto& gateway = *static_cast<OddGateway*>(self);
      gateway.channel_ = ssh_channel_new(from);
      ssh_set_channel_callbacks(gateway.channel_, &gateway.channel_callbacks_);
      return gateway.channel_;
    };
    channel_callbacks_.userdata = this;
    channel_callbacks_.channel_subsystem_request_function = [](ssh_session, ssh_channel, const char*, void* self) {
      static_cast<OddGateway*>(self)->is_begun_ = true;
      return 0;
    };
    ssh_callbacks_init(&server);
    ssh_callbacks_init(&channel_callbacks_);
    ssh_set_server_callbacks(session, &server);
    ssh_set_auth_methods(session, SSH_AUTH_METHOD_PUBLICKEY);
    if (ssh_handle_key_exchange(session) != SSH_OK) return;
    Guest{session, nullptr}.serve_until([this] { return is_begun_; });
    if (is_begun_) behave_({session, channel_});
  }

  Behave behave_;
  int listener_;
  std::string endpoint_;
  ssh_channel channel_ = nullptr;
  ssh_channel_callbacks_struct channel_callbacks_{};
  bool is_begun_ = false;
  crypto::KeyPair key_ = crypto::KeyPair::generate();
  std::thread thread_;
};

class SshClientTest : public ::testing::Test {
 protected:
  SshClientTest() {
    fs::create_directories(folder_);
    HANSE_CHECK(client::open_or_create_ssh_key(folder_ / "key", "test").has_value());
  }
  ~SshClientTest() override { fs::remove_all(folder_); }

  std::unique_ptr<SshSession> enter(const OddGateway& gateway) {
    auto session = SshSession::connect(gateway.endpoint(), gateway.host_key(), stop_);
    HANSE_CHECK(session.has_value());
    HANSE_CHECK((*session)->login({7}, folder_ / "key").has_value());
    return std::move(*session);
  }
  /// From another thread, once the wait has surely begun or is about to: either way it must end.
  std::jthread stop_soon() {
    return std::jthread([this] { stop_.stop(); });
  }

  const fs::path folder_ = fs::temp_directory_path() / ("hanse-ssh-client-" + std::to_string(::getpid()));
  Interrupt interrupt_;
  StopSource stop_{interrupt_};
};

TEST_F(SshClientTest, AHelperThatComplainsAndEndsIsHeard) {
  const OddGateway gateway([](const auto& guest) {
    guest.complain("hanse: cannot fork: the lease's limit of processes is reached\n");
    guest.end();
    guest.linger();
  });
  const auto session = enter(gateway);
  const auto sftp = Sftp::open(*session);
  ASSERT_FALSE(sftp);
  EXPECT_EQ(sftp.error().code, ErrorCode::unavailable);
  EXPECT_THAT(sftp.error().message, HasSubstr("closed the file transfer: cannot fork: the lease's limit"));
}

TEST_F(SshClientTest, AComplaintThatNeverEndsFillsNoMemoryAndAStopEndsIt) {
  const OddGateway gateway([](const auto& guest) {
    const std::string words(32'000, 'w');
    while (ssh_is_connected(guest.session) != 0 && ssh_channel_is_open(guest.channel) != 0) guest.complain(words);
  });
  auto session = enter(gateway);
  auto channel = std::move(*session->subsystem("hanse-stats"));
  std::uint8_t byte = 0;
  EXPECT_EQ(channel->read(&byte, 1, 300).error().code, ErrorCode::timeout);
  EXPECT_EQ(channel->complaint().size(), 4096U);
  const auto stopper = stop_soon();
  EXPECT_EQ(channel->read(&byte, 1).error().code, ErrorCode::wrong_state);
  channel.reset();
  session.reset();
}

TEST_F(SshClientTest, AConnectionThatDropsEndsTheWait) {
  const OddGateway gateway([](const auto& guest) { ::shutdown(ssh_get_fd(guest.session), SHUT_RDWR); });
  const auto session = enter(gateway);
  const auto channel = session->subsystem("sftp");
  std::uint8_t byte = 0;
  const auto read = channel ? (*channel)->read(&byte, 1) : fail(channel);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::unavailable) << read.error().message;
}

TEST_F(SshClientTest, ABrokenConnectionThatIsLetGoClosesNoOther) {
  const OddGateway broken([](const auto& guest) { ::shutdown(ssh_get_fd(guest.session), SHUT_RDWR); });
  auto before = enter(broken);
  std::uint8_t byte = 0;
  {
    const auto channel = before->subsystem("sftp");
    EXPECT_FALSE(channel ? (*channel)->read(&byte, 1) : fail(channel));
  }
  const OddGateway gateway([](const auto& guest) {
    guest.say(as_bytes("!"));
    guest.linger();
  });
  auto after = enter(gateway);  // as a reconnection does: its socket may have the old one's number
  before.reset();
  auto channel = after->subsystem("sftp");
  ASSERT_TRUE(channel) << channel.error().message;
  EXPECT_EQ((*channel)->read(&byte, 1).value_or(0), 1U);
  channel = fail(ErrorCode::unavailable, "");
  after.reset();
}

TEST_F(SshClientTest, AStopEndsEveryWait) {
  const OddGateway gateway([](const auto& guest) { guest.linger(); });
  auto session = enter(gateway);
  auto channel = std::move(*session->subsystem("sftp"));
  const auto stopper = stop_soon();
  std::uint8_t byte = 0;
  EXPECT_EQ(channel->read(&byte, 1).error().code, ErrorCode::wrong_state);
  EXPECT_EQ(session->subsystem("another").error().code, ErrorCode::wrong_state);
  EXPECT_EQ(SshSession::connect(gateway.endpoint(), gateway.host_key(), stop_).error().code, ErrorCode::wrong_state);
  channel.reset();
  session.reset();
}

TEST_F(SshClientTest, AWindowThatNeverOpensHoldsNobodyWhoIsToldToStop) {
  std::atomic<bool> is_over = false;
  const OddGateway gateway([&](const auto&) {
    while (!is_over) std::this_thread::yield();  // takes no packet, so gives no room
  });
  auto session = enter(gateway);
  auto channel = std::move(*session->subsystem("sftp"));
  const auto stopper = stop_soon();
  EXPECT_EQ(channel->write(Bytes(64 << 20)).error().code, ErrorCode::wrong_state);
  is_over = true;
  channel.reset();
  session.reset();
}

TEST_F(SshClientTest, AMachineThatAnswersNothingAtAllIsGivenUp) {
  const OddGateway gateway(nullptr);  // its kernel takes the connection, and nobody is there
  EXPECT_EQ(SshSession::connect(gateway.endpoint(), gateway.host_key(), stop_, 200).error().code, ErrorCode::timeout);
}

TEST_F(SshClientTest, AnotherHostKeyIsDenied) {
  const OddGateway gateway([](const auto&) {});
  const auto other = crypto::KeyPair::generate().public_key();
  const auto session = SshSession::connect(gateway.endpoint(), other, stop_);
  ASSERT_FALSE(session);
  EXPECT_EQ(session.error().code, ErrorCode::denied);
}

/// Follows what the gateway says; what came of it.
struct Followed {
  FollowEnd end;
  std::string output, errors;
  std::vector<std::string> notes;
  std::uint64_t missed = 0;
};

class FollowTest : public SshClientTest {
 protected:
  Followed follow(const std::vector<std::pair<wire::FrameKind, std::string>>& frames) {
    const OddGateway gateway([&](const auto& guest) {
      for (const auto& [kind, content] : frames) guest.say(wire::make_frame(kind, content));
      guest.end();
      guest.linger();
    });
    Followed followed;
    OutputFollower follower(
        [&](std::string_view text, bool is_stderr) { (is_stderr ? followed.errors : followed.output) += text; },
        [&](const std::string& line) { followed.notes.push_back(line); });
    const auto session = enter(gateway);
    followed.end = follower.follow(*session);
    followed.missed = follower.missed_bytes();
    return followed;
  }
};

using wire::FrameKind;

TEST_F(FollowTest, A255OfTheJobsIsTheJobs) {
  const auto followed = follow({{FrameKind::output, "out"},
                                {FrameKind::errors, "err"},
                                {FrameKind::alive, ""},
                                {FrameKind::exit, to_text(wire::JobExit{255, false})}});
  EXPECT_EQ(followed.end.why, FollowEnd::Why::exited);
  EXPECT_EQ(followed.end.exit.code, 255);
  EXPECT_EQ(followed.output, "out");
  EXPECT_EQ(followed.errors, "err");
}

TEST_F(FollowTest, WhatTheGatewaySaysIsNeverTheJobsOutput) {
  const auto followed = follow({{FrameKind::note, "one\nline"}, {FrameKind::output, "out"}});
  EXPECT_EQ(followed.end.why, FollowEnd::Why::lost) << "no end was said: it may go on";
  EXPECT_EQ(followed.output, "out");
  EXPECT_EQ(followed.notes.size(), 1U);
}

TEST_F(FollowTest, AFailureThatMayPassIsTriedAgainAndAnotherIsNot) {
  for (const auto& [code, why] : {std::pair{ErrorCode::unavailable, FollowEnd::Why::lost},
                                  std::pair{ErrorCode::wrong_state, FollowEnd::Why::refused}}) {
    const auto followed = follow({{FrameKind::failed, wire::to_text(Error{code, "because"})}});
    EXPECT_EQ(followed.end.why, why);
    EXPECT_EQ(followed.end.error.message, "because");
  }
}

TEST_F(FollowTest, WhatIsMissingIsCountedAndSaid) {
  const auto followed = follow({{FrameKind::output, "12345"},
                                {FrameKind::place, to_text(wire::StreamPlace{1000, 905})},
                                {FrameKind::output, "6"},
                                {FrameKind::place, to_text(wire::StreamPlace{2000, 1006})},
                                {FrameKind::exit, to_text(wire::JobExit{0, false})}});
  EXPECT_EQ(followed.missed, 1000U);
  EXPECT_THAT(followed.notes, ElementsAre(HasSubstr("900"), HasSubstr("100")));
}

TEST_F(FollowTest, AStreamOfSomethingElseIsRefused) {
  const OddGateway gateway([](const auto& guest) {
    guest.say(as_bytes("hanse: nothing that was asked for\n"));
    guest.end();
    guest.linger();
  });
  const auto session = enter(gateway);
  OutputFollower follower([](std::string_view, bool) {}, [](const std::string&) {});
  EXPECT_EQ(follower.follow(*session).why, FollowEnd::Why::refused);
}

}  // namespace
}  // namespace hanse::cli
