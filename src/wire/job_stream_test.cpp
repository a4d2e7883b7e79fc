#include "wire/job_stream.hpp"

#include <gtest/gtest.h>

#include "base/rng.hpp"

namespace hanse::wire {
namespace {

TEST(JobStream, FramesComeBackWholeHoweverTheyAreCut) {
  const std::vector<std::pair<FrameKind, std::string>> sent{{FrameKind::place, to_text(StreamPlace{7, 3})},
                                                            {FrameKind::output, std::string("a\0b", 3)},
                                                            {FrameKind::alive, ""},
                                                            {FrameKind::errors, std::string(kMaxFrameBytes, 'x')},
                                                            {FrameKind::exit, to_text(JobExit{255, false})}};
  Bytes stream;
  for (const auto& [kind, content] : sent) {
    const auto frame = make_frame(kind, content);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const std::size_t piece : {std::size_t{1}, std::size_t{4}, std::size_t{70'000}, stream.size()}) {
    FrameParser parser;
    std::vector<std::pair<FrameKind, std::string>> got;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      parser.feed(ByteView(stream).subspan(at, std::min(piece, stream.size() - at)));
      for (auto frame = parser.next(); frame && *frame; frame = parser.next()) {
        got.emplace_back((*frame)->kind, as_text((*frame)->content));
      }
    }
    EXPECT_EQ(got, sent) << "in pieces of " << piece;
  }
}

TEST(JobStream, WhatIsNoStreamIsRefused) {
  FrameParser parser;
  parser.feed(as_bytes("hanse: no such thing\n"));
  EXPECT_FALSE(parser.next());
  FrameParser large;
  const auto header = frame_header(FrameKind::output, kMaxFrameBytes + 1);
  large.feed(header);
  EXPECT_FALSE(large.next());
}

TEST(JobStream, WhatIsSaidInWordsReadsBack) {
  EXPECT_EQ(parse_exit(to_text(JobExit{255, false})), (JobExit{255, false}));
  EXPECT_EQ(parse_exit(to_text(JobExit{0, true})), (JobExit{0, true}));
  EXPECT_EQ(parse_place(to_text(StreamPlace{1ULL << 62, 9})), (StreamPlace{1ULL << 62, 9}));
  EXPECT_EQ(parse_request(to_text(StreamRequest{12, false})), (StreamRequest{12, false}));
  EXPECT_EQ(parse_request("\n"), StreamRequest{}) << "who asks for nothing follows from the beginning";
  const Error error{ErrorCode::wrong_state, "lease-7 has ended"};
  EXPECT_EQ(parse_failure(to_text(error)), error);
  for (const char* bad : {"", "{", "[1]", R"({"code":256})", R"({"code":-1})", R"({"code":"0"})"}) {
    EXPECT_FALSE(parse_exit(bad)) << bad;
  }
}

}  // namespace
}  // namespace hanse::wire
