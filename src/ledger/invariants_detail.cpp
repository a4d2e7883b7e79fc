#include "ledger/invariants_detail.hpp"

#include <bit>

namespace hanse::ledger {
namespace {

Result<> check_lease_money(const model::Lease& lease) {
  const bool valid = is_valid(lease.locked) && is_valid(lease.released) && is_valid(lease.refunded) &&
                     is_valid(lease.rate_per_hour) && escrow(lease).micros >= 0;
  if (!valid) return broken(model::format_id(lease.id) + " paid out more than it locked");
  const Money kept{lease.locked.micros - lease.refunded.micros};
  switch (lease.state) {
    case model::LeaseState::matched:
      if (lease.released.micros != 0 || lease.refunded.micros != 0) {
        return broken(model::format_id(lease.id) + " paid out before it ran");
      }
      return {};
    case model::LeaseState::running:
      if (lease.refunded.micros != 0) return broken(model::format_id(lease.id) + " refunded while it runs");
      return {};
    case model::LeaseState::ended:
      if (kept < price_of(lease, lease.billed_s)) {
        return broken(model::format_id(lease.id) + " kept less than was earned");
      }
      return {};
  }
  return broken(model::format_id(lease.id) + " is in no state");
}

}  // namespace

std::unexpected<Error> broken(std::string what) {
  return fail(ErrorCode::internal, "broken invariant: " + std::move(what));
}

Result<> check_lease(const Tables& tables, const model::Lease& lease) {
  if (auto money = check_lease_money(lease); !money) return money;
  const auto wrong = [&](std::string_view what) { return broken(model::format_id(lease.id) + std::string(what)); };
  const bool started = lease.started_at.ms != 0;
  const bool ended = lease.state == model::LeaseState::ended;
  if (ended != (lease.end_reason != model::EndReason::none) ||
      (lease.state == model::LeaseState::running && !started) ||
      (lease.state == model::LeaseState::matched && started)) {
    return wrong("'s state does not fit its history");
  }
  if (static_cast<std::uint32_t>(std::popcount(lease.devices)) != lease.gpu_count || lease.gpu_count == 0) {
    return wrong(" has not the devices that it pays for");
  }
  if (!tables.providers.find(lease.provider)) return wrong("'s provider is not there");
  const auto* request = tables.requests.find(lease.request);
  if (ended) {
    if (escrow(lease).micros == 0) return wrong(" has paid everything and is not closed");
  } else {
    const auto* offer = tables.offers.find(lease.offer);
    if (offer == nullptr || offer->provider != lease.provider) return wrong("'s offer is not there");
    if ((offer->leased_devices & lease.devices) != lease.devices) return wrong("'s devices are not marked");
  }
  const auto state = ended ? model::RequestState::ended : model::RequestState::matched;
  if (request == nullptr || request->lease != lease.id || request->state != state) {
    return wrong("'s request is not its own");
  }
  if (!tables.timers.contains(tables.leases.index.position(lease))) return wrong(" has no timer out of its state");
  return {};
}

Result<> check_request(const Tables& tables, const model::Request& request) {
  const auto wrong = [&](std::string_view what) { return broken(model::format_id(request.id) + std::string(what)); };
  const bool waits = request.state == model::RequestState::waiting;
  if (waits != tables.requests.index.waiting.contains(request.id)) return wrong(" is not where it waits");
  if (waits) {
    if (request.lease) return wrong(" waits and has a lease");
    const Timer timer{request.wait_until, request.id.value, TimerKind::request_expiry};
    return tables.timers.contains(timer) ? Result<>{} : wrong(" has no timer out of its state");
  }
  const auto* lease = tables.leases.find(request.lease);
  if (lease == nullptr || lease->request != request.id) return wrong("'s lease is not there");
  if (is_live(*lease) != (request.state == model::RequestState::matched)) return wrong(" lags behind its lease");
  return {};
}

Result<> check_offer(const model::Offer& offer) {
  const std::uint32_t count = offer.machine.gpu_count;
  const std::uint64_t all = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  if ((offer.leased_devices & ~all) != 0) return broken(model::format_id(offer.id) + " leases devices it has not");
  if (offer.leased_disk_bytes > offer.machine.disk_bytes) {
    return broken(model::format_id(offer.id) + " leases more disk than it has");
  }
  if (offer.state == model::OfferState::withdrawn && offer.leased_devices == 0) {
    return broken(model::format_id(offer.id) + " is withdrawn, empty, and still there");
  }
  return {};
}

}  // namespace hanse::ledger
