// What people see: tables, progress, sizes.

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/output_stream.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "cli/table.hpp"

namespace hanse::cli {
namespace {

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

TEST(LineLabels, EveryLineBearsItsLabelHoweverItComes) {
  for (std::size_t size = 1; size < 12; ++size) {
    std::string out, err;
    {
      LineLabels lines("[3] ", [&](std::string_view text, bool is_stderr) { (is_stderr ? err : out) += text; });
      const std::string_view text = "one\n\ntwo\nend";
      for (std::size_t at = 0; at < text.size(); at += size) {
        lines.pass(text.substr(at, size), false);
        lines.pass(text.substr(at, size), true);
      }
    }
    EXPECT_EQ(out, "[3] one\n[3] \n[3] two\n[3] end\n") << size;
    EXPECT_EQ(err, out);
  }
}

TEST(LineLabels, ALineWithoutEndIsPassedOnInPieces) {
  std::string out;
  LineLabels lines("> ", [&](std::string_view text, bool) { out += text; });
  lines.pass(std::string(200'000, 'x'), false);
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 200'000 / (64 * 1024));
  EXPECT_EQ(static_cast<std::size_t>(std::count(out.begin(), out.end(), 'x')), 200'000 / (64 * 1024) * (64U * 1024));
}

/// What the JSON lines stand for, byte by byte.
std::string told_by(const std::vector<nlohmann::json>& lines, const std::string& stream) {
  std::string out;
  for (const auto& line : lines) {
    if (line["stream"] != stream) continue;
    if (line.contains("text")) {
      out += line["text"].get<std::string>();
      continue;
    }
    const auto base64 = line["base64"].get<std::string>();
    std::string bytes(base64.size(), '\0');
    std::size_t size = 0;
    EXPECT_EQ(sodium_base642bin(reinterpret_cast<unsigned char*>(bytes.data()), bytes.size(), base64.data(),
                                base64.size(), nullptr, &size, nullptr, sodium_base64_VARIANT_ORIGINAL),
              0);
    out += bytes.substr(0, size);
  }
  return out;
}

TEST(JsonLines, AreWholeLinesExactToTheByteHoweverOutputIsCut) {
  std::string text;
  for (int i = 0; i < 300; ++i) text += std::string(static_cast<std::size_t>(i % 7), 'a') + "é🚀ü\n";
  text += std::string("no text: \xff\xfe\0\n", 13) + std::string(200'000, 'x') + "🚀\n" + "no end of line é";
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{4096}, text.size()}) {
    std::vector<nlohmann::json> lines;
    JsonLines json([&](const nlohmann::json& line) { lines.push_back(line); });
    for (std::size_t at = 0; at < text.size(); at += piece) {
      json.pass(std::string_view(text).substr(at, piece), false);
      json.pass(std::string_view(text).substr(at, piece), true);
    }
    json.end();
    EXPECT_EQ(told_by(lines, "stdout"), text) << piece;
    EXPECT_EQ(told_by(lines, "stderr"), text) << piece;
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(), [](const auto& line) { return line.contains("base64"); }), 2);
  }
}

TEST(JsonLines, ALongLineIsCutBetweenCharacters) {
  for (std::size_t before = 0; before < 4; ++before) {
    std::string text(before, 'x');
    for (int i = 0; i < 40'000; ++i) text += "🚀";
    std::vector<nlohmann::json> lines;
    JsonLines json([&](const nlohmann::json& line) { lines.push_back(line); });
    json.pass(text, false);
    json.end();
    EXPECT_EQ(told_by(lines, "stdout"), text);
    for (const auto& line : lines) EXPECT_TRUE(line.contains("text"));
  }
}

TEST(Interrupt, TheTerminalsEndIsOneButNotForWhoWasToldToIgnoreIt) {
  {
    const Interrupt interrupt;
    ::raise(SIGHUP);
    EXPECT_EQ(interrupt.count(), 1);
  }
  ::signal(SIGHUP, SIG_IGN);
  {
    const Interrupt interrupt;
    ::raise(SIGHUP);
    EXPECT_EQ(interrupt.count(), 0);
  }
  ::signal(SIGHUP, SIG_DFL);
}

TEST(StopSource, OfANarrowerKindEndsWithTheWiderAndNotTheOtherWayRound) {
  const Interrupt interrupt;
  StopSource wider(interrupt);
  StopSource narrow(&wider), other(&wider);
  narrow.stop();
  EXPECT_TRUE(narrow.stopped());
  EXPECT_FALSE(wider.stopped());
  EXPECT_FALSE(other.wait(0));
  wider.stop();
  EXPECT_TRUE(other.wait(60'000));
}

TEST(StopSource, EndsTheWaitOfEveryThreadWhoeverStopsIt) {
  for (const bool by_signal : {true, false}) {
    Interrupt interrupt;
    StopSource stop(interrupt);
    EXPECT_FALSE(stop.wait(0));
    std::atomic<int> woken = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { woken += stop.wait(60'000) ? 1 : 0; });
    }
    by_signal ? static_cast<void>(Interrupt::raise()) : stop.stop();
    threads.clear();
    EXPECT_EQ(woken, 4);
    EXPECT_TRUE(stop.stopped());
    EXPECT_EQ(interrupt.count(), by_signal ? 1 : 0);
  }
}

TEST(DisplayWidth, CountsColumnsAndNotBytes) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("Köln"), 4U);
  EXPECT_EQ(display_width("e\xCC\x81"), 1U) << "a combining accent takes no column";
  EXPECT_EQ(display_width("東京"), 4U);
  EXPECT_EQ(display_width("\xFF\xFE"), 2U) << "bytes that are not UTF-8 count one each";
}

TEST(Table, AlignsColumnsWhateverTheScript) {
  Table table({{"NAME"}, {"PRICE", Align::right}, {"LAST"}});
  table.add({"Köln", "1.20", "x"});
  table.add({"東京", "100.00", "x"});
  table.add({"a", "3.5", "x"});
  for (const auto& line : lines_of(table.text())) {
    const auto last = line.rfind(line.find("LAST") != std::string::npos ? "LAST" : "x");
    EXPECT_EQ(display_width(line.substr(0, last)), 14U) << line;
  }
}

TEST(Table, LeavesOutColumnsThatAreAllEmpty) {
  Table table({{"A"}, {"EMPTY"}, {"B"}});
  table.add({"1", "", "2"});
  EXPECT_EQ(table.text().find("EMPTY"), std::string::npos);
}

TEST(Table, LeavesOutByRankWhatDoesNotFit) {
  Table table({{"OFFER"}, {"LONG", Align::right, 2}, {"PRICE", Align::right}, {"SHORT", Align::left, 1}});
  table.add({"offer-1", "something long", "1.20", "x"});
  EXPECT_EQ(lines_of(table.text(false, 37))[0], "OFFER              LONG  PRICE  SHORT");
  EXPECT_EQ(lines_of(table.text(false, 36))[0], "OFFER    PRICE  SHORT");
  EXPECT_EQ(lines_of(table.text(false, 20))[0], "OFFER    PRICE");
  EXPECT_EQ(lines_of(table.text(false, 3))[1], "offer-1   1.20") << "what is left is not cut";
}

TEST(Table, LetsNoControlCharacterThrough) {
  Table table({{"NAME"}});
  table.add({"evil\x1b[2J\nname"});
  const auto text = table.text();
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(lines_of(text).size(), 2U);
}

TEST(Printable, LetsNothingThroughThatActsOnATerminalOrDeceives) {
  EXPECT_EQ(printable("a\x1b]0;x\x07z\r\n\x7f\xC2\x9B"), "a?]0;x?z?\n??");
  EXPECT_EQ(printable("\xC0\x9B"), "?") << "ESC spelt in two bytes";
  EXPECT_EQ(printable("abc\u202Etxt.exe\u2069"), "abc?txt.exe?");
  EXPECT_EQ(printable("pay\u200Bpal\uFEFF"), "pay?pal?");
  EXPECT_EQ(printable("Köln 東京 👩\u200D🚀"), "Köln 東京 👩\u200D🚀");
}

model::Event event_of(model::EventKind kind, std::int64_t micros) {
  model::Event event;
  event.kind = kind;
  event.account.data.fill(1);
  event.counterparty.data.fill(2);
  event.amount.micros = micros;
  return event;
}

TEST(History, SaysWhatCameAndWhatWent) {
  model::AccountId renter, owner, other;
  renter.data.fill(1);
  owner.data.fill(2);
  using model::EventKind;
  for (const auto& [kind, renters, owners] :
       {std::tuple{EventKind::transferred, -5, 5}, std::tuple{EventKind::lease_matched, -5, 0},
        std::tuple{EventKind::lease_extended, -5, 0}, std::tuple{EventKind::lease_topped_up, -5, 0},
        std::tuple{EventKind::lease_ended, 5, 0}, std::tuple{EventKind::lease_released, 0, 5},
        std::tuple{EventKind::key_authorized, 0, 0}}) {
    EXPECT_EQ(change_micros(event_of(kind, 5), renter), renters) << model::name_of(kind);
    EXPECT_EQ(change_micros(event_of(kind, 5), owner), owners) << model::name_of(kind);
    EXPECT_EQ(change_micros(event_of(kind, 5), other), 0) << model::name_of(kind);
  }
  EXPECT_EQ(signed_money(1'500'000), "+1.50");
  EXPECT_EQ(signed_money(-1), "-0.000001");
  EXPECT_EQ(signed_money(0), "");
}

TEST(Table, IsPlainWithoutColour) {
  Table table({{"NAME"}});
  table.add({"x"}, Style::red);
  EXPECT_EQ(table.text(false).find('\x1b'), std::string::npos);
  EXPECT_NE(table.text(true).find('\x1b'), std::string::npos);
}

TEST(Progress, BarShowsShareRateAndTimeLeft) {
  const auto text = bar_text("copying", 12'000'000, 24'000'000, Unit::bytes, 2000, 120);
  EXPECT_NE(text.find("[############............]"), std::string::npos) << text;
  EXPECT_NE(text.find(" 50%"), std::string::npos) << text;
  EXPECT_NE(text.find("12.0 MB of 24.0 MB"), std::string::npos) << text;
  EXPECT_NE(text.find("6.0 MB/s"), std::string::npos) << text;
  EXPECT_NE(text.find("2s left"), std::string::npos) << text;
}

TEST(Progress, BarNeverExceedsTheTerminal) {
  for (std::size_t columns = 1; columns < 140; ++columns) {
    const auto text = bar_text("a rather long label of a job", 999, 1000, Unit::bytes, 5000, columns);
    EXPECT_LE(display_width(text), columns) << text;
  }
}

TEST(Progress, UnknownTotalsHaveNoBar) {
  EXPECT_EQ(bar_text("pulling", 3, 0, Unit::items, 1000, 80).find('['), std::string::npos);
}

TEST(Progress, MoreDoneThanPlannedIsStillAHundredPercent) {
  EXPECT_NE(bar_text("x", 5, 2, Unit::items, 1000, 80).find("100%"), std::string::npos);
  EXPECT_EQ(step_text("copying", 5'000'000, 10'000'000, Unit::bytes), "copying: 50% (5.0 MB of 10.0 MB)");
}

TEST(RoughSize, PicksTheUnitThatReadsWell) {
  EXPECT_EQ(rough_size(0), "0 B");
  EXPECT_EQ(rough_size(999), "999 B");
  EXPECT_EQ(rough_size(1500), "1.5 kB");
  EXPECT_EQ(rough_size(999'960), "1.0 MB");
}

TEST(Show, LabelsACpuDeviceAsSuch) {
  model::Machine machine;
  machine.gpu_model = "CPU";
  machine.device_kind = model::DeviceKind::cpu;
  EXPECT_EQ(device_text(machine), "CPU (no GPU)");
  machine.gpu_model = "EPYC";
  EXPECT_NE(device_text(machine).find("no GPU"), std::string::npos);
}

TEST(Show, AgesAreCoarse) {
  EXPECT_EQ(age_text(Time{1000}, Time{46'000}), "45s");
  EXPECT_EQ(age_text(Time{1000}, Time{1000 + 7'200'000}), "2h");
  EXPECT_EQ(age_text(Time{}, Time{5}), "");
  EXPECT_EQ(age_text(Time{5000}, Time{1000}), "0s") << "a clock that runs behind is not an error";
}

TEST(Show, SaysOfALeaseWhatItDoes) {
  const Time now{1'800'000'000'000};
  model::Lease lease;
  EXPECT_EQ(state_text(lease), "starting");
  EXPECT_EQ(left_text(lease, now), "");
  lease.state = model::LeaseState::running;
  lease.ends_at = after_s(now, 90);
  EXPECT_EQ(state_text(lease), "running");
  EXPECT_EQ(left_text(lease, now), "90s");
  lease.state = model::LeaseState::kept;
  lease.end_reason = model::EndReason::preempted;
  lease.ends_at = now;
  lease.kept_until = after_s(now, 3600);
  EXPECT_EQ(state_text(lease), "kept until 2027-01-15T09:00:00Z");
  EXPECT_EQ(end_text(lease), "ended: preempted");
  EXPECT_EQ(left_text(lease, now), "60m");
  lease.state = model::LeaseState::ended;
  lease.keep_end = model::EndReason::completed;
  EXPECT_EQ(state_text(lease), "ended: preempted");
  EXPECT_EQ(left_text(lease, now), "");
  lease.keep_end = model::EndReason::provider_failed;
  EXPECT_EQ(state_text(lease), "ended: preempted, its files lost");
}

TEST(Show, WhatComesBackWhenAJobIsDoneIsItsConsumers) {
  model::Event event;
  event.kind = model::EventKind::lease_kept;
  event.account.data.fill(1);
  event.counterparty.data.fill(2);
  event.amount = credits(1);
  EXPECT_EQ(change_micros(event, event.account), 1'000'000);
  EXPECT_EQ(change_micros(event, event.counterparty), 0);
}

}  // namespace
}  // namespace hanse::cli
