// What ffmpeg receives, as an RTMP server and as an SRT listener.
#include "streams/sink_maker.hpp"
#include "tests/support/loopback.hpp"

#include "core/temp_folder_testing.hpp"
#include "media/audio_encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <numbers>
#include <thread>

namespace aircheck::streams {
namespace {

constexpr double kSeconds = 4;

/// Whether anything of this machine has the port; without a connection, which ffmpeg would take for
/// its one sender.
bool is_taken(const std::string& table, std::uint16_t port) {
    std::array<char, 16> wanted{};
    std::snprintf(wanted.data(), wanted.size(), ":%04X 00000000:", port);
    std::ifstream file("/proc/net/" + table);
    for (std::string line; std::getline(file, line);) {
        if (line.find(wanted.data()) != line.npos) return true;
    }
    return false;
}

/// ffmpeg that writes what it gets into a file, until its sender has said goodbye.
class Ffmpeg {
public:
    Ffmpeg(std::vector<std::string> arguments, const std::string& table, std::uint16_t port) {
        std::vector<std::string> all{"ffmpeg", "-loglevel", "error", "-nostdin", "-y"};
        all.insert(all.end(), arguments.begin(), arguments.end());
        child_ = fork();
        if (child_ == 0) {
            std::vector<char*> argv;
            for (std::string& argument : all) argv.push_back(argument.data());
            argv.push_back(nullptr);
            execvp("ffmpeg", argv.data());
            _exit(127);
        }
        const Instant limit = monotonic_now() + 60s;
        while (!is_taken(table, port) && monotonic_now() < limit) {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        EXPECT_TRUE(is_taken(table, port)) << "ffmpeg does not listen";
    }
    ~Ffmpeg() {
        if (child_ <= 0) return;
        kill(child_, SIGKILL);
        waitpid(child_, nullptr, 0);
    }
    Ffmpeg(const Ffmpeg&) = delete;
    Ffmpeg& operator=(const Ffmpeg&) = delete;

    void wait_for_end() {
        const Instant limit = monotonic_now() + 60s;
        int status = 0;
        while (waitpid(child_, &status, WNOHANG) == 0) {
            ASSERT_LT(monotonic_now(), limit) << "nobody said goodbye";
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
        }
        child_ = -1;
    }

private:
    pid_t child_ = -1;
};

std::string output_of(const std::string& command) {
    std::string text;
    FILE* pipe = popen(command.c_str(), "r");
    std::array<char, 256> part{};
    while (fgets(part.data(), part.size(), pipe) != nullptr) text += part.data();
    pclose(pipe);
    return text;
}

/// Sends a tone, as AAC, and closes.
struct Sent {
    bool has_progress = false;
    bool is_closed = false;
    std::string error;
};
Sent send_tone(const std::string& url, Protocol protocol) {
    auto encoder = media::AudioEncoder::create({}).value();
    std::vector<float> tone(static_cast<std::size_t>(kSeconds * 48000));
    for (std::size_t i = 0; i < tone.size(); ++i) {
        tone[i] =
            0.5F *
            std::sin(static_cast<float>(2 * std::numbers::pi * 440 * static_cast<double>(i) / 48000)
            );
    }
    std::vector<media::EncodedSample> samples;
    EXPECT_TRUE(encoder->encode(tone, samples));
    EXPECT_TRUE(encoder->finish(samples));

    net::Loop loop;
    net::HttpClient http;
    Threads threads;
    net::Timer limit(loop);
    Sent sent;
    std::unique_ptr<Sink> sink;
    Sink::Listener listener;
    listener.on_progress = [&] {
        sent.has_progress = true;
        sink->close();
    };
    listener.on_closed = [&] {
        sent.is_closed = true;
        loop.stop();
    };
    listener.on_failed = [&](const auto& failure) {
        sent.error = failure.error.to_string();
        loop.stop();
    };
    const auto make = sink_maker(loop, threads, http, {protocol, {"127.0.0.1"}});
    sink = make({url, "shown", ""}, encoder->format(), std::move(listener));
    for (const auto& sample : samples) sink->write(sample);
    limit.after(60s, [&] { loop.stop(); });
    loop.run("test");
    sink.reset();
    threads.finish();
    return sent;
}

double received_seconds(const std::string& path) {
    const std::string text =
        output_of("ffmpeg -loglevel error -i " + path + " -f s16le -ac 1 -ar 48000 - | wc -c");
    return std::stod(text) / 2 / 48000;
}

TEST(Ffmpeg, ReceivesRtmp) {
    const tests::TempFolder folder;
    const std::string path = folder / "received.flv";
    const std::uint16_t port = tests::free_port(SOCK_STREAM);
    const std::string url = "rtmp://127.0.0.1:" + std::to_string(port) + "/live/deep/key?token=x";
    Ffmpeg server({"-f", "flv", "-listen", "1", "-i", url, "-c", "copy", path}, "tcp", port);
    const Sent sent = send_tone(url, Protocol::Rtmp);
    EXPECT_EQ(sent.error, "");
    EXPECT_TRUE(sent.has_progress);
    EXPECT_TRUE(sent.is_closed);
    server.wait_for_end();
    EXPECT_NEAR(received_seconds(path), kSeconds, 0.1);
}

TEST(Ffmpeg, ReceivesSrt) {
    const tests::TempFolder folder;
    const std::string path = folder / "received.ts";
    const std::uint16_t port = tests::free_port(SOCK_DGRAM);
    const std::string url =
        "srt://127.0.0.1:" + std::to_string(port) + "?passphrase=a-long-passphrase";
    Ffmpeg server({"-f", "mpegts", "-i", url + "&mode=listener", "-c", "copy", path}, "udp", port);
    const Sent sent = send_tone(url, Protocol::Srt);
    EXPECT_EQ(sent.error, "");
    EXPECT_TRUE(sent.is_closed);
    server.wait_for_end();
    EXPECT_NEAR(received_seconds(path), kSeconds, 0.3) << "SRT drops what is late";
}

}  // namespace
}  // namespace aircheck::streams
