#include "recorder/late_journal.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::recorder {

struct LateJournal::State {
    std::uint32_t first_segment = 1;
    std::unique_ptr<journal::SegmentStore> files;  ///< None before attach().
    std::unique_ptr<journal::Sink> first;
    Bytes kept;  ///< Of the first segment, not on file yet.

    Result<> write_kept() {
        while (!kept.empty()) {
            AC_TRY(const std::size_t count, first->write(kept));
            if (count == 0) return fail(Errc::NoSpace, "journal: the disk takes nothing");
            const auto written = static_cast<std::ptrdiff_t>(std::min(count, kept.size()));
            kept.erase(kept.begin(), kept.begin() + written);
        }
        kept = Bytes();  // Its memory too.
        return {};
    }
};

class LateJournal::Segment final : public journal::Sink {
public:
    explicit Segment(std::shared_ptr<State> state) : state_(std::move(state)) {}

    Result<std::size_t> write(BytesView bytes) override {
        if (state_->first) {
            AC_CHECK_OK(state_->write_kept());
            return state_->first->write(bytes);
        }
        const std::size_t room = kMaxKeptBytes - std::min(kMaxKeptBytes, state_->kept.size());
        if (room == 0) return fail(Errc::NoSpace, "journal: the disk has not made its file so far");
        const BytesView taken = bytes.first(std::min(room, bytes.size()));
        state_->kept.insert(state_->kept.end(), taken.begin(), taken.end());
        return taken.size();
    }
    Result<> truncate(std::uint64_t size_bytes) override {
        if (state_->first) {
            AC_CHECK_OK(state_->write_kept());
            return state_->first->truncate(size_bytes);
        }
        state_->kept.resize(std::min<std::size_t>(size_bytes, state_->kept.size()));
        return {};
    }
    Result<> sync() override {
        if (!state_->first) return {};  // attach() does.
        AC_CHECK_OK(state_->write_kept());
        return state_->first->sync();
    }

private:
    std::shared_ptr<State> state_;
};

class LateJournal::Store final : public journal::SegmentStore {
public:
    explicit Store(std::shared_ptr<State> state) : state_(std::move(state)) {}

    Result<std::unique_ptr<journal::Sink>> create(std::uint32_t segment) override {
        if (segment == state_->first_segment) return std::make_unique<Segment>(state_);
        if (state_->files) return state_->files->create(segment);
        return fail(Errc::Unavailable, "journal: the disk has not made its folder so far");
    }
    Result<> remove(std::uint32_t segment) override {
        if (state_->files) return state_->files->remove(segment);
        return {};  // Nothing of it is on disk.
    }

private:
    std::shared_ptr<State> state_;
};

LateJournal::LateJournal(std::uint32_t first_segment) : state_(std::make_shared<State>()) {
    state_->first_segment = first_segment;
}

std::unique_ptr<journal::SegmentStore> LateJournal::store() {
    return std::make_unique<Store>(state_);
}

void LateJournal::attach(
    std::unique_ptr<journal::SegmentStore> files, std::unique_ptr<journal::Sink> first_segment
) {
    state_->files = std::move(files);
    state_->first = std::move(first_segment);
    if (state_->write_kept()) static_cast<void>(state_->first->sync());
}

}  // namespace aircheck::recorder
