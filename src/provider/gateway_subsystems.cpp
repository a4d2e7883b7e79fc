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
    if (n < 0) return fail(ErrorCode::io, "the job did not arrive; try again");
    if (n == 0) {
      bytes.resize(size);
      return bytes;
    }
    size += static_cast<std::size_t>(n);
  }
  return fail(ErrorCode::too_large,
              "a job has at most " + std::to_string(limit) + " bytes; copy files into the workdir instead");
}

}  // namespace

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

Outcome Work::run_logs(bool follow) {
  auto stream = context_.host->output(spec_.lease, *context_.engine, follow);
  if (!stream) return complain(stream.error());
  const bool complete = adopt(stream->get()) && pump_output(**stream);
  adopt(nullptr);
  if (!complete) return {255, {}};
  if (!follow) return {};
  const auto code = context_.host->wait(spec_.lease);
  if (!code) return complain(code.error());
  return {*code, {}};
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
