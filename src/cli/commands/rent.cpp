// hanse rent [WHERE|OFFER]: an empty machine to log in to.

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cli/bill.hpp"
#include "cli/command.hpp"
#include "cli/interrupt.hpp"
#include "cli/lease_job.hpp"
#include "cli/lease_link.hpp"
#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/show.hpp"
#include "cli/spot.hpp"
#include "model/plain_text.hpp"
#include "model/text.hpp"
#include "wire/codec.hpp"
#include "wire/json.hpp"

namespace hanse::cli {
namespace {

struct RentOptions {
  std::string what;
  model::Demand demand;
  std::string interconnect;
  bool reserved = false, same_provider = false, same_country = false;
  SpotOptions spot;
  std::uint64_t wait_s = 0;
  std::uint64_t shm_bytes = 0;
  bool yes = false;
};

/// What was rented: one machine, or a gang whose leases are numbered on from the first.
struct Rental {
  model::RequestId request;
  model::LeaseId first;
  std::uint32_t machines = 1;
  client::JobFile file;  ///< Whose job the machines wait for, if they were rented with one.
};

/// An empty machine whose /dev/shm has a size of its own is told by a job that runs nothing: the hash is zero without.
client::JobFile shm_job(std::uint64_t shm_bytes) {
  client::JobFile file;
  file.job.name = "machine";
  file.job.shm_bytes = shm_bytes;
  if (shm_bytes > 0) file.job.salt = random_bytes<32>();
  return file;
}
Hash hash_of(const client::JobFile& file) {
  return file.job.shm_bytes > 0 ? wire::job_hash(file.job) : Hash{};
}

/// The leases as they are now. If a provider did not start its machine, the ledger moved the request on: then those,
/// with `rental` changed. An error if there are none any more.
Result<std::vector<LeaseView>> current_leases(NodeApi& api, Rental& rental) {
  std::vector<LeaseView> out;
  for (std::uint64_t i = 0; i < rental.machines; ++i) {
    auto view = api.lease({rental.first.value + i});
    if (!view) return fail(view);
    if (!holds_devices(view->lease)) {
      const auto request = api.request(rental.request);
      if (!request || !request->request.lease || request->request.lease == rental.first) {
        return fail(ErrorCode::io, model::format_id(view->lease.id) + " has " + end_text(view->lease) +
                                       (view->lease.note.empty() ? "" : " (" + view->lease.note + ")") +
                                       (rental.machines > 1 ? "" : "; nothing was paid"));
      }
      rental.first = request->request.lease;
      return current_leases(api, rental);
    }
    out.push_back(std::move(*view));
  }
  return out;
}

/// Ends all of it, because of `why`.
Error give_back(Context& context, Rental& rental, const Error& why) {
  const auto leases = current_leases(**context.api(), rental);
  if (!leases) return leases.error();
  std::vector<model::Operation> ends;
  for (const auto& view : *leases) {
    const bool runs = view.lease.state == model::LeaseState::running;
    ends.push_back(model::EndLease{view.lease.id, runs ? model::EndReason::completed : model::EndReason::cancelled,
                                   model::make_plain(why.message, 200)});
  }
  const std::string id = model::format_id(rental.first);
  const auto receipt = context.send(std::move(ends));
  if (!receipt) {
    return {receipt.error().code, why.message + ", and " + id + " could not be ended: " + receipt.error().message +
                                      ". Try 'hanse stop " + id + "'"};
  }
  return {why.code, why.message + "; " + id + (rental.machines > 1 ? " and those with it are" : " is") +
                        " ended: what was not used came back"};
}

/// Hands the job, if there is one, to the machines that have not got it yet.
Result<> deliver(Context& context, const Rental& rental, const StopSource& stop, std::set<model::LeaseId>& done) {
  if (rental.file.job.shm_bytes == 0) return {};
  static const LocalTree nothing;
  for (std::uint32_t rank = 0; rank < rental.machines; ++rank) {
    if (const model::LeaseId lease{rental.first.value + rank}; !done.contains(lease)) {
      LeaseJob job(context, rental.file, nothing, stop, rank, rental.machines);
      const auto attempt = job.run(lease, true);
      if (attempt.end == Attempt::End::failed) return std::unexpected(attempt.failure->error);
      if (attempt.end == Attempt::End::exited) done.insert(job.lease());
    }
  }
  return {};
}

/// Until all of it runs. An interrupt or a provider that does not start it ends it: nothing is left that costs.
Result<std::vector<LeaseView>> await_start(Context& context, Rental& rental) {
  const auto api = context.api();
  if (!api) return fail(api);
  Interrupt interrupt;
  const StopSource stop(interrupt);
  Progress progress(context.terminal, "waiting for the machine to start", Unit::items, context.json());
  std::set<model::LeaseId> delivered;
  while (interrupt.count() == 0) {
    auto leases = current_leases(**api, rental);
    if (!leases) return leases;
    if (auto ready = deliver(context, rental, stop, delivered); !ready) {
      return std::unexpected(give_back(context, rental, ready.error()));
    }
    const bool all_run = std::all_of(leases->begin(), leases->end(), [](const LeaseView& view) {
      return view.lease.state == model::LeaseState::running;
    });
    if (all_run) return leases;
    progress.update(0, 0);
    interrupt.wait(100);
  }
  return std::unexpected(give_back(context, rental, {ErrorCode::wrong_state, "interrupted"}));
}

Outcome show(Context& context, const std::vector<LeaseView>& leases) {
  for (const auto& view : leases) {
    if (auto known = publish_to_ssh(context, view.lease); !known)
      context.say("warning: plain ssh does not know it: " + printable(known.error().message));
  }
  const auto& first = leases.front().lease;
  if (context.json()) {
    nlohmann::json out{{"lease", wire::to_json(first)}, {"leases", nlohmann::json::array()}};
    for (const auto& view : leases) out["leases"].push_back(wire::to_json(view.lease));
    context.print_json(out);
    return 0;
  }
  Money rate;
  for (const auto& view : leases) {
    context.print(model::format_id(view.lease.id) + "\n");
    rate.micros += view.lease.rate_per_hour.micros;
  }
  const std::string id = model::format_id(first.id);
  std::string stop;
  for (const auto& view : leases) stop += (stop.empty() ? "" : " && hanse stop ") + model::format_id(view.lease.id);
  context.say("Yours until " + model::format_time(first.ends_at) + " at " + rate_text(rate) + ".\n  hanse ssh " + id +
              "        log in\n  hanse cp data " + id + ":   copy files in\n  hanse stop " + stop + "       " +
              (leases.size() > 1 ? "each ends by itself" : "end it") + "; what is not used comes back");
  return 0;
}

/// Plans, asks and sends; anew where the price rose between the two and nobody had agreed to that.
std::expected<model::Receipt, Failure> order(Context& context, model::Demand demand, const Hash& job,
                                             const std::string& what, bool yes) {
  const auto access = context.access_key();
  if (!access) return refuse(access.error());
  constexpr int kMostPlans = 3;
  for (int plans = 1;; ++plans) {
    const auto plan = make_plan(context, demand, what);
    if (!plan && demand.offer) {  // why it does not fit, but for one that is not there at all
      if (const auto offer = (*context.api())->offer(demand.offer);
          !offer && offer.error().code == ErrorCode::not_found) {
        return refuse(ErrorCode::no_match, offer.error().message, "'hanse offers' shows what is for rent");
      }
    }
    if (!plan) {
      const bool none = plan.error().code == ErrorCode::no_match;
      return refuse(plan.error(), none ? no_match_hint(plan.error().message, false) : "");
    }
    if (auto agreed = confirm(context, *plan, yes); !agreed) return refuse(agreed.error());
    model::SubmitRequest request{demand, job, access->public_key(), {}, {}, {}};
    hold_to(*plan, request.demand);
    auto receipt = submit(context, *plan, std::move(request));
    if (receipt) return std::move(*receipt);
    if (receipt.error().code != ErrorCode::price_changed || plans == kMostPlans) return refuse(receipt.error());
    context.say(printable(receipt.error().message));
  }
}

/// By the auction: shows the plan, bids, waits for it.
Result<Rental> rent_on_spot(Context& context, const RentOptions& options, const client::JobFile& file,
                            const crypto::PublicKey& access) {
  const SpotBid bid{options.spot.bid, options.spot.sealed};
  model::SubmitRequest request{options.demand, hash_of(file), access, {}, {}, {}};
  request.demand.mode = model::Mode::spot;
  if (auto agreed = confirm_spot(context, request.demand, bid, "an empty machine to log in to", {}, options.yes);
      !agreed) {
    return fail(agreed);
  }
  const auto auction = next_auction(**context.api());
  if (!auction) return fail(auction);
  request.wait_until = end_of_wait(*auction);
  if (options.wait_s > 0) {
    const Time asked = after_s(system_clock().now(), static_cast<std::int64_t>(options.wait_s));
    request.wait_until = std::max(request.wait_until, asked);
  }
  if (const auto wallet = context.unlock(); !wallet) return fail(wallet);
  if (auto put = put_bid(context, bid, request); !put) return fail(put);
  Interrupt interrupt;
  const auto receipt = context.send({request});
  if (!receipt) return fail(receipt);
  if (receipt->outcomes.empty()) return fail(ErrorCode::internal, "the receipt names no request; please report it");
  Rental rental{receipt->outcomes.front().request, {}, 1, file};
  const auto lease = await_auction(context, interrupt, rental.request);
  if (!lease) return fail(lease);
  rental.first = *lease;
  return rental;
}

Outcome rent(Context& context, RentOptions options) {
  context.unlock_ahead();
  if (options.reserved) options.demand.mode = model::Mode::reserved;
  if (options.same_provider) options.demand.placement = model::Placement::same_provider;
  if (options.same_country) options.demand.placement = model::Placement::same_country;
  if (const auto offer = model::parse_id<model::OfferTag>(options.what); offer && *offer) {
    options.demand.offer = *offer;
  } else {
    options.demand.where = options.what;
  }
  if (options.demand.keep_s > 0 && options.demand.disk_bytes == 0) options.demand.disk_bytes = model::kDefaultDiskBytes;
  if (!options.interconnect.empty()) options.demand.where += " interconnect>=" + options.interconnect;
  if (options.shm_bytes > 0) options.demand.where += " memory>=" + model::format_size(options.shm_bytes);
  const auto access = context.access_key();
  if (!access) return refuse(access.error());
  const auto file = shm_job(options.shm_bytes);
  if (options.spot.spot) {
    auto rental = rent_on_spot(context, options, file, access->public_key());
    if (!rental) return refuse(rental.error());
    const auto leases = await_start(context, *rental);
    return leases ? show(context, *leases) : refuse(leases.error());
  }
  const std::string what = options.demand.machines > 1
                               ? std::to_string(options.demand.machines) + " empty machines to log in to"
                               : "an empty machine to log in to";
  const auto receipt = order(context, options.demand, hash_of(file), what, options.yes);
  if (!receipt) return std::unexpected(receipt.error());
  if (receipt->outcomes.empty() || !receipt->outcomes.front().lease) {
    return refuse(ErrorCode::no_match,
                  receipt->outcomes.empty() ? "nothing matched" : receipt->outcomes.front().explanation);
  }
  Rental rental{receipt->outcomes.front().request, receipt->outcomes.front().lease, options.demand.machines, file};
  const auto leases = await_start(context, rental);
  if (!leases) return refuse(leases.error());
  return show(context, *leases);
}

}  // namespace

void add_rent(Program& program) {
  auto options = std::make_shared<RentOptions>();
  options->demand.duration_s = 3600;
  auto* command =
      program.add(program.app, "rent", "Rent a machine to log in to",
                  "  hanse rent 'gpu=RTX4090 vram>=24GB' --duration 2h\n"
                  "  hanse rent offer-7 --duration 8h --disk 200GB --yes\n"
                  "  hanse rent gpu=H100 --gpus 8 --machines 4 --same-provider\n"
                  "  hanse rent gpu=H100 --reserved --duration 30d     paid in advance, at the term's price\n"
                  "  hanse rent gpu=H100 --spot --bid 1.20             what is left over, at an auction's price\n");
  command->add_option("what", options->what, "Constraints, or one offer")->type_name("WHERE|OFFER");
  duration_option(command, "--duration,-d", options->demand.duration_s, "The longest it may run (1h)");
  command->add_option("--gpus,-g", options->demand.gpu_count, "Devices on one machine")->check(CLI::Range(1, 64));
  size_option(command, "--disk", options->demand.disk_bytes, "Size of /workspace");
  duration_option(command, "--keep", options->demand.keep_s, "How long its files stay once its time is over (0s)");
  size_option(command, "--shm", options->shm_bytes, "Size of /dev/shm, a part of the memory (half of it)");
  money_option(command, "--max-price", options->demand.max_price_per_gpu_hour, "Credits per GPU-hour, all-in, at most");
  money_option(command, "--max-cost", options->demand.max_cost, "Credits for all of it, at most");
  command->add_option("--machines", options->demand.machines, "So many machines or none (1)")
      ->check(CLI::Range(1U, model::kMaxMachines));
  auto* provider = command->add_flag("--same-provider", options->same_provider, "All of them at one provider");
  command->add_flag("--same-country", options->same_country, "All of them in one country")->excludes(provider);
  command->add_option("--interconnect", options->interconnect, "At least that between its GPUs")
      ->check(CLI::IsMember({"pcie", "nvlink", "infiniband"}));
  auto* reserved = command->add_flag("--reserved", options->reserved,
                                     "Pay the whole duration in advance, at the discount of its term");
  spot_options(command, options->spot);
  command->get_option("--spot")->excludes(reserved);
  duration_option(command, "--wait", options->wait_s, "On spot: bid in every auction for so long (the next one only)")
      ->needs("--spot");
  command->add_flag("-y,--yes", options->yes, "Agree to the plan without being asked");
  program.on(command, [options, &program]() -> Outcome {
    if (auto bid = check_bid(options->spot, options->demand.max_price_per_gpu_hour); !bid) return refuse(bid.error());
    return rent(program.context, *options);
  });
}

}  // namespace hanse::cli
