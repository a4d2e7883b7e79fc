// Job files from anywhere: refused with a reason, or read as a job whose paths stay inside its folders.

#include "client/job_file.hpp"

#include "fuzz/fuzz.hpp"

namespace hanse::fuzz {

std::vector<Bytes> seeds() {
  std::vector<Bytes> out;
  for (const std::string& text : {
           std::string("name: hello\nimage: debian:bookworm-slim\nrun: echo hello\nmax_price: 1\nmax_duration: 5m\n"),
           std::string("name: train\nimage: \"ghcr.io/a/b@sha256:00\"\nresources: {gpu: [H100, A100], gpus: 2, vram: "
                       "80GB, cpu: 8, memory: 64GiB, disk: 200GB}\nwhere: country in [EU] verified\nworkdir: .\n"
                       "env: [A=1, \"B=a\\nb\", HOME]\nports: [8888]\nsetup: |\n  one\n  two\nrun: >\n  three\n"
                       "max_cost: 12.50\nmax_duration: 8h\nretry: {on: [no_capacity, interruption], for: 4h}\n"
                       "outputs: [out, a/b.png]\n"),
           std::string("a: &x [*x, {<<: *x}]\n? {b: !!binary aGk=}\n: !t 'c'\n--- \n...\n"),
       }) {
    out.emplace_back(text.begin(), text.end());
  }
  return out;
}

}  // namespace hanse::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hanse;
  const auto lookup = [](const std::string& name) {
    return name == "HOME" ? std::optional<std::string>("/root") : std::nullopt;
  };
  const auto file = client::parse_job_file(as_text({data, size}), "/jobs", lookup);
  if (!file) {
    HANSE_CHECK(!file.error().message.empty());
    return 0;
  }
  HANSE_CHECK(!file->job.image.empty() && !file->job.name.empty());
  HANSE_CHECK(file->workdir.empty() || file->workdir.is_absolute());
  for (const std::filesystem::path output : file->job.outputs) {
    HANSE_CHECK(output.is_relative());
    for (const auto& part : output) HANSE_CHECK(part != "..");
  }
  return 0;
}
