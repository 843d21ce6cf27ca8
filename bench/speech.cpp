#include "bench/speech.hpp"

#include "bench/child.hpp"

#include "rtp/packet.hpp"

#include <filesystem>

namespace aircheck::bench {
namespace {

constexpr const char* kFirst =
    "Good afternoon, you are through to the booking desk, and this call is being recorded. "
    "I have your reservation in front of me: two rooms from the fourteenth to the seventeenth, "
    "with "
    "breakfast, and a parking space for one of the nights. Before I change anything I would like "
    "to go through it with you line by line, so that nothing is missing afterwards. The first room "
    "looks over the garden, it is quiet and it has a desk. The second one is next to the stairs, "
    "which some of our guests find a little noisy in the morning, but it is the larger one.";
constexpr const char* kSecond =
    "Thank you, that is very kind. What I wanted to ask is whether we could move the whole thing "
    "by "
    "one day, because the train that we meant to take has been cancelled, and the next one only "
    "arrives after ten in the evening. If the larger room is taken on that day we would also be "
    "happy with anything else, as long as the two of them are on the same floor. My colleague will "
    "bring a bicycle, so perhaps there is a shed, or a cellar, or somebody who could keep it "
    "behind the counter until we leave. And please send the confirmation to the address you have.";

Result<std::shared_ptr<const sim::Voice>> speak(
    const std::string& path, const char* voice, const char* words
) {
    if (!std::filesystem::exists(path)) {
        AC_CHECK_OK(run_quietly({"espeak-ng", "-v", voice, "-s", "165", "-w", path, words}));
    }
    sim::Voice::Options options;
    options.ending = sim::Voice::Ending::Repeat;
    return sim::Voice::from_wav(path, options);
}

class Collector final : public sim::Publisher::Output {
public:
    void publish(BytesView packet) override {
        packets.push_back({now, Bytes(packet.begin(), packet.end())});
    }
    Nanoseconds now{0};
    std::vector<SentPacket> packets;
};

}  // namespace

Result<std::vector<sim::Caller>> make_speakers(const std::string& folder) {
    AC_TRY(auto first, speak(folder + "/first.wav", "en-us+f3", kFirst));
    AC_TRY(auto second, speak(folder + "/second.wav", "en-gb+m3", kSecond));
    std::vector<sim::Caller> speakers(2);
    speakers[0].identity = "first";
    speakers[0].utterances.push_back({0ns, std::move(first)});
    speakers[1].identity = "second";
    speakers[1].utterances.push_back({0ns, std::move(second)});
    return speakers;
}

std::vector<SentPacket> packets_of(
    const sim::Caller& caller, Nanoseconds length, std::uint64_t seed
) {
    sim::Publisher publisher(caller, seed);
    Collector collector;
    for (; collector.now < length; collector.now += sim::Voice::kFrame) {
        publisher.run(collector.now, collector);
    }
    return std::move(collector.packets);
}

std::vector<Bytes> payloads_of(const std::vector<SentPacket>& packets) {
    std::vector<Bytes> payloads;
    for (const SentPacket& packet : packets) {
        const auto view = rtp::PacketView::parse(packet.bytes);
        if (view) payloads.emplace_back(view->payload.begin(), view->payload.end());
    }
    return payloads;
}

}  // namespace aircheck::bench
