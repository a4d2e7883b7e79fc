// The subsystems that the `hanse` command speaks; see gateway.hpp.

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "model/job.hpp"
#include "provider/gateway_work.hpp"

namespace hanse::provider {
namespace {

constexpr std::size_t kMaxRequestBytes = 4096;
constexpr std::size_t kOutputScratchBytes = 2 * OutputReader::kLeastScratch;
constexpr std::int64_t kAliveMs = 15'000;  ///< A reader that hears nothing for a minute takes us for dead.

std::string line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Outcome answer(int fd, const Result<>& result, std::string_view state) {
  if (result) {
    write_all(fd, line({{"state", state}}));
    return {};
  }
  write_all(fd, line({{"state", "failed"}, {"code", name_of(result.error().code)}, {"text", result.error().message}}));
  return {1, {}};
}

/// All of the input up to its end; too_large beyond the limit.
Result<Bytes> read_all(int fd, std::size_t limit) {
  Bytes bytes(limit + 1);
  std::size_t size = 0;
  while (size < bytes.size()) {
    const ssize_t n = ::read(fd, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(ErrorCode::io, "what was sent did not arrive; try again");
    if (n == 0) {
      bytes.resize(size);
      return bytes;
    }
    size += static_cast<std::size_t>(n);
  }
  return fail(ErrorCode::too_large,
              "at most " + std::to_string(limit) + " bytes may be sent; copy files into the workdir instead");
}

}  // namespace

Outcome Work::run_registry() {
  const int out = files_.out.get();
  auto bytes = read_all(files_.in.get(), client::kMaxLoginBytes);
  if (!bytes) return answer(out, fail(bytes), "");
  auto logins = client::parse_registry_logins(as_text(*bytes));
  std::fill(bytes->begin(), bytes->end(), std::uint8_t{0});
  if (!logins) return answer(out, fail(logins), "");
  if (logins->logins.size() != 1) {
    return answer(out, fail(ErrorCode::invalid_argument, "send one login: that of the image's registry"), "");
  }
  return answer(out, context_.host->take_login(spec_.lease, logins->logins.front()), "taken");
}

Outcome Work::run_job() {
  const int out = files_.out.get();
  const auto job = read_all(files_.in.get(), model::kMaxJobBytes);
  if (!job) return answer(out, fail(job), "");
  const auto progress = [&](std::uint64_t done, std::uint64_t total, const std::string& text) {
    write_all(out, line({{"state", "pulling"}, {"done", done}, {"total", total}, {"text", text}}));
  };
  return answer(out, context_.host->deliver(spec_.lease, *job, progress), "started");
}

Outcome Work::run_go() {
  return answer(files_.out.get(), context_.host->go(spec_.lease), "running");
}

/// Everything that it has to say is a frame: what the channel's stderr or exit status said could be taken for the
/// job's.
Outcome Work::run_logs() {
  const int out = files_.out.get();
  const auto refuse = [&](const Error& error) {
    write_all(out, wire::make_frame(wire::FrameKind::failed, wire::to_text(error)));
    return Outcome{};
  };
  const auto asked = read_all(files_.in.get(), kMaxRequestBytes);
  if (!asked) return refuse(asked.error());
  const auto request = wire::parse_request(as_text(*asked));
  if (!request) return refuse(request.error());
  const auto log = context_.host->output(spec_.lease);
  if (!log) return refuse(log.error());
  OutputReader reader(*log, request->mark);
  const auto end = (*log)->end();
  Bytes scratch(kOutputScratchBytes);
  while (!aborted_) {
    if (!request->follow && reader.mark() >= end) {
      write_all(out, wire::make_frame(wire::FrameKind::done, ""));
      return {};
    }
    const auto frames = reader.next(scratch, kAliveMs, stop_.get_token());
    const bool is_read =
        frames.empty() ? write_all(out, wire::make_frame(wire::FrameKind::alive, "")) : write_all(out, frames);
    if (!is_read || reader.at_exit()) return {};
  }
  return {};
}

Outcome Work::run_delivered() {
  const auto job = context_.host->delivered(spec_.lease);
  if (!job) return complain(job.error());
  write_all(files_.out.get(), *job);
  return {};
}

Outcome Work::run_stats() {
  while (!aborted_) {
    const std::string stats = context_.host->stats_json(spec_.lease);
    if (stats.empty() || !write_all(files_.out.get(), stats + "\n")) break;
    pollfd control{control_.fd(), POLLIN, 0};
    (void)::poll(&control, 1, 1000);
  }
  return {};
}

}  // namespace hanse::provider
