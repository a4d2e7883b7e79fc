#pragma once

// The engine's JSON, apart from any connection: what we ask for and how its answers read. Pure.
//
// podman's Docker-compatible `create` knows nothing of CDI devices before podman 5 (and silently ignores device
// requests), so its native one is used there; Docker gets its own.

#include <nlohmann/json_fwd.hpp>

#include "provider/engine.hpp"

namespace hanse::provider {

/// What ordinary images need to install packages, drop to their own users and serve below port 1024. None of them
/// reaches beyond the container. Not among them: NET_RAW (forged packets), MKNOD (devices), SYS_* (the kernel),
/// AUDIT_WRITE, SETFCAP and SETPCAP (files and processes that gain privileges).
inline constexpr const char* kCapabilities[] = {"CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID",
                                                "KILL",  "SETGID",       "SETUID", "NET_BIND_SERVICE"};

inline constexpr std::uint64_t kMaxLogBytes = 64U << 20;  ///< A container's output on the host's disk.

struct ProcessLimits {
  std::uint64_t open_files, processes;
};
/// This process's own hard limits, since an engine without CAP_SYS_RESOURCE can give no more; and of processes never
/// more than the 32768 (the kernel's usual pid_max) that podman's service lowers itself to.
ProcessLimits process_limits();

/// `with_init`: a small init reaps zombies (Docker brings one; podman needs catatonit).
nlohmann::json docker_create_json(const ContainerSpec& spec, const ProcessLimits& limits, bool with_init);
nlohmann::json podman_create_json(const ContainerSpec& spec, const ProcessLimits& limits, bool with_init);

/// From GET /containers/ID/json, /containers/ID/stats. Missing or odd fields read as zero.
ContainerState parse_state(const nlohmann::json& json);
ContainerStats parse_stats(const nlohmann::json& json);
/// From GET /images/NAME/json.
std::vector<std::string> parse_image_env(const nlohmann::json& json);

/// "repo/name", "tag" of an image reference; a digest stays with the name and the tag is empty.
struct ImageName {
  std::string name, tag;
};
ImageName split_image(const std::string& image);

/// "key=value" → {"key": "value"}.
nlohmann::json label_object(const std::vector<std::string>& labels);

}  // namespace hanse::provider
