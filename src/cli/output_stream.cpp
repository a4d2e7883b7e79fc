#include "cli/output_stream.hpp"

#include <algorithm>
#include <array>

#include "cli/terminal.hpp"

namespace hanse::cli {

namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

}  // namespace

void OutputFollower::pass(std::string_view text, bool is_stderr, std::uint64_t& position) {
  std::uint64_t& passed = passed_[is_stderr ? 1 : 0];
  const std::uint64_t begin = position;
  position += text.size();
  if (position <= passed) return;
  text.remove_prefix(static_cast<std::size_t>(passed > begin ? passed - begin : 0));
  passed = position;
  sink_(text, is_stderr);
}

FollowEnd OutputFollower::follow(SshSession& session, SshChannel& channel, const StopSource& stop) {
  std::array<std::uint8_t, 64 * 1024> buffer;
  std::uint64_t position[2] = {0, 0};
  while (true) {
    bool any = false;
    for (const bool is_stderr : {false, true}) {
      const auto n = channel.read_now(buffer.data(), buffer.size(), is_stderr);
      if (!n) return {FollowEnd::Why::lost, -1};
      if (*n == 0) continue;
      pass({reinterpret_cast<const char*>(buffer.data()), *n}, is_stderr, position[is_stderr ? 1 : 0]);
      any = true;
    }
    if (stop.stopped()) return {FollowEnd::Why::stopped, -1};  // also under a flood of output
    if (any) continue;
    if (channel.at_end()) {
      const int status = channel.exit_status();
      return status >= 0 ? FollowEnd{FollowEnd::Why::exited, status} : FollowEnd{FollowEnd::Why::lost, -1};
    }
    if (!session.is_connected()) return {FollowEnd::Why::lost, -1};
    if (session.wait(stop.fd(), 1000)) return {FollowEnd::Why::stopped, -1};
  }
}

void LineLabels::pass(std::string_view text, bool is_stderr) {
  std::string& rest = rest_[is_stderr ? 1 : 0];
  std::string out;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto piece = text.substr(0, std::min(end == text.npos ? text.size() : end, kLongestLine - rest.size()));
    rest += piece;
    text.remove_prefix(piece.size());
    const bool ends = !text.empty() && text.front() == '\n';
    if (ends) text.remove_prefix(1);
    if (!ends && rest.size() < kLongestLine) break;
    out += label_ + rest + '\n';
    rest.clear();
  }
  if (!out.empty()) sink_(out, is_stderr);
}

LineLabels::~LineLabels() {
  for (const bool is_stderr : {false, true}) {
    if (!rest_[is_stderr ? 1 : 0].empty()) pass("\n", is_stderr);
  }
}

void write_through(std::string_view text, bool is_stderr) {
  if (is_stderr) {
    print_err(text);
  } else {
    print_out(text);
  }
}

}  // namespace hanse::cli
