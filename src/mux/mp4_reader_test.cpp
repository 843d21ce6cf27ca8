#include "mux/mp4_reader_test.hpp"

#include <gtest/gtest.h>

#include <set>
#include <stdexcept>

namespace aircheck::mux::testing {
namespace {

const std::set<std::string> kContainers = {
    "moov", "trak", "mdia", "minf", "stbl", "edts", "dinf", "mvex", "moof", "traf", "udta", "ilst"};

std::uint64_t read_number(BytesView bytes, std::size_t offset, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value * 256 + bytes[offset + i];
    return value;
}

std::vector<ReadBox> read_children(BytesView file, std::size_t begin, std::size_t end) {
    std::vector<ReadBox> boxes;
    while (begin + 8 <= end) {
        ReadBox box;
        box.offset = begin;
        box.size = read_number(file, begin, 4);
        const BytesView type = file.subspan(begin + 4, 4);
        box.type.assign(type.begin(), type.end());
        if (box.size == 1) {
            if (begin + 16 > end) break;
            box.size = read_number(file, begin + 8, 8);
            box.header_size = 16;
        }
        if (box.size < box.header_size || box.size > end - begin) break;
        const std::size_t body = begin + box.header_size;
        if (box.type != "mdat") {
            box.body.assign(
                file.begin() + static_cast<std::ptrdiff_t>(body),
                file.begin() + static_cast<std::ptrdiff_t>(begin + box.size)
            );
        }
        if (kContainers.contains(box.type)) {
            box.children = read_children(file, body, begin + box.size);
        }
        if (box.type == "meta") box.children = read_children(file, body + 4, begin + box.size);
        begin += box.size;
        boxes.push_back(std::move(box));
    }
    return boxes;
}

const ReadBox* find(const ReadBox& parent, const std::string& path) {
    const std::size_t slash = path.find('/');
    for (const ReadBox& child : parent.children) {
        if (child.type != path.substr(0, slash)) continue;
        return slash == std::string::npos ? &child : find(child, path.substr(slash + 1));
    }
    return nullptr;
}

}  // namespace

const ReadBox& ReadBox::at(const std::string& path) const {
    const ReadBox* box = find(*this, path);
    if (box == nullptr) throw std::runtime_error("no box " + path + " in " + type);
    return *box;
}

bool ReadBox::has(const std::string& path) const { return find(*this, path) != nullptr; }

std::uint64_t ReadBox::number(std::size_t offset_in_body, std::size_t width) const {
    if (offset_in_body + width > body.size()) throw std::runtime_error(type + " is too short");
    return read_number(body, offset_in_body, width);
}

ReadBox read_boxes(BytesView file) {
    ReadBox root;
    root.type = "file";
    root.size = file.size();
    root.children = read_children(file, 0, file.size());
    return root;
}

std::string types_of(const ReadBox& parent) {
    std::string types;
    for (const ReadBox& child : parent.children) {
        if (!types.empty()) types += ' ';
        types += child.type;
    }
    return types;
}

std::vector<ReadSample> samples_of_tables(const ReadBox& file) {
    const ReadBox& table = file.at("moov/trak/mdia/minf/stbl");
    const ReadBox& sizes = table.at("stsz");
    std::vector<ReadSample> samples(sizes.number(8, 4));
    for (std::size_t i = 0; i < samples.size(); ++i) {
        samples[i].size = static_cast<std::uint32_t>(sizes.number(12 + 4 * i, 4));
    }
    const ReadBox& times = table.at("stts");
    std::size_t index = 0;
    for (std::size_t run = 0; run < times.number(4, 4); ++run) {
        for (std::uint64_t n = times.number(8 + 8 * run, 4); n > 0; --n) {
            samples.at(index++).duration =
                static_cast<std::uint32_t>(times.number(12 + 8 * run, 4));
        }
    }
    EXPECT_EQ(index, samples.size()) << "stts and stsz disagree";

    const bool wide = table.has("co64");
    const ReadBox& offsets = table.at(wide ? "co64" : "stco");
    const ReadBox& chunks = table.at("stsc");
    const std::size_t width = wide ? 8 : 4;
    const std::uint64_t chunk_count = offsets.number(4, 4);
    index = 0;
    std::size_t run = 0;
    for (std::uint64_t chunk = 0; chunk < chunk_count; ++chunk) {
        while (run + 1 < chunks.number(4, 4) && chunks.number(8 + 12 * (run + 1), 4) <= chunk + 1) {
            ++run;
        }
        std::uint64_t offset = offsets.number(8 + width * chunk, width);
        for (std::uint64_t n = chunks.number(12 + 12 * run, 4); n > 0; --n) {
            samples.at(index).offset = offset;
            offset += samples.at(index++).size;
        }
    }
    EXPECT_EQ(index, samples.size()) << "stsc and stsz disagree";
    return samples;
}

std::vector<ReadSample> samples_of_fragments(const ReadBox& file) {
    std::vector<ReadSample> samples;
    std::uint64_t time = 0;
    std::uint64_t sequence = 0;
    for (std::size_t i = 0; i + 1 < file.children.size(); ++i) {
        const ReadBox& moof = file.children[i];
        if (moof.type != "moof") continue;
        EXPECT_EQ(file.children[i + 1].type, "mdat");
        EXPECT_EQ(moof.at("mfhd").number(4, 4), ++sequence);
        EXPECT_EQ(moof.at("traf/tfdt").number(4, 8), time) << "fragments must join";
        const ReadBox& run = moof.at("traf/trun");
        EXPECT_EQ(run.number(0, 4), 0x301u);
        std::uint64_t offset = moof.offset + run.number(8, 4);
        EXPECT_EQ(offset, file.children[i + 1].offset + 8);
        for (std::size_t n = 0; n < run.number(4, 4); ++n) {
            ReadSample sample;
            sample.offset = offset;
            sample.duration = static_cast<std::uint32_t>(run.number(12 + 8 * n, 4));
            sample.size = static_cast<std::uint32_t>(run.number(16 + 8 * n, 4));
            time += sample.duration;
            offset += sample.size;
            samples.push_back(sample);
        }
        EXPECT_EQ(offset, file.children[i + 1].offset + file.children[i + 1].size);
    }
    return samples;
}

}  // namespace aircheck::mux::testing
