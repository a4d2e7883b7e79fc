#pragma once

// For tests: what a reader of a job's output understands of its frames.

#include <optional>
#include <string>
#include <vector>

#include "base/check.hpp"
#include "provider/output_log.hpp"

namespace hanse::provider::testing {

struct Heard {
  std::string out, err, all;  ///< `all`: both, as they came.
  std::vector<wire::StreamPlace> places;
  std::vector<std::string> notes;
  std::optional<wire::JobExit> exit;
  std::optional<Error> failure;
  bool is_done = false;
  std::uint64_t mark = 0;

  void take(ByteView stream) {
    using wire::FrameKind;
    wire::FrameParser parser;
    parser.feed(stream);
    while (true) {
      const auto frame = parser.next();
      HANSE_CHECK(frame.has_value());
      if (!*frame) return;
      const auto kind = (*frame)->kind;
      const auto content = as_text((*frame)->content);
      if (kind == FrameKind::output) out += content;
      if (kind == FrameKind::errors) err += content;
      if (kind == FrameKind::output || kind == FrameKind::errors) all += content;
      if (kind == FrameKind::note) notes.emplace_back(content);
      if (kind == FrameKind::exit) exit = wire::parse_exit(content).value();
      if (kind == FrameKind::failed) failure = wire::parse_failure(content);
      if (kind == FrameKind::place) {
        places.push_back(wire::parse_place(content).value());
        mark = places.back().mark;
      }
      if (wire::has_place(kind)) mark += wire::kFrameHeaderBytes + content.size();
      is_done = is_done || kind == FrameKind::done;
    }
  }
};

/// All that is in the log now, from a mark on.
inline Heard hear(const std::shared_ptr<OutputLog>& log, std::uint64_t mark = 0) {
  OutputReader reader(log, mark);
  Heard heard;
  heard.mark = mark;
  Bytes scratch(OutputReader::kLeastScratch);
  for (auto frames = reader.next(scratch, 0, {}); !frames.empty(); frames = reader.next(scratch, 0, {})) {
    heard.take(frames);
  }
  return heard;
}

/// The same, waiting until it holds `text` or the job's exit.
inline Heard hear_until(const std::shared_ptr<OutputLog>& log, const std::string& text = {}) {
  OutputReader reader(log, 0);
  Heard heard;
  Bytes scratch(OutputReader::kLeastScratch);
  while (!heard.exit && (text.empty() || heard.all.find(text) == std::string::npos)) {
    const auto frames = reader.next(scratch, 60'000, {});
    HANSE_CHECK(!frames.empty());
    heard.take(frames);
  }
  return heard;
}

}  // namespace hanse::provider::testing
