#pragma once

// One SSH channel: takes its requests, then moves bytes between libssh and the pipes of its Work. Lives in its
// connection's thread; nothing here blocks. Memory is bounded: what the client sends beyond what the pipe takes stays
// in libssh's window (1.25 MiB), and output is read from the pipe only when the client's window has room for it.

#include <poll.h>

#include <memory>
#include <string>
#include <vector>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#include "provider/gateway_work.hpp"

namespace hanse::provider {

class Channel {
 public:
  /// `wake` is signalled when the work is done; all outlive the channel.
  Channel(const WorkContext& context, model::LeaseId lease, ssh_channel channel, const Wake& wake);
  ~Channel();
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  /// A direct-tcpip channel: forwards to this port of the lease.
  void start_connect(std::uint16_t port);

  /// Asks for the events that pump() waits for. `writable`: the connection can take output now.
  void add_polls(std::vector<pollfd>& polls, bool writable) const;
  /// Moves what can be moved without blocking. `scratch` is any buffer of 64 KiB or more.
  void pump(std::span<std::uint8_t> scratch);
  /// A line for a person: goes to a terminal's or a shell's stderr, and nowhere else.
  void tell(const std::string& line);
  void abort();
  /// The client wants no more output ("eow@openssh.com"): whoever still writes is told as by a broken pipe.
  void stop_output();
  [[nodiscard]] ssh_channel handle() const { return channel_; }
  /// A packet came that only pump() can act on.
  [[nodiscard]] bool needs_turn() const;
  /// libssh holds output back; try again soon.
  [[nodiscard]] bool stalled() const { return !output_.pending.empty() || !errors_.pending.empty(); }
  /// Both sides closed and the work ended: may be destroyed without waiting.
  [[nodiscard]] bool over() const;

 private:
  struct Source {
    Descriptor fd;
    bool is_stderr = false;
    Bytes pending;  ///< Read, but not taken by libssh (a key exchange is under way).
  };

  void set_callbacks();
  int start(WorkSpec::Kind kind, std::string command = {});
  int run_command(std::string command);
  int subsystem(std::string_view name);
  int add_env(std::string_view name, std::string_view value);
  std::uint32_t on_data(std::span<const std::uint8_t> data, bool is_stderr);
  void pump_input(std::span<std::uint8_t> scratch);
  void pump_output(Source& source, std::span<std::uint8_t> scratch);
  bool send(Source& source, std::span<const std::uint8_t> data);
  void finish();
  [[nodiscard]] bool can_send() const;

  const WorkContext& context_;
  const Wake& wake_;
  ssh_channel channel_;
  ssh_channel_callbacks_struct callbacks_{};
  WorkSpec spec_;
  std::unique_ptr<Work> work_;
  Descriptor input_;
  bool started_ = false;         ///< Also when starting failed: one request a channel.
  bool input_buffered_ = false;  ///< libssh holds input that the pipe did not take.
  Bytes input_pending_;          ///< Taken from libssh, but not by the pipe.
  Source output_, errors_;
  bool remote_eof_ = false, remote_closed_ = false;
  bool eof_sent_ = false, close_sent_ = false;
};

}  // namespace hanse::provider
