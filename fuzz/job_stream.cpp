// A job's output as a hostile machine may send it: frames come apart the same however they are cut, and what they say
// in words is read or refused.

#include "wire/job_stream.hpp"
#include "fuzz/fuzz.hpp"

namespace hanse::fuzz {
namespace {

/// All frames up to the end or to what is none, as "KIND SIZE CONTENT".
std::string taken(ByteView stream, std::size_t piece) {
  wire::FrameParser parser;
  std::string out;
  for (std::size_t at = 0; at < stream.size(); at += piece) {
    parser.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (true) {
      const auto frame = parser.next();
      if (!frame) return out + "refused";
      if (!*frame) break;
      const auto content = as_text((*frame)->content);
      out += static_cast<char>((*frame)->kind) + std::to_string(content.size()) + " " + std::string(content);
    }
  }
  return out;
}

}  // namespace

std::vector<Bytes> seeds() {
  using wire::FrameKind;
  return {wire::make_frame(FrameKind::output, "out\n"),
          wire::make_frame(FrameKind::place, to_text(wire::StreamPlace{1000, 900})),
          wire::make_frame(FrameKind::exit, to_text(wire::JobExit{255, true})),
          wire::make_frame(FrameKind::failed, wire::to_text(Error{ErrorCode::wrong_state, "ended"})),
          wire::make_frame(FrameKind::alive, "")};
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const ByteView bytes(data, size);
  const auto whole = fuzz::taken(bytes, std::max<std::size_t>(size, 1));
  HANSE_CHECK(fuzz::taken(bytes, 1) == whole);
  HANSE_CHECK(fuzz::taken(bytes, 7) == whole);
  const auto text = as_text(bytes);
  if (const auto exit = wire::parse_exit(text)) HANSE_CHECK(exit->code >= 0 && exit->code <= 255);
  if (const auto place = wire::parse_place(text)) HANSE_CHECK(wire::parse_place(to_text(*place)) == *place);
  if (const auto request = wire::parse_request(text)) HANSE_CHECK(wire::parse_request(to_text(*request)) == *request);
  static_cast<void>(wire::parse_failure(text));
  return 0;
}
