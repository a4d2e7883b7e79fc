#include "market_rivals.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <bit>
#include <tuple>

#include "base/check.hpp"
#include "market/price.hpp"
#include "market_world.hpp"

namespace hanse::bench {
namespace {

using model::WhereField;
constexpr std::int64_t kGib = 1LL << 30;

std::int64_t volume_bps(std::int64_t gpus) {
  return gpus >= 8 ? 500 : gpus >= 4 ? 200 : 0;
}

/// The volume discounts that market_world.cpp gives; on demand a term earns none.
std::int64_t price_of_row(const PackedRow& row, const PlainDemand& d) {
  const std::int64_t volume = row.volume != 0 ? volume_bps(d.gpus) : 0;
  const std::int64_t gpus = row.price * d.gpus * (10'000 - volume) / 10'000;
  const std::int64_t gib = d.disk_bytes == 0 ? 0 : (d.disk_bytes - 1) / kGib + 1;
  return (gpus + row.storage * gib + d.gpus - 1) / d.gpus;
}

bool fits(const PackedRow& row, const PlainDemand& d, std::int64_t price) {
  const auto in = [](const auto& list, const auto& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  return row.free >= d.gpus && row.vram >= d.vram && row.inet_down >= d.inet_down && row.reliability > d.reliability &&
         price <= d.price && row.memory * d.gpus / row.gpus >= d.memory && row.cpu * d.gpus / row.gpus >= d.cpu &&
         row.disk >= d.disk && row.free_disk >= d.disk_bytes &&
         (row.max_duration == 0 || d.duration <= row.max_duration) && in(d.models, row.model) &&
         in(d.countries, row.country) && (d.machine == 0 || d.machine == row.id);
}

std::uint16_t country_of(std::string_view code) {
  const auto letter = [](char c) { return static_cast<unsigned>(c >= 'a' ? c - 'a' : c - 'A'); };
  return static_cast<std::uint16_t>(letter(code[0]) * 26 + letter(code[1]));
}

void run(sqlite3* database, const std::string& sql) {
  char* error = nullptr;
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error) == SQLITE_OK) return;
  check_failed(error, __FILE__, __LINE__);
}

}  // namespace

PackedRows::PackedRows(const MarketWorld& world) {
  rows_.reserve(world.offers.size());
  for (const auto& offer : world.offers) {
    const auto& m = offer.machine;
    const std::string name = model::fold(WhereField::gpu, m.gpu_model);
    auto known = std::find(models_.begin(), models_.end(), name);
    if (known == models_.end()) known = models_.insert(models_.end(), name);
    PackedRow row;
    row.id = offer.id.value;
    row.posted_at = offer.posted_at.ms;
    row.price = offer.prices.on_demand_per_gpu_hour.micros;
    row.storage = offer.prices.storage_per_gib_hour.micros;
    row.vram = static_cast<std::int64_t>(m.vram_bytes);
    row.memory = static_cast<std::int64_t>(m.memory_bytes);
    row.disk = row.free_disk = static_cast<std::int64_t>(m.disk_bytes);
    row.inet_down = m.measured.empty() ? m.inet_down_mbps : m.measured[0].value;
    row.max_duration = static_cast<std::int64_t>(offer.prices.max_duration_s);
    row.cpu = m.cpu_threads;
    row.model = static_cast<std::uint32_t>(known - models_.begin());
    row.reliability = static_cast<std::uint32_t>(market::reliability_millionths(world.provider_of(offer)));
    row.country = country_of(m.country);
    row.gpus = static_cast<std::uint8_t>(m.gpu_count);
    row.free = static_cast<std::uint8_t>(m.gpu_count - static_cast<unsigned>(std::popcount(offer.leased_devices)));
    row.volume = offer.prices.volume_discounts.empty() ? 0 : 1;
    rows_.push_back(row);
  }
}

PlainDemand PackedRows::plain(const market::Wanted& wanted) const {
  PlainDemand out;
  out.gpus = wanted.demand.gpu_count;
  out.duration = static_cast<std::int64_t>(wanted.demand.duration_s);
  out.disk_bytes = static_cast<std::int64_t>(wanted.demand.disk_bytes);
  for (const auto& c : wanted.where) {
    switch (c.field) {
      case WhereField::gpu:
        for (std::uint32_t i = 0; i < models_.size(); ++i) {
          if (model::allows(c, models_[i])) out.models.push_back(i);
        }
        break;
      case WhereField::country:
        for (const auto& value : c.values) out.countries.push_back(country_of(value));
        break;
      case WhereField::machine:
        out.machine = std::stoull(c.values.front().substr(1));
        break;
      case WhereField::vram:
        out.vram = c.number;
        break;
      case WhereField::memory:
        out.memory = c.number;
        break;
      case WhereField::cpu:
        out.cpu = c.number;
        break;
      case WhereField::disk:
        out.disk = c.number;
        break;
      case WhereField::inet_down:
        out.inet_down = c.number;
        break;
      case WhereField::price:
        out.price = c.number;
        break;
      default:
        out.reliability = c.number;
    }
  }
  return out;
}

std::uint64_t PackedRows::find(const market::Wanted& wanted) const {
  const PlainDemand demand = plain(wanted);
  std::tuple<std::int64_t, std::int64_t, std::uint64_t> best{INT64_MAX, 0, 0};
  for (const auto& row : rows_) {
    const std::int64_t price = price_of_row(row, demand);
    if (!fits(row, demand, price)) continue;
    best = std::min(best, {price * 1000 / std::max(row.reliability / 1000, 1U), row.posted_at, row.id});
  }
  return std::get<2>(best);
}

SqliteMarket::SqliteMarket(const MarketWorld& world) : rows_(world) {
  HANSE_CHECK(sqlite3_open(":memory:", &database_) == SQLITE_OK);
  run(database_,
      "PRAGMA temp_store=MEMORY; CREATE TABLE offers(id INTEGER PRIMARY KEY, posted_at INT, price INT, storage INT, "
      "vram INT, memory INT, disk INT, inet_down INT, max_duration INT, cpu INT, model INT, reliability INT, country "
      "INT, gpus INT, free INT, volume INT, permille INT); BEGIN");
  sqlite3_stmt* insert = nullptr;
  HANSE_CHECK(sqlite3_prepare_v2(database_, "INSERT INTO offers VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", -1, &insert,
                                 nullptr) == SQLITE_OK);
  for (const auto& row : rows_.rows()) {
    int at = 0;
    for (const std::int64_t value :
         {static_cast<std::int64_t>(row.id), row.posted_at, row.price, row.storage, row.vram, row.memory, row.disk,
          row.inet_down, row.max_duration, std::int64_t{row.cpu}, std::int64_t{row.model},
          std::int64_t{row.reliability}, std::int64_t{row.country}, std::int64_t{row.gpus}, std::int64_t{row.free},
          std::int64_t{row.volume}, std::int64_t{std::max(row.reliability / 1000, 1U)}}) {
      sqlite3_bind_int64(insert, ++at, value);
    }
    HANSE_CHECK(sqlite3_step(insert) == SQLITE_DONE);
    sqlite3_reset(insert);
  }
  sqlite3_finalize(insert);
  // All that a query reads is in each index; the planner takes the one that its statistics favour.
  run(database_, "COMMIT; CREATE INDEX by_place ON offers(model,country,free,reliability,inet_down,vram," +
                     std::string("price,storage,max_duration,disk,volume,permille,posted_at);") +
                     "CREATE INDEX by_price ON offers(model,price," +
                     std::string("free,country,reliability,inet_down,vram,storage,max_duration,disk,volume,") +
                     "permille,posted_at); CREATE INDEX by_speed ON offers(model,inet_down,free,country,reliability,"
                     "vram,price,storage,max_duration,disk,volume,permille,posted_at); ANALYZE");
}

SqliteMarket::~SqliteMarket() {
  sqlite3_close(database_);
}

std::uint64_t SqliteMarket::find(const market::Wanted& wanted) const {
  const PlainDemand d = rows_.plain(wanted);
  const auto list = [](const auto& values) {
    std::string out;
    for (const auto value : values) out += (out.empty() ? "" : ",") + std::to_string(value);
    return out;
  };
  const auto n = [](std::int64_t value) { return std::to_string(value); };
  const std::int64_t gib = d.disk_bytes == 0 ? 0 : (d.disk_bytes - 1) / kGib + 1;
  const std::string price = "((price*" + n(d.gpus) + "*(10000-volume*" + n(volume_bps(d.gpus)) + ")/10000+storage*" +
                            n(gib) + "+" + n(d.gpus - 1) + ")/" + n(d.gpus) + ")";
  // A posted price that no discount brings under the ceiling is out by the index alone.
  const std::string sql = "SELECT id FROM offers WHERE model IN (" + list(d.models) + ") AND country IN (" +
                          list(d.countries) + ") AND free>=" + n(d.gpus) + " AND vram>=" + n(d.vram) +
                          " AND reliability>" + n(d.reliability) + " AND inet_down>=" + n(d.inet_down) +
                          " AND price<=" + n(d.price * 100 / 80) + " AND " + price + "<=" + n(d.price) +
                          " AND disk>=" + n(d.disk_bytes) + " AND (max_duration=0 OR max_duration>=" + n(d.duration) +
                          ") ORDER BY " + price + "*1000/permille, posted_at, id LIMIT 1";
  sqlite3_stmt* select = nullptr;
  HANSE_CHECK(sqlite3_prepare_v2(database_, sql.c_str(), -1, &select, nullptr) == SQLITE_OK);
  const std::uint64_t id =
      sqlite3_step(select) == SQLITE_ROW ? static_cast<std::uint64_t>(sqlite3_column_int64(select, 0)) : 0;
  sqlite3_finalize(select);
  return id;
}

}  // namespace hanse::bench
