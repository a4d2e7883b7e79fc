#include "wire/job_stream.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "wire/json.hpp"

namespace hanse::wire {
namespace {

using nlohmann::json;

bool is_known(std::uint8_t kind) {
  return std::string_view("oenxpadf").find(static_cast<char>(kind)) != std::string_view::npos;
}

/// An object, or an error that names `what`.
Result<json> object_of(std::string_view text, const char* what) {
  auto parsed = parse_json(text);
  if (parsed && parsed->is_object()) return parsed;
  return fail(ErrorCode::malformed, std::string(what) + " cannot be read");
}

/// Foreign JSON: a value of another kind is as good as none.
std::uint64_t number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}
bool flag_of(const json& object, const char* key, bool otherwise) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}
std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string dump(const json& object) {
  return object.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

std::array<std::uint8_t, kFrameHeaderBytes> frame_header(FrameKind kind, std::size_t size) {
  const auto n = static_cast<std::uint32_t>(size);
  return {static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(n >> 24), static_cast<std::uint8_t>(n >> 16),
          static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)};
}

Bytes make_frame(FrameKind kind, std::string_view content) {
  content = content.substr(0, kMaxFrameBytes);
  const auto header = frame_header(kind, content.size());
  Bytes out(header.begin(), header.end());
  out.insert(out.end(), content.begin(), content.end());
  return out;
}

void FrameParser::feed(ByteView bytes) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(at_));
  at_ = 0;
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<Frame>> FrameParser::next() {
  const ByteView rest = ByteView(pending_).subspan(at_);
  if (rest.empty()) return std::nullopt;
  if (!is_known(rest[0])) return fail(ErrorCode::malformed, "the machine sent what is no stream of output");
  if (rest.size() < kFrameHeaderBytes) return std::nullopt;
  const std::size_t size =
      std::size_t{rest[1]} << 24 | std::size_t{rest[2]} << 16 | std::size_t{rest[3]} << 8 | rest[4];
  if (size > kMaxFrameBytes) return fail(ErrorCode::malformed, "the machine sent a piece of output that is too large");
  if (rest.size() < kFrameHeaderBytes + size) return std::nullopt;
  at_ += kFrameHeaderBytes + size;
  return Frame{static_cast<FrameKind>(rest[0]), rest.subspan(kFrameHeaderBytes, size)};
}

std::string to_text(const JobExit& exit) {
  return dump({{"code", exit.code}, {"in_setup", exit.in_setup}});
}
std::string to_text(const StreamPlace& place) {
  return dump({{"mark", place.mark}, {"bytes", place.bytes}});
}
std::string to_text(const StreamRequest& request) {
  return dump({{"mark", request.mark}, {"follow", request.follow}});
}
std::string to_text(const Error& failure) {
  return dump({{"code", name_of(failure.code)}, {"text", failure.message}});
}

Result<JobExit> parse_exit(std::string_view text) {
  const auto object = object_of(text, "how the job ended");
  if (!object) return fail(object);
  const auto code = object->find("code");
  if (code == object->end() || !code->is_number_unsigned() || code->get<std::uint64_t>() > 255) {
    return fail(ErrorCode::malformed, "how the job ended cannot be read: an exit code is a number from 0 to 255");
  }
  return JobExit{code->get<int>(), flag_of(*object, "in_setup", false)};
}

Result<StreamPlace> parse_place(std::string_view text) {
  const auto object = object_of(text, "the place in the output");
  if (!object) return fail(object);
  return StreamPlace{number_of(*object, "mark"), number_of(*object, "bytes")};
}

Result<StreamRequest> parse_request(std::string_view text) {
  if (text.find_first_not_of(" \r\n") == std::string_view::npos) return StreamRequest{};
  const auto object = object_of(text, "what is asked of the output");
  if (!object) return fail(object);
  return StreamRequest{number_of(*object, "mark"), flag_of(*object, "follow", true)};
}

Error parse_failure(std::string_view text) {
  const auto object = object_of(text, "the machine's reason");
  if (!object) return {ErrorCode::unavailable, "the machine cannot give the output now"};
  return {error_code_of(text_of(*object, "code")), text_of(*object, "text")};
}

}  // namespace hanse::wire
