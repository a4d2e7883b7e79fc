#include "client/job_file.hpp"

#include <gmock/gmock.h>

#include <fstream>

#include "base/rng.hpp"

namespace hanse::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::optional<std::string> environment(const std::string& name) {
  if (name == "HF_TOKEN") return "secret=1";
  if (name == "LATIN_1") return "\xfc";
  return std::nullopt;
}

class JobFileTest : public ::testing::Test {
 protected:
  JobFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "hanse-job-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~JobFileTest() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] Result<JobFile> parse(const std::string& yaml) const {
    return parse_job_file(yaml, folder_, environment);
  }
  /// The message of the error that a job with this line as its third must bring.
  [[nodiscard]] std::string refusal(const std::string& line) const {
    const auto job = parse("image: a\nmax_duration: 1h\n" + line + "\nrun: x\n");
    return job ? "accepted" : job.error().message;
  }

  std::filesystem::path folder_;
};

constexpr const char* kDesignExample = R"(
name: finetune
image: pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime
resources: {gpu: "RTX4090,A100:24GB..:2", cpu: 8.., memory: 64GB.., disk: 200GB, shm: 16GB}
where: "reliability>0.99 inet_down>=500 country in [EU]"
mode: on_demand                      # on_demand | spot | reserved
env: [HF_TOKEN, EPOCHS=3]
workdir: .
ports: [8888]
setup: pip install -r requirements.txt
run: torchrun --nproc-per-node=$GPUS_PER_NODE train.py
max_price: 1.20
max_cost: 25
max_duration: 12h
retry: {on: [no_capacity, interruption], for: 4h}
outputs: [out.png, logs/]
)";

TEST_F(JobFileTest, TheExampleOfTheDesignSaysAllItMeans) {
  const auto job = parse(kDesignExample);
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->job.name, "finetune");
  EXPECT_EQ(job->job.image, "pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime");
  EXPECT_THAT(job->job.env, ElementsAre("HF_TOKEN=secret=1", "EPOCHS=3"));
  EXPECT_EQ(job->job.setup, "pip install -r requirements.txt");
  EXPECT_EQ(job->job.shm_bytes, 16'000'000'000U);
  EXPECT_TRUE(job->job.wait_for_workdir);
  EXPECT_TRUE(job->job.salt.is_zero());
  EXPECT_EQ(job->workdir, std::filesystem::canonical(folder_));
  EXPECT_EQ(job->demand.where,
            "gpu in [RTX4090,A100] vram>=24GB cpu>=8 memory>=64GB memory>=16GB reliability>0.99 inet_down>=500 country "
            "in [EU]");
  EXPECT_EQ(job->demand.gpu_count, 2U);
  EXPECT_EQ(job->demand.disk_bytes, 200'000'000'000U);
  EXPECT_EQ(job->demand.duration_s, 12U * 3600);
  EXPECT_EQ(job->demand.max_price_per_gpu_hour, Money{1'200'000});
  EXPECT_EQ(job->demand.max_cost, credits(25));
  EXPECT_EQ(job->demand.mode, model::Mode::on_demand);
  EXPECT_THAT(job->ports, ElementsAre(8888));
  EXPECT_THAT(job->job.outputs, ElementsAre("out.png", "logs/"));
  EXPECT_EQ(job->retry_for_s, 4U * 3600);
  EXPECT_TRUE(job->retry_on_no_capacity);
  EXPECT_TRUE(job->retry_on_interruption);
}

TEST_F(JobFileTest, FilesAreKeptWhereThereAreOutputsOrAsAskedAndThenOnADisk) {
  const auto demand = [&](const std::string& lines) {
    const auto job = parse("image: a\nrun: x\nmax_duration: 1h\n" + lines);
    EXPECT_TRUE(job) << job.error().message;
    return job ? job->demand : model::Demand{};
  };
  EXPECT_EQ(demand("").keep_s, 0U);
  EXPECT_EQ(demand("").disk_bytes, 0U);
  EXPECT_EQ(demand("outputs: [a]\n").keep_s, 3600U);
  EXPECT_EQ(demand("outputs: [a]\n").disk_bytes, 1ULL << 30);
  EXPECT_EQ(demand("outputs: [a]\nresources: {disk: 5GB}\n").disk_bytes, 5'000'000'000U);
  EXPECT_EQ(demand("outputs: [a]\nkeep: 0\n").keep_s, 0U);
  EXPECT_EQ(demand("outputs: [a]\nkeep: 0\n").disk_bytes, 0U);
  EXPECT_EQ(demand("outputs: [a]\nkeep: 0s\n").keep_s, 0U);
  EXPECT_EQ(demand("keep: 1d12h\n").keep_s, 36U * 3600);
  EXPECT_EQ(demand("keep: 1d12h\n").disk_bytes, 1ULL << 30);
  EXPECT_THAT(refusal("keep: 5"), HasSubstr("line 3: keep: "));
  EXPECT_THAT(refusal("keep: always"), HasSubstr("line 3: keep: "));
}

TEST_F(JobFileTest, TheLeastThatAJobNeedsIsAnImageATimeAndWhatToRun) {
  const auto job = parse("image: debian:bookworm-slim\nmax_duration: 10m\nrun: nproc\n");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->demand.gpu_count, 1U);
  EXPECT_EQ(job->demand.where, "");
  EXPECT_TRUE(job->workdir.empty());
  EXPECT_FALSE(job->job.wait_for_workdir);
  EXPECT_THAT(parse("max_duration: 10m").error().message, HasSubstr("image is missing"));
  EXPECT_THAT(parse("image: a").error().message, HasSubstr("max_duration is missing"));
  for (const auto* nothing : {"", "run:\n", "run: ~\n", "run: \"\"\n", "run: |\n  \n", "setup: make\n"}) {
    const auto idle = parse(std::string("image: a\nmax_duration: 1h\n") + nothing);
    ASSERT_FALSE(idle) << nothing;
    EXPECT_THAT(idle.error().message, HasSubstr("run is missing"));
    EXPECT_THAT(idle.error().message, HasSubstr("'hanse rent'"));
  }
  EXPECT_FALSE(parse(""));
  EXPECT_FALSE(parse("- image: a"));
}

TEST_F(JobFileTest, UnknownKeysAreRefusedWithTheNearestKnownOneAndTheLine) {
  EXPECT_THAT(refusal("imagee: b"), HasSubstr("line 3: unknown key \"imagee\" in a job: did you mean \"image\"?"));
  EXPECT_THAT(refusal("resources: {memroy: 8GB}"), HasSubstr("did you mean \"memory\"?"));
  EXPECT_THAT(refusal("xyzzy: 1"), HasSubstr("it takes name, image"));
  EXPECT_THAT(refusal("image: b"), HasSubstr("line 3: the key \"image\" stands twice"));
}

TEST_F(JobFileTest, BadDurationsSizesAndPricesNameTheirLine) {
  EXPECT_THAT(parse("image: a\nmax_duration: 12\n").error().message, HasSubstr("line 2: max_duration: "));
  EXPECT_THAT(parse("image: a\nmax_duration: 12 parsecs\n").error().message, HasSubstr("line 2: max_duration: "));
  EXPECT_THAT(parse("image: a\nmax_duration: 0s\n").error().message, HasSubstr("line 2"));
  EXPECT_THAT(refusal("resources: {disk: 200}"), HasSubstr("line 3: disk: "));
  EXPECT_THAT(refusal("resources: {shm: big}"), HasSubstr("line 3: shm: "));
  EXPECT_THAT(refusal("resources: {memory: 64XB..}"), HasSubstr("line 3: memory: "));
  EXPECT_THAT(refusal("resources: {cpu: many}"), HasSubstr("line 3: cpu: "));
  EXPECT_THAT(refusal("resources: {cpu: ..}"), HasSubstr("line 3: cpu: "));
  EXPECT_THAT(refusal("max_price: -1"), HasSubstr("line 3: max_price: "));
  EXPECT_THAT(refusal("max_cost: 1e3"), HasSubstr("line 3: max_cost: "));
  EXPECT_THAT(refusal("max_cost: 0"), HasSubstr("leave it out"));
}

TEST_F(JobFileTest, GpusReadInAnyOrderAndMistakesAreExplained) {
  const auto where = [&](const std::string& gpu) {
    const auto job = parse("image: a\nmax_duration: 1h\nrun: x\nresources: {gpu: \"" + gpu + "\"}\n");
    return job ? job->demand.where + " x" + std::to_string(job->demand.gpu_count) : job.error().message;
  };
  EXPECT_EQ(where("A100"), "gpu in [A100] x1");
  EXPECT_EQ(where("8"), " x8");
  EXPECT_EQ(where("2:24GB..48GB"), "vram>=24GB vram<=48GB x2");
  EXPECT_EQ(where("H100-SXM, A100:80GB"), "gpu in [H100-SXM,A100] vram>=80GB x1");
  EXPECT_EQ(where("..24GB"), "vram<=24GB x1");
  EXPECT_THAT(where("A100:2:4"), HasSubstr("given twice"));
  EXPECT_THAT(where("A100:0"), HasSubstr("1 to 64"));
  EXPECT_THAT(where("A100:65"), HasSubstr("1 to 64"));
  EXPECT_THAT(where("A100]"), HasSubstr("no GPU model"));
  EXPECT_THAT(where("A100:24XB.."), HasSubstr("line 4: gpu: "));
}

TEST_F(JobFileTest, WhereErrorsPointAtTheCharacterAndContradictionsAreSeen) {
  EXPECT_THAT(refusal("where: vramm>=80GB"), HasSubstr("line 3: where:\n"));
  EXPECT_THAT(refusal("where: vramm>=80GB"), HasSubstr("^"));
  EXPECT_THAT(refusal("resources: {gpu: \"80GB..\"}\nwhere: vram<24GB"), HasSubstr("resources and where"));
}

TEST_F(JobFileTest, WorkdirsModesAndRetriesAreChecked) {
  EXPECT_THAT(refusal("workdir: nowhere"), HasSubstr("line 3: workdir: there is no folder"));
  EXPECT_THAT(refusal("workdir: ~"), HasSubstr("line 3: workdir names no folder"));
  EXPECT_THAT(refusal("workdir:"), HasSubstr("line 3: workdir names no folder"));
  EXPECT_THAT(refusal("workdir: ~/src"), HasSubstr("~ and $ are not filled in"));
  EXPECT_THAT(refusal("mode: cheap"), HasSubstr("on_demand, spot or reserved"));
  EXPECT_EQ(refusal("machines: 64\nplacement: same_provider"), "accepted");
  for (const auto* bad : {"0", "65", "-1", "two", "4294967297"}) {
    EXPECT_THAT(refusal(std::string("machines: ") + bad), HasSubstr("a number from 1 to 64")) << bad;
  }
  EXPECT_THAT(refusal("machines: 2\nplacement: near"), HasSubstr("anywhere, same_provider or same_country"));
  EXPECT_THAT(refusal("placement: same_country"), HasSubstr("is for several machines"));
  EXPECT_THAT(refusal("retry: {on: [boredom], for: 1h}"), HasSubstr("boredom"));
  EXPECT_THAT(refusal("retry: {on: [no_capacity]}"), HasSubstr("needs both"));
  EXPECT_THAT(refusal("name: [a]"), HasSubstr("must be text"));
}

TEST_F(JobFileTest, ABidIsForSpotAndAboveNothing) {
  const auto job = parse("image: a\nmax_duration: 1h\nrun: x\nmode: spot\nbid: 0.85\nsealed: true\n");
  ASSERT_TRUE(job) << job.error().message;
  EXPECT_EQ(job->demand.mode, model::Mode::spot);
  EXPECT_EQ(job->bid, Money{850'000});
  EXPECT_TRUE(job->sealed);
  EXPECT_FALSE(parse("image: a\nmax_duration: 1h\nrun: x\nmode: spot\n")->sealed);  // the command line may bid
  EXPECT_THAT(refusal("bid: 1"), HasSubstr("bid is for spot"));
  EXPECT_THAT(refusal("sealed: true"), HasSubstr("sealed is for spot"));
  EXPECT_THAT(refusal("mode: spot\nbid: 0"), HasSubstr("line 4: bid is 0: bid more"));
  EXPECT_THAT(refusal("mode: spot\nbid: -1"), HasSubstr("line 4"));
  EXPECT_THAT(refusal("mode: spot\nbid: 1\nsealed: maybe"), HasSubstr("true or false"));
}

TEST_F(JobFileTest, NamesAndImagesAreReadBeforeAnythingIsRented) {
  const auto image = [&](const std::string& text) {
    const auto job = parse("max_duration: 1h\nimage: \"" + text + "\"\nrun: x\n");
    return job ? "accepted" : job.error().message;
  };
  const std::string digest = "@sha256:" + std::string(64, 'a');
  for (const auto& good :
       {std::string("a"), std::string("debian:bookworm-slim"), std::string("docker.io/library/debian"),
        std::string("localhost:5000/a/b_c/d-e:V1.2_x"), std::string("127.0.0.1:5000/x"), "ghcr.io/org/app" + digest,
        "nvcr.io/nvidia/pytorch:24.05-py3" + digest, std::string("Registry.example.org/a")}) {
    EXPECT_EQ(image(good), "accepted") << good;
  }
  for (const auto* bad : {"x;rm -rf /", "../../x", "http://a/b", "a?b", "Debian", "a:", "a@sha256:12", "/a", "a/",
                          "a//b", "a b", "-a", "a:b:c", "host:99999999/a", "a\\nb"}) {
    EXPECT_THAT(image(bad), HasSubstr("line 2: image: this names no container image")) << bad;
    EXPECT_THAT(image(bad), HasSubstr("debian:bookworm-slim"));
  }
  EXPECT_EQ(refusal("name: Übung 1"), "accepted");
  for (const auto* bad : {"\"a\\0b\"", "\"a\\nb\"", "\"\\e[31m\"", "\"\\x7f\"", "a\xff"}) {
    EXPECT_NE(refusal(std::string("name: ") + bad), "accepted") << bad;
  }
  EXPECT_THAT(refusal("env: [LATIN_1]"), HasSubstr("not UTF-8"));
}

TEST_F(JobFileTest, AFileHoldsOneDocument) {
  const auto two = parse("image: a\nmax_duration: 5m\n---\nrun: echo hi\nmax_price: 0.0001\n");
  ASSERT_FALSE(two);
  EXPECT_THAT(two.error().message, HasSubstr("line 3: the document ends before here, and a file holds one"));
  EXPECT_THAT(parse("image: a\nmax_duration: 5m\nrun: x\n]\n").error().message, HasSubstr("line 4"));
  EXPECT_TRUE(parse("---\nimage: a\nmax_duration: 5m\nrun: x\n...\n"));
  EXPECT_TRUE(parse("# why\n---\nimage: a\nmax_duration: 5m\nrun: x\n"));
}

TEST_F(JobFileTest, ScriptsAreTheTextThatStandsThere) {
  const auto run = [&](const std::string& text) {
    const auto job = parse("image: a\nmax_duration: 5m\n" + text);
    return job ? job->job.run : job.error().message;
  };
  EXPECT_EQ(run("run: |\n  one\n  two\n"), "one\ntwo\n");
  EXPECT_EQ(run("run: |\r\n  one\r\n  two\r\n"), "one\ntwo\n") << "lines that end as on Windows";
  EXPECT_EQ(run("run: |\n  one\n  \ttwo\n"), "one\n\ttwo\n");
  EXPECT_EQ(run("run: 0755\n"), "0755");
  EXPECT_EQ(run("setup: &same make\nrun: *same\n"), "make");
  EXPECT_THAT(run("run: [one, two]\n"), HasSubstr("line 3: run must be text; several lines stand below \"run: |\""));
  EXPECT_THAT(run("run:\n  - one\n"), HasSubstr("run must be text"));
  EXPECT_THAT(run("run: |\n\tone\n"), HasSubstr("line 4")) << "tabs";
  EXPECT_THAT(run("run: x\nresources:\n\tdisk: 1GB\n"), HasSubstr("line 5")) << "tabs";
  EXPECT_THAT(run("run: x\nmachines: 1_0\n"), HasSubstr("a number from 1 to 64"));
  EXPECT_THAT(run("run: x\n<<: {mode: spot}\n"), HasSubstr("unknown key"));
}

TEST_F(JobFileTest, BrokenAndOversizedFilesAreErrorsAndNothingElse) {
  EXPECT_THAT(parse("image: [a").error().message, HasSubstr("not YAML"));
  EXPECT_THAT(parse(std::string(100'000, '[')).error().message, HasSubstr("nested too deep"));
  EXPECT_EQ(parse(std::string(300 * 1024, 'a')).error().code, ErrorCode::too_large);
  Rng rng(7);
  for (int round = 0; round < 2000; ++round) {
    std::string text = kDesignExample;
    for (int edits = 0; edits < 3; ++edits) {
      text[rng.below(text.size())] = static_cast<char>(rng.below(256));
    }
    const auto job = parse(text);  // any text is a job or an error, never a crash
    EXPECT_TRUE(job || !job.error().message.empty()) << "seed 7, round " << round;
  }
}

}  // namespace
}  // namespace hanse::client
