#include "replay/data.hpp"

#include <zlib.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "replay/arrivals.hpp"

namespace hanse::replay {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{64} << 20;
constexpr std::size_t kMaxRows = 100'000;

std::unexpected<Error> bad(const std::string& file, std::size_t line, const std::string& what) {
  return fail(ErrorCode::malformed,
              file + ", line " + std::to_string(line) + ": " + what + "; fetch the file again, or leave --data out");
}

std::vector<std::string_view> split(std::string_view line, char by) {
  std::vector<std::string_view> out;
  while (true) {
    const auto at = line.find(by);
    out.push_back(line.substr(0, at));
    if (at == line.npos) return out;
    line.remove_prefix(at + 1);
  }
}

std::optional<std::int64_t> count_of(std::string_view text) {
  std::int64_t value = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole && value >= 0 && value <= 1'000'000 ? std::optional(value) : std::nullopt;
}

/// "2025-10-19T21:01:58.727366+00:00" or "2020-05-01 00:00:00", in seconds since the epoch.
std::optional<std::int64_t> seconds_of(std::string_view text) {
  if (text.size() < 19) return std::nullopt;
  const auto part = [&](std::size_t at, std::size_t size) { return count_of(text.substr(at, size)); };
  const auto year = part(0, 4), month = part(5, 2), day = part(8, 2), hour = part(11, 2), minute = part(14, 2),
             second = part(17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count() * kDayS + *hour * kHourS + *minute * kMinuteS + *second;
}

/// Calls `row(line, number)` for each line until it returns an error.
template <class Row>
Result<> for_each_line(std::string_view text, const std::string& name, Row row) {
  std::size_t number = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    if (++number > kMaxRows) return fail(ErrorCode::too_large, name + " has more than 100000 lines");
    if (auto read = row(text.substr(0, end), number); !read) return read;
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return {};
}

/// Where the columns that are read stand, in the order of GroupCount, small before large.
constexpr std::array<std::string_view, 6> kColumns{"total_job_num_less_8",     "running_job_num_less_8",
                                                   "total_gpu_num_less_8",     "total_job_num_noless_8",
                                                   "running_job_num_noless_8", "total_gpu_num_noless_8"};

Result<ListPrice> price_of(const nlohmann::json& line) {
  const auto invalid = [](const std::string& what) { return fail(ErrorCode::malformed, what); };
  if (!line.is_object()) return invalid("not a JSON object");
  const auto stats = line.find("price_stats");
  const auto available = line.find("availability");
  if (stats == line.end() || !stats->is_object()) return invalid("price_stats is missing");
  if (available == line.end() || !available->is_object()) return invalid("availability is missing");
  ListPrice out;
  Money least{1};
  for (std::size_t i = 0; i < kQuantiles; ++i) {
    const auto key = i == 2 ? std::string("median") : "p" + std::to_string(kQuantilePercent[i]);
    const auto value = stats->find(key);
    if (value == stats->end() || !value->is_number()) return invalid("price_stats." + key + " is no number");
    const double credits = value->get<double>();
    if (!(credits > 0 && credits <= 1000)) return invalid("price_stats." + key + " must be above 0 and at most 1000");
    out.quantiles[i] = Money{std::llround(credits * 1e6)};
    if (out.quantiles[i] < least) return invalid("price_stats." + key + " is below the one before it");
    least = out.quantiles[i];
  }
  const auto total = available->find("total");
  if (total == available->end() || !total->is_number_unsigned()) return invalid("availability.total is no count");
  out.offers = static_cast<std::uint32_t>(std::min<std::uint64_t>(total->get<std::uint64_t>(), 1'000'000));
  return out;
}

Result<Cluster> read_cluster(const std::string& folder, const std::string& name, std::uint64_t seed) {
  const auto path = folder + "/demand/Earth_" + name + "_minutely_2020-05.csv.gz";
  auto text = read_gzip(path);
  if (!text) return fail(text);
  auto rows = parse_demand(*text, path);
  if (!rows) return fail(rows);
  return Cluster{name, jobs_of(*rows, seed)};
}

}  // namespace

Result<std::string> read_gzip(const std::string& path) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> file(gzopen(path.c_str(), "rb"), gzclose);
  if (!file) return fail(ErrorCode::io, "cannot read " + path + ": is it there, and may you read it?");
  std::string text;
  std::array<char, 1 << 16> buffer{};
  int read = 0;
  while ((read = gzread(file.get(), buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(read));
    if (text.size() > kMaxTextBytes) return fail(ErrorCode::too_large, path + " holds more than 64 MiB of text");
  }
  int code = Z_OK;
  const char* said = gzerror(file.get(), &code);
  // A file that is cut off reads to its end without an error but this.
  if (read < 0 || code == Z_BUF_ERROR) {
    return fail(ErrorCode::malformed, path + " is damaged (" + said + "): fetch it again");
  }
  return text;
}

Result<std::vector<DemandRow>> parse_demand(std::string_view text, const std::string& name) {
  std::vector<DemandRow> rows;
  std::array<std::size_t, kColumns.size()> place{};
  std::size_t width = 0;
  std::int64_t begin = 0;
  const auto header = [&](std::string_view line) -> Result<> {
    const auto titles = split(line, ',');
    width = titles.size();
    if (titles.front() != "time") return bad(name, 1, "the first column must be \"time\"");
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const auto found = std::find(titles.begin(), titles.end(), kColumns[i]);
      if (found == titles.end()) return bad(name, 1, "there is no column \"" + std::string(kColumns[i]) + "\"");
      place[i] = static_cast<std::size_t>(found - titles.begin());
    }
    return {};
  };
  auto read = for_each_line(text, name, [&](std::string_view line, std::size_t number) -> Result<> {
    if (number == 1) return header(line);
    const auto cells = split(line, ',');
    if (cells.size() != width) {
      return bad(name, number,
                 std::to_string(cells.size()) + " columns where " + std::to_string(width) + " are titled");
    }
    const auto at = seconds_of(cells.front());
    if (!at) return bad(name, number, "\"" + std::string(cells.front()) + "\" is no time");
    if (rows.empty()) begin = *at;
    if (*at != begin + static_cast<std::int64_t>(rows.size()) * kMinuteS) {
      return bad(name, number, "not the minute after the line before it");
    }
    std::array<std::int64_t, kColumns.size()> values{};
    for (std::size_t i = 0; i < kColumns.size(); ++i) {
      const auto value = count_of(cells[place[i]]);
      if (!value) return bad(name, number, std::string(kColumns[i]) + " is no count");
      values[i] = *value;
    }
    rows.push_back({{values[0], values[1], values[2]}, {values[3], values[4], values[5]}});
    return {};
  });
  if (!read) return fail(read);
  if (static_cast<std::int64_t>(rows.size()) * kMinuteS < kPeriodS) {
    return fail(ErrorCode::malformed,
                name + " has " + std::to_string(rows.size()) + " minutes: four weeks are needed, fetch the whole file");
  }
  return rows;
}

Result<std::vector<ListPrice>> parse_prices(std::string_view text, const std::string& name) {
  std::vector<ListPrice> prices;
  std::optional<std::int64_t> begin;
  std::int64_t last = 0;
  auto read = for_each_line(text, name, [&](std::string_view line, std::size_t number) -> Result<> {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    auto price = price_of(json);
    if (!price) return bad(name, number, price.error().message);
    const auto stamp = json.find("timestamp");
    const auto at = stamp != json.end() && stamp->is_string() ? seconds_of(stamp->get<std::string>()) : std::nullopt;
    if (!at) return bad(name, number, "timestamp is no time");
    if (!begin) begin = last = *at;
    if (*at < last) return bad(name, number, "earlier than the line before it");
    last = *at;
    price->at_s = (*at - *begin) / kHourS * kHourS;
    if (price->at_s >= kPeriodS) return {};
    if (!prices.empty() && prices.back().at_s == price->at_s) prices.pop_back();
    prices.push_back(*price);
    return {};
  });
  if (!read) return fail(read);
  if (prices.empty()) return fail(ErrorCode::malformed, name + " is empty: fetch it again");
  return prices;
}

bool has_data(const std::string& folder) {
  return std::filesystem::is_directory(folder + "/demand") && std::filesystem::is_directory(folder + "/prices");
}

Result<Trace> read_trace(const std::string& folder) {
  Trace trace;
  trace.source =
      "Demand of two virtual clusters in May 2020 (HeliosArtifact), list prices of rented GPUs from "
      "2025-10-19 to 2025-11-16 (gpu-price-tracker).";
  trace.begin = kTraceBegin;
  for (std::size_t i = 0; i < kClusters.size(); ++i) {
    auto cluster = read_cluster(folder, kClusters[i], i);
    if (!cluster) return fail(cluster);
    trace.clusters.push_back(std::move(*cluster));
  }
  for (const auto& known : kModels) {
    const auto path = folder + "/prices/" + known.file + ".jsonl.gz";
    auto text = read_gzip(path);
    if (!text) return fail(text);
    auto prices = parse_prices(*text, path);
    if (!prices) return fail(prices);
    trace.models.push_back({known.name, known.vram_bytes, std::move(*prices)});
  }
  return trace;
}

}  // namespace hanse::replay
