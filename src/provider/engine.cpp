#include "provider/engine.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>
#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/utf8.hpp"
#include "crypto/base64.hpp"
#include "provider/engine_api.hpp"
#include "provider/engine_json.hpp"
#include "provider/engine_stream.hpp"
#include "provider/pull_follower.hpp"

namespace hanse::provider {

namespace http = boost::beast::http;
using nlohmann::json;

namespace {

constexpr std::uint32_t kPullSilenceMs = 600'000;  ///< A registry may be slow; a hung one must not hold us for ever.
constexpr std::size_t kMaxListed = 4096;
const std::string kLibpod = "/v4.0.0/libpod";

/// Names, images and the like come from others: what is no UTF-8 in them is replaced, never thrown.
std::string text_of(const json& body) {
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// The engines' own form of a login: JSON in base64 for addresses.
std::string registry_auth(const client::RegistryLogin& login) {
  const json form = login.token.empty() ? json{{"username", login.user}, {"password", login.password}}
                                        : json{{"identitytoken", login.token}};
  return crypto::to_base64url(text_of(form));
}

/// A command is run as it was given, or not at all.
Result<> check_text(const ExecSpec& spec) {
  const auto is_text = [](const std::string& text) {
    return is_utf8(as_bytes(text)) && text.find('\0') == std::string::npos;
  };
  if (!std::all_of(spec.command.begin(), spec.command.end(), is_text)) {
    return fail(ErrorCode::invalid_argument,
                "a command must be UTF-8 text: write other bytes as printf's '\\377', or copy a script and run that");
  }
  if (!std::all_of(spec.env.begin(), spec.env.end(), is_text)) {
    return fail(ErrorCode::invalid_argument, "an environment variable must be UTF-8 text");
  }
  return {};
}

class HttpEngine : public Engine {
 public:
  explicit HttpEngine(std::string socket) : api_(std::move(socket)) {}

  /// Learns what kind of engine answers.
  Result<> probe() {
    auto got = info();
    if (!got) return fail(got);
    podman_ = got->kind == "podman";
    return {};
  }

  Result<Info> info() override {
    auto version = api_.get("/version");
    if (!version) return fail(version);
    Info out{"docker", version->value("Version", "unknown"), false};
    for (const auto& component : version->value("Components", json::array())) {
      if (component.is_object() && component.value("Name", "") == "Podman Engine") out.kind = "podman";
    }
    if (auto details = api_.get("/info")) {
      for (const auto& option : details->value("SecurityOptions", json::array())) {
        if (option == "name=rootless") out.rootless = true;
      }
    }
    return out;
  }

  Result<std::optional<std::string>> image_id(const std::string& image) override {
    auto reply = api_.call(http::verb::get, "/images/" + image_path(image) + "/json");
    if (!reply) return fail(reply);
    if (reply->status == 404) return std::nullopt;
    if (reply->status != 200) return std::unexpected(error_of("looking for image " + image, *reply));
    const json answer = json::parse(reply->body, nullptr, false);
    if (!answer.is_object() || !answer.contains("Id") || !answer["Id"].is_string()) {
      return fail(ErrorCode::io, "the container engine has image " + image + " without an id");
    }
    return answer["Id"].get<std::string>();
  }

  Result<std::vector<std::string>> image_env(const std::string& image) override {
    auto answer = api_.get("/images/" + image_path(image) + "/json");
    if (!answer) return fail(answer);
    return parse_image_env(*answer);
  }

  Result<> pull(const std::string& image, const Progress& progress, const client::RegistryLogin* login) override {
    const auto [name, tag] = split_image(image);
    std::string target = "/images/create?fromImage=" + url_encode(name);
    if (!tag.empty()) target += "&tag=" + url_encode(tag);
    auto request = make_request(http::verb::post, target);
    if (login != nullptr) request.set("X-Registry-Auth", registry_auth(*login));
    auto stream = open_stream(api_.socket(), request, kPullSilenceMs);
    if (!stream) return fail(stream);
    PullFollower follower(progress);
    std::string refusal;
    for (;;) {
      auto bytes = (*stream)->read();
      if (!bytes) return fail(bytes);
      if (bytes->empty()) break;
      if ((*stream)->status() == 200)
        follower.feed(*bytes);
      else if (refusal.size() < kMaxPullLineBytes)
        refusal += as_text(*bytes);
    }
    follower.finish();
    if ((*stream)->status() != 200) {
      return std::unexpected(error_of("pulling " + image, {(*stream)->status(), refusal}));
    }
    if (!follower.error().empty()) {
      return fail(ErrorCode::not_found, fmt::format("image {} cannot be pulled: {}", image, follower.error()));
    }
    return {};
  }

  Result<> remove_image(const std::string& image) override {
    return api_.erase("/images/" + image_path(image), "removing image " + image);
  }

  Result<std::string> create(const ContainerSpec& spec) override {
    auto reply = create_once(spec, use_init_);
    if (!reply) return fail(reply);
    if (reply->status >= 300 && use_init_ && message_of(reply->body).find("init binary") != std::string::npos) {
      use_init_ = false;  // podman without catatonit; our own first process reaps what the shell can see
      reply = create_once(spec, false);
      if (!reply) return fail(reply);
    }
    if (reply->status >= 300) return std::unexpected(create_error(spec, *reply));
    const json answer = json::parse(reply->body, nullptr, false);
    if (!answer.is_object() || !answer.contains("Id") || !answer["Id"].is_string()) {
      return fail(ErrorCode::io, "the container engine created " + spec.name + " without naming it: " + reply->body);
    }
    return answer["Id"].get<std::string>();
  }

  Result<> start(const std::string& id) override {
    return api_.post("/containers/" + id + "/start", "starting container " + id.substr(0, 12));
  }

  Result<> stop(const std::string& id, std::uint32_t grace_s) override {
    const auto target = fmt::format("/containers/{}/stop?t={}", id, grace_s);
    return api_.post(target, "stopping container " + id.substr(0, 12), EngineApi::kCallMs + grace_s * 1000);
  }

  Result<> remove(const std::string& id) override {
    // A plain forced removal would wait out the stop grace of a first process that ignores SIGTERM.
    static_cast<void>(api_.post("/containers/" + id + "/kill?signal=KILL", "killing container " + id.substr(0, 12)));
    return api_.erase("/containers/" + id + "?force=true&v=true", "removing container " + id.substr(0, 12));
  }

  Result<ContainerState> inspect(const std::string& id) override {
    auto answer = api_.get("/containers/" + id + "/json");
    if (!answer) return fail(answer);
    return parse_state(*answer);
  }

  Result<std::vector<ContainerState>> list(const std::string& label) override {
    return steadily<std::vector<ContainerState>>([&] { return list_once(label); });
  }

  Result<int> wait(const std::string& id) override {
    auto reply = api_.call(http::verb::post, "/containers/" + id + "/wait", {}, 0);
    if (!reply) return fail(reply);
    const json answer = json::parse(reply->body, nullptr, false);
    if (reply->status >= 300 || !answer.is_object() || !answer.contains("StatusCode")) {
      return std::unexpected(error_of("waiting for container " + id.substr(0, 12), *reply));
    }
    return answer.value("StatusCode", -1);
  }

  Result<ContainerStats> stats(const std::string& id) override {
    auto answer = api_.get("/containers/" + id + "/stats?stream=false&one-shot=true");
    if (!answer) return fail(answer);
    return parse_stats(*answer);
  }

  Result<std::uint64_t> writable_bytes(const std::string& id) override {
    auto answer = api_.get("/containers/" + id + "/json?size=true");
    if (!answer) return fail(answer);
    const auto size = answer->find("SizeRw");
    if (size == answer->end() || !size->is_number_integer()) return 0;
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, size->get<std::int64_t>()));
  }

  Result<std::unique_ptr<ExecStream>> logs(const std::string& id, bool follow) override {
    if (auto known = inspect(id); !known) return fail(known);  // the stream itself may say so only much later
    const auto target = fmt::format("/containers/{}/logs?stdout=true&stderr=true&follow={}", id, follow);
    auto stream = open_stream(api_.socket(), make_request(http::verb::get, target), follow ? 0 : EngineApi::kCallMs);
    if (!stream) return fail(stream);
    return make_log_stream(std::move(*stream));
  }

  Result<std::unique_ptr<ExecStream>> exec(const std::string& id, const ExecSpec& spec) override {
    if (auto known = check_text(spec); !known) return fail(known);
    const json ask = {{"AttachStdin", true}, {"AttachStdout", true}, {"AttachStderr", true},      {"Tty", spec.tty},
                      {"Cmd", spec.command}, {"Env", spec.env},      {"WorkingDir", spec.workdir}};
    auto reply = api_.call(http::verb::post, "/containers/" + id + "/exec", text_of(ask));
    if (!reply) return fail(reply);
    const json answer = json::parse(reply->body, nullptr, false);
    if (reply->status >= 300 || !answer.is_object() || !answer.contains("Id")) {
      return std::unexpected(error_of("running a command in " + id.substr(0, 12), *reply));
    }
    const std::string exec_id = answer.value("Id", "");
    const json begin = {{"Detach", false}, {"Tty", spec.tty}};
    auto taken = hijack(api_.socket(), make_request(http::verb::post, "/exec/" + exec_id + "/start", text_of(begin)),
                        EngineApi::kCallMs);
    if (!taken) return fail(taken);
    if (!taken->stream) {
      return std::unexpected(error_of("running a command in " + id.substr(0, 12), {taken->status, taken->refusal}));
    }
    auto stream = make_exec_stream(std::move(*taken), api_.socket(), exec_id, spec.tty);
    // The terminal exists only once the process runs, so its size follows; a process that has ended needs none.
    if (spec.tty) static_cast<void>(stream->resize(spec.columns, spec.rows));
    return stream;
  }

  Result<> create_network(const std::string& name, const std::string& subnet, const std::string& label) override {
    auto interface = network_interface_of(subnet);
    if (!interface) return fail(interface);
    const json labels = label_object({label});
    if (podman_) {
      const json ask = {{"name", name},
                        {"driver", "bridge"},
                        {"network_interface", *interface},
                        {"dns_enabled", false},
                        {"ipv6_enabled", false},
                        {"labels", labels},
                        {"subnets", json::array({{{"subnet", subnet}}})}};
      return api_.post(kLibpod + "/networks/create", "creating network " + name, EngineApi::kCallMs, text_of(ask));
    }
    const json ask = {{"Name", name},
                      {"Driver", "bridge"},
                      {"EnableIPv6", false},
                      {"Labels", labels},
                      {"IPAM", {{"Config", json::array({{{"Subnet", subnet}}})}}},
                      {"Options", {{"com.docker.network.bridge.name", *interface}}}};
    return api_.post("/networks/create", "creating network " + name, EngineApi::kCallMs, text_of(ask));
  }

  Result<> remove_network(const std::string& name) override {
    return api_.erase("/networks/" + name, "removing network " + name);
  }

  Result<std::vector<std::string>> list_networks(const std::string& label) override {
    return steadily<std::vector<std::string>>([&] { return list_networks_once(label); });
  }

 private:
  /// podman fails a whole list when something in it goes meanwhile: asks again.
  template <class T>
  static Result<T> steadily(const std::function<Result<T>()>& ask) {
    constexpr int kTries = 4;
    for (int i = 1;; ++i) {
      auto answer = ask();
      if (answer || answer.error().code != ErrorCode::io || i == kTries) return answer;
      std::this_thread::sleep_for(std::chrono::milliseconds(50 * i));
    }
  }

  Result<std::vector<ContainerState>> list_once(const std::string& label) {
    const json filters = {{"label", {label}}};
    auto answer = api_.get("/containers/json?all=true&filters=" + url_encode(text_of(filters)));
    if (!answer) return fail(answer);
    std::vector<ContainerState> out;
    for (const auto& entry : *answer) {
      if (out.size() >= kMaxListed || !entry.is_object()) break;
      auto state = inspect(entry.value("Id", ""));
      if (state)
        out.push_back(std::move(*state));
      else if (state.error().code != ErrorCode::not_found)
        return fail(state);  // not_found: it went meanwhile
    }
    return out;
  }

  Result<std::vector<std::string>> list_networks_once(const std::string& label) {
    const json filters = {{"label", {label}}};
    auto answer = api_.get("/networks?filters=" + url_encode(text_of(filters)));
    if (!answer) return fail(answer);
    std::vector<std::string> out;
    for (const auto& entry : *answer) {
      if (out.size() < kMaxListed && entry.is_object()) out.push_back(entry.value("Name", ""));
    }
    return out;
  }

  static std::string image_path(const std::string& image) {  // slashes and colons stay: the engine routes by them
    std::string out;
    for (const char c : image) out += (c == '/' || c == ':' || c == '@') ? std::string(1, c) : url_encode({&c, 1});
    return out;
  }

  Result<HttpReply> create_once(const ContainerSpec& spec, bool with_init) {
    const auto limits = process_limits();
    const json body =
        podman_ ? podman_create_json(spec, limits, with_init) : docker_create_json(spec, limits, with_init);
    const std::string target =
        podman_ ? kLibpod + "/containers/create" : "/containers/create?name=" + url_encode(spec.name);
    return api_.call(http::verb::post, target, text_of(body));
  }

  const EngineApi api_;
  bool podman_ = false;
  std::atomic<bool> use_init_{true};
};

std::vector<std::string> usual_sockets() {
  std::vector<std::string> out{"/run/podman/podman.sock", "/var/run/docker.sock"};
  if (const char* runtime = std::getenv("XDG_RUNTIME_DIR"); runtime != nullptr && *runtime != '\0') {
    out.push_back(std::string(runtime) + "/podman/podman.sock");
    out.push_back(std::string(runtime) + "/docker.sock");
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Engine>> open_engine(const std::string& socket) {
  const auto candidates = socket.empty() ? usual_sockets() : std::vector{socket};
  std::string tried;
  for (const auto& candidate : candidates) {
    auto engine = std::make_unique<HttpEngine>(candidate);
    auto answered = engine->probe();
    if (answered) return engine;
    if (!socket.empty()) return fail(answered);
    tried += (tried.empty() ? "" : ", ") + candidate;
  }
  return fail(ErrorCode::unavailable, "no container engine answers (tried " + tried +
                                          "): start 'podman system service' or Docker, or set 'engine_socket'");
}

}  // namespace hanse::provider
