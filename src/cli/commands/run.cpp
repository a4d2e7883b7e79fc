// hanse run JOB.yaml.

#include "cli/command.hpp"
#include "cli/job_run.hpp"
#include "cli/registry_auth.hpp"

namespace hanse::cli {
namespace {

struct RunCommand {
  std::string file;
  SpotOptions spot;
  std::optional<std::string> registry_auth;
  bool yes = false, detach = false;
};

Outcome run_job(Context& context, const RunCommand& options) {
  const auto text = read_text(options.file);
  if (!text) return refuse(text.error());
  std::error_code error;
  const auto path = std::filesystem::absolute(options.file, error);
  const auto lookup = [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  auto file = client::parse_job_file(*text, path.parent_path(), lookup);
  if (!file) return refuse({file.error().code, options.file + ": " + file.error().message});
  if (options.spot.spot) {
    file->demand.mode = model::Mode::spot;
    if (options.spot.bid.micros > 0) file->bid = options.spot.bid;
    file->sealed = file->sealed || options.spot.sealed;
  }
  const SpotOptions spot{file->demand.mode == model::Mode::spot, file->sealed, file->bid};
  if (auto bid = check_bid(spot, file->demand.max_price_per_gpu_hour); !bid) return refuse(bid.error());
  RunOptions run;
  if (options.registry_auth) {
    auto login = read_registry_login(*options.registry_auth, file->job.image);
    if (!login) return refuse(login.error());
    run.login = std::move(*login);
  }
  run.folder = file->workdir.empty() ? path.parent_path() : file->workdir;
  run.file = std::move(*file);
  run.yes = options.yes;
  run.detach = options.detach;
  return JobRun(context, std::move(run)).run();
}

}  // namespace

void add_run(Program& program) {
  auto options = std::make_shared<RunCommand>();
  auto* command = program.add(
      program.app, "run", "Rent a machine, or several, run a job on it, bring the results back",
      "  hanse run examples/hello/job.yaml\n"
      "  hanse run train.yaml --yes --detach     go on without asking; leave it running\n"
      "  hanse run train.yaml --spot --bid 1.20  on what is left over, at an auction's price\n"
      "  hanse run train.yaml --registry-auth ~/.docker/config.json     with an image of a private registry\n"
      "The job's own exit code is passed through; 120-125 are hanse's: 120 failed, 121 no match, 122 not authorised,\n"
      "123 unreachable, 124 insufficient funds, 125 the job did not start. Ctrl-C ends the job and the lease.\n");
  command->add_option("job", options->file, "The job file")->required()->type_name("FILE");
  command->add_flag("-y,--yes", options->yes, "Agree to the plan without being asked");
  command->add_flag("-d,--detach", options->detach, "Start it and leave; the lease ends when the job does");
  command
      ->add_option(
          "--registry-auth", options->registry_auth,
          "Pull a private image: Docker's config.json or podman's auth.json; the one login goes to the machine")
      ->type_name("FILE");
  spot_options(command, options->spot);
  program.on(command, [options, &program] {
    program.own_exit_range = true;
    return run_job(program.context, *options);
  });
}

}  // namespace hanse::cli
