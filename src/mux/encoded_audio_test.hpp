#pragma once

#include "core/temp_folder_testing.hpp"
#include "media/sample.hpp"
#include "mux/muxer.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace aircheck::mux::testing {

/// A real encoder's output for `length` samples of a tone that rises and falls, so that every
/// moment of it is another.
struct EncodedAudio {
    media::StreamFormat format;
    std::vector<media::EncodedSample> samples;
    std::int64_t length = 0;
};
[[nodiscard]] EncodedAudio encode_aac(std::int64_t length, std::uint16_t channels = 1);
[[nodiscard]] EncodedAudio encode_opus(std::int64_t length);

/// What libavcodec decodes from the samples one after the other, first channel, priming cut, not
/// more than `length` samples.
[[nodiscard]] std::vector<float> decode_directly(const EncodedAudio& audio);

/// All of a muxer's bytes for `audio`.
struct Muxed {
    Bytes header;
    std::vector<Bytes> fragments;  ///< The tail is the last one.
    Finished finished;
    Nanoseconds duration{};

    [[nodiscard]] Bytes growing() const;  ///< header ‖ fragments
    [[nodiscard]] Bytes whole() const;    ///< the finished file
};
[[nodiscard]] Muxed mux(Muxer& muxer, const EncodedAudio& audio);

/// A file in a folder of its own, gone with the object.
class TempFile {
public:
    TempFile(BytesView bytes, const std::string& name);
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    tests::TempFolder folder_;
    std::string path_;
};

/// What a command prints on standard output; fails the test when it does not end with 0.
[[nodiscard]] std::string run(const std::string& command);
/// One value that ffprobe tells of a file: probe(path, "format=duration"). Times have six decimals.
[[nodiscard]] std::string probe(const std::string& path, const std::string& entry);
/// ffmpeg's decoding of a file, first channel, as float; `options` come before -i.
[[nodiscard]] std::vector<float> decode_file(
    const std::string& path, const std::string& options = {}
);
/// The root mean square of the difference of the first `count` samples.
[[nodiscard]] double difference(
    const std::vector<float>& a, const std::vector<float>& b, std::size_t count
);

}  // namespace aircheck::mux::testing
