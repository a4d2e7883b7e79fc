#include "consensus/genesis.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <chrono>
#include <map>
#include <set>
#include <type_traits>

#include "model/text.hpp"

namespace hanse::consensus {
namespace {

constexpr std::size_t kMaxFileBytes = 64U << 20;
constexpr std::size_t kMaxAccounts = 1'000'000;
constexpr std::size_t kMaxNetworkBytes = 64;

using Keys = std::vector<std::string_view>;

std::unexpected<Error> fail_at(const YAML::Node& node, ErrorCode code, std::string_view what) {
  return fail(code, fmt::format("genesis, line {}: {}", node.Mark().line + 1, what));
}

/// The map's entries by key; refuses what is not a map, unknown keys and keys that stand twice.
Result<std::map<std::string, YAML::Node>> entries(const YAML::Node& map, std::string_view what, const Keys& known) {
  if (!map.IsMap()) {
    return fail_at(map, ErrorCode::malformed, fmt::format("{} must be keys with values", what));
  }
  std::map<std::string, YAML::Node> out;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return fail_at(entry.first, ErrorCode::malformed, "a key must be plain text");
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto near = model::nearest(key, known);
      const auto hint = near.empty() ? fmt::format("{} takes {}", what, fmt::join(known, ", "))
                                     : fmt::format("did you mean '{}'?", near);
      return fail_at(entry.first, ErrorCode::invalid_argument, fmt::format("unknown key '{}'; {}", key, hint));
    }
    if (!out.emplace(key, entry.second).second) {
      return fail_at(entry.first, ErrorCode::invalid_argument, fmt::format("'{}' stands twice", key));
    }
  }
  return out;
}

/// A scalar through one of the text parsers; its error gets the line and the key.
template <class Parse>
auto scalar(const YAML::Node& node, std::string_view key, Parse&& parse)
    -> std::invoke_result_t<Parse, const std::string&> {
  if (!node.IsScalar()) return fail_at(node, ErrorCode::malformed, fmt::format("'{}' takes one plain value", key));
  auto value = parse(node.Scalar());
  if (!value) return fail_at(node, value.error().code, fmt::format("{}: {}", key, value.error().message));
  return value;
}

Result<std::uint32_t> parse_count(const std::string& text) {
  std::uint32_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size() || out == 0) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a whole number from 1 to 4294967295", text));
  }
  return out;
}

/// Digits at [from, from + count) as a number; -1 if anything else stands there.
int digits(const std::string& text, std::size_t from, std::size_t count) {
  int out = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

/// "2026-11-22T20:00:00Z", with three decimals of a second or none.
Result<Time> parse_time(const std::string& text) {
  const auto bad = [&] {
    return fail(ErrorCode::malformed, fmt::format("'{}' is not a UTC time such as 2026-11-22T20:00:00Z", text));
  };
  const bool has_ms = text.size() == 24;
  if ((!has_ms && text.size() != 20) || text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' ||
      text[16] != ':' || text.back() != 'Z' || (has_ms && text[19] != '.')) {
    return bad();
  }
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  const int ms = has_ms ? digits(text, 20, 3) : 0;
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (year < 1970 || month < 0 || day < 0 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      second > 59 || ms < 0) {
    return bad();
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return bad();
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return Time{(((days * 24 + hour) * 60 + minute) * 60 + second) * 1000 + ms};
}

Result<std::string> parse_network(const std::string& text) {
  const auto is_fit = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
  };
  if (text.empty() || text.size() > kMaxNetworkBytes || !std::all_of(text.begin(), text.end(), is_fit)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not a network's name: 1 to {} of a-z 0-9 - . _", text, kMaxNetworkBytes));
  }
  return text;
}

Result<std::vector<model::Account>> parse_accounts(const YAML::Node& list) {
  if (!list.IsSequence()) return fail_at(list, ErrorCode::malformed, "'accounts' must be a list");
  if (list.size() > kMaxAccounts) {
    return fail_at(list, ErrorCode::too_large, fmt::format("'accounts' has more than {} entries", kMaxAccounts));
  }
  std::vector<model::Account> out;
  out.reserve(list.size());
  std::set<model::AccountId> seen;
  for (const auto& item : list) {
    const auto fields = entries(item, "an account", {"address", "balance"});
    if (!fields) return fail(fields);
    const auto address = fields->find("address");
    const auto balance = fields->find("balance");
    if (address == fields->end() || balance == fields->end()) {
      return fail_at(item, ErrorCode::invalid_argument, "an account takes an address and a balance");
    }
    const auto id = scalar(address->second, "address", [](const std::string& t) { return model::parse_address(t); });
    if (!id) return fail(id);
    const auto amount = scalar(balance->second, "balance", [](const std::string& t) { return model::parse_money(t); });
    if (!amount) return fail(amount);
    if (!seen.insert(*id).second) {
      return fail_at(address->second, ErrorCode::invalid_argument, "this account stands in the list already");
    }
    out.push_back({*id, *amount});
  }
  return out;
}

Result<> parse_fees(const YAML::Node& map, model::Params& params) {
  const auto& names = model::Names<model::Operation>::names;
  const auto fees = entries(map, "'fees'", Keys(names.begin(), names.end()));
  if (!fees) return fail(fees);
  for (const auto& [operation, value] : *fees) {
    const auto amount = scalar(value, operation, [](const std::string& t) { return model::parse_money(t); });
    if (!amount) return fail(amount);
    params.fee_operations.push_back(operation);
    params.fee_amounts.push_back(*amount);
  }
  return {};
}

/// "2.5" as hundredths of a percent.
Result<std::uint32_t> parse_percent(const std::string& text) {
  const auto value = model::parse_money(text);
  if (!value || value->micros % 10'000 != 0 || *value > credits(100)) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not a percentage such as 10 or 2.5", text));
  }
  return static_cast<std::uint32_t>(value->micros / 10'000);
}

Result<> parse_fee_tiers(const YAML::Node& list, model::Params& params) {
  if (!list.IsSequence()) return fail_at(list, ErrorCode::malformed, "'fee_tiers' must be a list");
  for (const auto& item : list) {
    const auto fields = entries(item, "a fee tier", {"from", "percent"});
    if (!fields) return fail(fields);
    const auto from = fields->find("from");
    const auto percent = fields->find("percent");
    if (from == fields->end() || percent == fields->end()) {
      return fail_at(item, ErrorCode::invalid_argument, "a fee tier takes from and percent");
    }
    const auto amount = scalar(from->second, "from", [](const std::string& t) { return model::parse_money(t); });
    if (!amount) return fail(amount);
    const auto bps = scalar(percent->second, "percent", parse_percent);
    if (!bps) return fail(bps);
    params.fee_tiers.push_back({*amount, *bps});
  }
  return {};
}

/// A parameter's key in the file: durations are text there, so the unit is not in the name.
template <class Member>
std::string_view key_of(const model::Field<model::Params, Member>& field) {
  auto name = field.name;
  if constexpr (std::is_same_v<Member, std::uint64_t>) name.remove_suffix(2);  // "_s"
  return name;
}

/// Calls visit(key, member) for every parameter but the fees and their tiers.
template <class Visit>
void for_each_param(Visit&& visit) {
  model::for_each_field<model::Params>([&]<class Member>(const model::Field<model::Params, Member>& field) {
    if constexpr (std::is_integral_v<Member>) visit(key_of(field), field.member);
  });
}

Result<model::Params> parse_params(const YAML::Node& map) {
  Keys known{"fees", "fee_tiers"};
  for_each_param([&](std::string_view key, auto) { known.push_back(key); });
  const auto fields = entries(map, "'params'", known);
  if (!fields) return fail(fields);

  model::Params out;
  std::optional<Error> error;
  for_each_param([&]<class Number>(std::string_view key, Number model::Params::* member) {
    const auto found = fields->find(std::string(key));
    if (found == fields->end() || error) return;
    const auto value = scalar(found->second, key, [](const std::string& text) {
      if constexpr (std::is_same_v<Number, std::uint64_t>)
        return model::parse_duration_s(text);
      else
        return parse_count(text);
    });
    if (value)
      out.*member = *value;
    else
      error = value.error();
  });
  if (error) return std::unexpected(*error);
  if (const auto fees = fields->find("fees"); fees != fields->end()) {
    if (auto parsed = parse_fees(fees->second, out); !parsed) return fail(parsed);
  }
  if (const auto tiers = fields->find("fee_tiers"); tiers != fields->end()) {
    if (auto parsed = parse_fee_tiers(tiers->second, out); !parsed) return fail(parsed);
  }
  return out;
}

Result<ledger::Genesis> parse_document(const YAML::Node& document) {
  const auto fields = entries(document, "a genesis", {"network", "time", "accounts", "params"});
  if (!fields) return fail(fields);
  const auto network = fields->find("network");
  if (network == fields->end()) return fail_at(document, ErrorCode::invalid_argument, "the key 'network' is missing");

  ledger::Genesis out;
  const auto name = scalar(network->second, "network", parse_network);
  if (!name) return fail(name);
  out.network = *name;
  if (const auto found = fields->find("time"); found != fields->end()) {
    const auto time = scalar(found->second, "time", parse_time);
    if (!time) return fail(time);
    out.time = *time;
  }
  if (const auto found = fields->find("accounts"); found != fields->end()) {
    auto accounts = parse_accounts(found->second);
    if (!accounts) return fail(accounts);
    out.accounts = std::move(*accounts);
  }
  if (const auto found = fields->find("params"); found != fields->end()) {
    auto params = parse_params(found->second);
    if (!params) return fail(params);
    out.params = std::move(*params);
  }
  return out;
}

std::string format_full_time(Time time) {
  std::string text = model::format_time(time);
  if (time.ms % 1000 != 0) text.insert(text.size() - 1, fmt::format(".{:03}", time.ms % 1000));
  return text;
}

}  // namespace

Result<ledger::Genesis> parse_genesis(std::string_view yaml) {
  if (yaml.size() > kMaxFileBytes) {
    return fail(ErrorCode::too_large, fmt::format("the genesis has more than {} bytes", kMaxFileBytes));
  }
  // yaml-cpp reports by exceptions; none leaves this function.
  try {
    const auto documents = YAML::LoadAll(std::string(yaml));
    if (documents.size() != 1) return fail(ErrorCode::malformed, "a genesis is one YAML document");
    return parse_document(documents.front());
  } catch (const YAML::Exception& error) {
    return fail(ErrorCode::malformed, fmt::format("genesis, line {}: {}", error.mark.line + 1, error.msg));
  }
}

std::string format_genesis(const ledger::Genesis& genesis) {
  YAML::Emitter out;
  out << YAML::BeginMap << YAML::Key << "network" << YAML::Value << genesis.network;
  if (genesis.time.ms != 0) out << YAML::Key << "time" << YAML::Value << format_full_time(genesis.time);
  out << YAML::Key << "accounts" << YAML::Value << YAML::BeginSeq;
  for (const auto& account : genesis.accounts) {
    out << YAML::Flow << YAML::BeginMap;
    out << YAML::Key << "address" << YAML::Value << model::format_address(account.id);
    out << YAML::Key << "balance" << YAML::Value << model::format_money(account.balance) << YAML::EndMap;
  }
  out << YAML::EndSeq << YAML::Key << "params" << YAML::Value << YAML::BeginMap;
  for_each_param([&]<class Number>(std::string_view key, Number model::Params::* member) {
    out << YAML::Key << std::string(key) << YAML::Value;
    if constexpr (std::is_same_v<Number, std::uint64_t>)
      out << model::format_duration(genesis.params.*member);
    else
      out << genesis.params.*member;
  });
  const auto& params = genesis.params;
  out << YAML::Key << "fees" << YAML::Value << YAML::BeginMap;
  for (std::size_t i = 0; i < params.fee_operations.size(); ++i) {
    out << YAML::Key << params.fee_operations[i] << YAML::Value << model::format_money(params.fee_amounts[i]);
  }
  out << YAML::EndMap;
  if (!params.fee_tiers.empty()) out << YAML::Key << "fee_tiers" << YAML::Value << YAML::BeginSeq;
  for (const auto& tier : params.fee_tiers) {
    out << YAML::Flow << YAML::BeginMap << YAML::Key << "from" << YAML::Value << model::format_money(tier.from);
    out << YAML::Key << "percent" << YAML::Value << model::format_money(Money{tier.discount_bps * 10'000L});
    out << YAML::EndMap;
  }
  if (!params.fee_tiers.empty()) out << YAML::EndSeq;
  out << YAML::EndMap << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace hanse::consensus
