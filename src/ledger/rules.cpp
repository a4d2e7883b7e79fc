#include "ledger/rules.hpp"

#include <charconv>

#include "crypto/keys.hpp"
#include "ledger/accrual.hpp"
#include "market/check.hpp"
#include "model/plain_text.hpp"
#include "model/text.hpp"

namespace hanse::ledger {
namespace {

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}
bool is_ipv6_character(char c) {
  return (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || (c >= '0' && c <= '9') || c == ':' || c == '.';
}

bool is_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    const auto inner = host.substr(1, host.size() - 2);
    return inner.size() <= 45 && inner.find(':') != inner.npos &&
           std::all_of(inner.begin(), inner.end(), is_ipv6_character);
  }
  return !host.empty() && host.size() <= 253 && host.front() != '-' && host.front() != '.' &&
         std::all_of(host.begin(), host.end(), is_host_character);
}

bool is_port(std::string_view text) {
  std::uint32_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc{} && end == text.data() + text.size() && text[0] != '0' && port <= 65535;
}

}  // namespace

Result<> check_text(std::string_view name, std::string_view text, std::size_t least, std::size_t most) {
  if (text.size() < least) return fail(ErrorCode::invalid_argument, std::string(name) + " is empty: give one");
  if (text.size() > most) {
    return fail(ErrorCode::too_large, std::string(name) + " has " + std::to_string(text.size()) +
                                          " bytes: " + std::to_string(most) + " at most");
  }
  if (!model::is_plain(text)) {
    return fail(ErrorCode::invalid_argument,
                std::string(name) +
                    " is not plain text: leave out line breaks, control characters and characters that "
                    "turn the direction of text or show as nothing");
  }
  if (least > 0 && text.find_first_not_of(' ') == text.npos) {
    return fail(ErrorCode::invalid_argument, std::string(name) + " is blank: give one");
  }
  return {};
}

Result<> check_endpoint(std::string_view endpoint) {
  const auto colon = endpoint.rfind(':');
  if (colon != endpoint.npos && is_host(endpoint.substr(0, colon)) && is_port(endpoint.substr(colon + 1))) return {};
  return fail(ErrorCode::invalid_argument,
              "the endpoint is not host:port: write a name or an address and a port, such as gpu.example.org:2222, "
              "192.0.2.7:2222 or [2001:db8::7]:2222");
}

Result<> check_key(std::string_view name, const crypto::PublicKey& key) {
  if (crypto::is_valid(key)) return {};
  return fail(ErrorCode::invalid_argument, std::string(name) + " is not an Ed25519 public key that can sign");
}

Result<market::Wanted> check_demand(const model::Demand& demand, const model::Params& params) {
  if (demand.duration_s == 0 || demand.duration_s > params.max_duration_s) {
    return fail(ErrorCode::invalid_argument,
                "the duration must be from 1s to " + model::format_duration(params.max_duration_s));
  }
  if (demand.keep_s > params.max_keep_s) {
    return fail(ErrorCode::invalid_argument,
                params.max_keep_s == 0
                    ? "this network keeps no files after their job: ask with keep 0"
                    : "files are kept for " + model::format_duration(params.max_keep_s) + " after their job at most");
  }
  return market::Wanted::from(demand);
}

Result<> check_bid_amount(Money bid_per_gpu_hour) {
  if (bid_per_gpu_hour.micros > 0 && bid_per_gpu_hour <= market::kMaxPricePerGpuHour) return {};
  return fail(ErrorCode::invalid_argument, "a bid must be above 0 and at most " +
                                               model::format_money(market::kMaxPricePerGpuHour) +
                                               " credits per GPU-hour");
}

Result<const model::Provider*> find_provider(const Context& context, const model::AccountId& account) {
  if (const auto* provider = context.tables.providers.find(account)) return provider;
  return fail(ErrorCode::not_found, "this account is no provider: 'hanse provider start' makes it one");
}

Result<const model::Offer*> find_own_offer(const Context& context, model::OfferId id) {
  const auto* offer = context.tables.offers.find(id);
  if (offer == nullptr) return fail(ErrorCode::not_found, "there is no " + model::format_id(id) + ", or it is gone");
  if (offer->provider != context.account) {
    return fail(ErrorCode::not_authorized, model::format_id(id) + " is another provider's: only its own may change it");
  }
  if (offer->state != model::OfferState::open) {
    return fail(ErrorCode::wrong_state, model::format_id(id) + " is withdrawn: post a new offer when it is gone");
  }
  return offer;
}

Result<const model::Lease*> find_lease(const Context& context, model::LeaseId id) {
  if (const auto* lease = context.tables.leases.find(id)) return lease;
  return fail(ErrorCode::not_found,
              "there is no " + model::format_id(id) + " here: it never was, or it is closed and all its money is out");
}

Result<const model::Lease*> find_own_working_lease(const Context& context, model::LeaseId id) {
  auto lease = find_lease(context, id);
  if (!lease) return lease;
  if ((*lease)->consumer != context.account) {
    return fail(ErrorCode::not_authorized,
                model::format_id(id) + " is another account's: only its consumer may do this");
  }
  if ((*lease)->state == model::LeaseState::kept) {
    return fail(ErrorCode::wrong_state, model::format_id(id) + " runs no more, only its files are kept until " +
                                            model::format_time((*lease)->kept_until) +
                                            ": rent anew with 'hanse rent' or 'hanse run'");
  }
  if (!is_live(**lease) || ((*lease)->state == model::LeaseState::running && due_end(**lease) <= context.now())) {
    return fail(ErrorCode::wrong_state,
                model::format_id(id) + " has ended: rent anew with 'hanse rent' or 'hanse run'");
  }
  return lease;
}

Result<> check_limit(const Context& context, std::size_t count, std::string_view what) {
  if (count < context.params().max_live_per_account) return {};
  return fail(ErrorCode::limit_reached, "an account may have " + std::to_string(context.params().max_live_per_account) +
                                            " live " + std::string(what) + ": end some first");
}

}  // namespace hanse::ledger
