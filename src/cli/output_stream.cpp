#include "cli/output_stream.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/utf8.hpp"
#include "cli/progress.hpp"
#include "cli/terminal.hpp"
#include "crypto/base64.hpp"

namespace hanse::cli {

namespace {

constexpr std::size_t kLongestLine = 64 * 1024;

/// Of a text that is longer than `most`, so much that no character is cut in two; in what is no text, `most`.
std::size_t cut_between_characters(std::string_view text, std::size_t most) {
  std::size_t at = most;
  while (at > most - 4 && (static_cast<std::uint8_t>(text[at]) & 0xc0) == 0x80) --at;
  return at > most - 4 ? at : most;
}

FollowEnd lost(const Error& error) {
  const bool is_stop = error.code == ErrorCode::wrong_state;
  return {is_stop ? FollowEnd::Why::stopped : FollowEnd::Why::lost, {}, error};
}

}  // namespace

FollowEnd OutputFollower::follow(SshSession& session, bool to_end) {
  auto channel = session.subsystem("hanse-logs");
  if (!channel) return lost(channel.error());
  const std::string request = to_text(wire::StreamRequest{mark_, to_end});
  if (auto asked = (*channel)->write(as_bytes(request)); !asked) return lost(asked.error());
  if (auto asked = (*channel)->end_input(); !asked) return lost(asked.error());
  wire::FrameParser parser;
  std::array<std::uint8_t, 64 * 1024> buffer;
  while (true) {
    if (session.stopped()) return {FollowEnd::Why::stopped, {}, {}};  // also under a flood of output
    const auto n = (*channel)->read(buffer.data(), buffer.size());
    if (!n) return lost(n.error());
    if (*n == 0) {
      const std::string why = (*channel)->complaint();
      return {FollowEnd::Why::lost,
              {},
              {ErrorCode::unavailable, "the machine ended the output" + (why.empty() ? "" : ": " + why)}};
    }
    parser.feed(ByteView(buffer).first(*n));
    while (true) {
      const auto frame = parser.next();
      if (!frame) return {FollowEnd::Why::refused, {}, frame.error()};
      if (!*frame) break;
      if (auto end = take(**frame)) return *end;
    }
  }
}

std::optional<FollowEnd> OutputFollower::take(const wire::Frame& frame) {
  const auto text = as_text(frame.content);
  if (wire::has_place(frame.kind)) mark_ += wire::kFrameHeaderBytes + text.size();
  switch (frame.kind) {
    case wire::FrameKind::output:
    case wire::FrameKind::errors:
      bytes_ += text.size();
      sink_(text, frame.kind == wire::FrameKind::errors);
      break;
    case wire::FrameKind::note:
      note_(printable(text));
      break;
    case wire::FrameKind::place:
      return take_place(text);
    case wire::FrameKind::exit: {
      const auto exit = wire::parse_exit(text);
      if (!exit) return FollowEnd{FollowEnd::Why::refused, {}, exit.error()};
      return FollowEnd{FollowEnd::Why::exited, *exit, {}};
    }
    case wire::FrameKind::done:
      return FollowEnd{FollowEnd::Why::done, {}, {}};
    case wire::FrameKind::failed: {
      const auto error = wire::parse_failure(text);
      const bool may_pass = error.code == ErrorCode::unavailable || error.code == ErrorCode::timeout;
      return FollowEnd{may_pass ? FollowEnd::Why::lost : FollowEnd::Why::refused, {}, error};
    }
    case wire::FrameKind::alive:
      break;
  }
  return std::nullopt;
}

std::optional<FollowEnd> OutputFollower::take_place(std::string_view text) {
  const auto place = wire::parse_place(text);
  if (!place) return FollowEnd{FollowEnd::Why::refused, {}, place.error()};
  if (place->bytes > bytes_) {
    missed_ += place->bytes - bytes_;
    note_(rough_size(place->bytes - bytes_) +
          " of output are missing here: the machine keeps the last part of it, and nobody read these in time");
  }
  mark_ = place->mark;
  bytes_ = place->bytes;
  return std::nullopt;
}

void JsonLines::pass(std::string_view text, bool is_stderr) {
  std::string& rest = rest_[is_stderr ? 1 : 0];
  rest += text;
  std::size_t at = 0;
  while (true) {
    const auto line = std::string_view(rest).substr(at);
    const auto end = line.find('\n');
    std::size_t size = 0;
    if (end < kLongestLine) {
      size = end + 1;
    } else if (line.size() > kLongestLine) {
      size = cut_between_characters(line, kLongestLine);
    } else {
      break;
    }
    print(line.substr(0, size), is_stderr);
    at += size;
  }
  rest.erase(0, at);
}

void JsonLines::end() {
  for (const bool is_stderr : {false, true}) {
    const auto rest = std::exchange(rest_[is_stderr ? 1 : 0], {});
    if (!rest.empty()) print(rest, is_stderr);
  }
}

void JsonLines::print(std::string_view line, bool is_stderr) const {
  nlohmann::json object{{"stream", is_stderr ? "stderr" : "stdout"}};
  if (is_utf8(as_bytes(line))) {
    object["text"] = line;
  } else {
    object["base64"] = crypto::to_base64(line);
  }
  print_(object);
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
