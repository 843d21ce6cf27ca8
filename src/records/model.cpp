#include "records/model.hpp"

#include <algorithm>
#include <array>

namespace aircheck::records {
namespace {

template <typename T, std::size_t N>
using Names = std::array<std::pair<T, std::string_view>, N>;

constexpr Names<ConversationStatus, 9> kConversationStatuses = {{
    {ConversationStatus::Live, "live"},
    {ConversationStatus::Recording, "recording"},
    {ConversationStatus::Paused, "paused"},
    {ConversationStatus::Processing, "processing"},
    {ConversationStatus::Complete, "complete"},
    {ConversationStatus::Failed, "failed"},
    {ConversationStatus::Missing, "missing"},
    {ConversationStatus::NotRecorded, "not_recorded"},
    {ConversationStatus::Erased, "erased"},
}};
constexpr Names<RecordingStatus, 7> kRecordingStatuses = {{
    {RecordingStatus::Starting, "EGRESS_STARTING"},
    {RecordingStatus::Active, "EGRESS_ACTIVE"},
    {RecordingStatus::Ending, "EGRESS_ENDING"},
    {RecordingStatus::Complete, "EGRESS_COMPLETE"},
    {RecordingStatus::Failed, "EGRESS_FAILED"},
    {RecordingStatus::Aborted, "EGRESS_ABORTED"},
    {RecordingStatus::LimitReached, "EGRESS_LIMIT_REACHED"},
}};
constexpr Names<FileKind, 3> kFileKinds = {
    {{FileKind::Mix, "mix"}, {FileKind::Track, "track"}, {FileKind::Segments, "segments"}}};
constexpr Names<DeliveryState, 3> kDeliveryStates = {{
    {DeliveryState::Pending, "pending"},
    {DeliveryState::Delivered, "delivered"},
    {DeliveryState::Dead, "dead"},
}};

template <typename T, std::size_t N>
std::string_view name_in(const Names<T, N>& names, T value) {
    const auto found = std::ranges::find(names, value, &std::pair<T, std::string_view>::first);
    return found == names.end() ? "unknown" : found->second;
}

template <typename T, std::size_t N>
std::optional<T> value_in(const Names<T, N>& names, std::string_view text) {
    const auto found = std::ranges::find(names, text, &std::pair<T, std::string_view>::second);
    if (found == names.end()) return {};
    return found->first;
}

}  // namespace

std::string_view to_string(ConversationStatus status) {
    return name_in(kConversationStatuses, status);
}
std::string_view to_string(RecordingStatus status) { return name_in(kRecordingStatuses, status); }
std::string_view to_string(FileKind kind) { return name_in(kFileKinds, kind); }
std::string_view to_string(StoredStream::State state) {
    switch (state) {
        case StoredStream::State::Active:
            return "active";
        case StoredStream::State::Finished:
            return "finished";
        case StoredStream::State::Failed:
            return "failed";
    }
    return "";
}

std::string_view to_string(DeliveryState state) { return name_in(kDeliveryStates, state); }

std::optional<ConversationStatus> parse_conversation_status(std::string_view text) {
    return value_in(kConversationStatuses, text);
}
std::optional<RecordingStatus> parse_recording_status(std::string_view text) {
    return value_in(kRecordingStatuses, text);
}
std::optional<DeliveryState> parse_delivery_state(std::string_view text) {
    return value_in(kDeliveryStates, text);
}

int rank_of(RecordingStatus status) {
    switch (status) {
        case RecordingStatus::Starting:
            return 0;
        case RecordingStatus::Active:
            return 1;
        case RecordingStatus::Ending:
            return 2;
        case RecordingStatus::Aborted:
            return 3;
        case RecordingStatus::Failed:
            return 4;
        case RecordingStatus::LimitReached:
            return 5;
        case RecordingStatus::Complete:
            return 6;
    }
    return 0;
}

ConversationStatus derive_status(
    const Conversation& conversation, std::span<const Recording> recordings
) {
    using Status = ConversationStatus;
    if (conversation.status == Status::Erased) return Status::Erased;
    if (recordings.empty()) {
        if (conversation.status == Status::Missing) return Status::Missing;
        return conversation.ended_at ? Status::NotRecorded : Status::Live;
    }
    const auto capturing = [](const Recording& recording) {
        return rank_of(recording.status) < rank_of(RecordingStatus::Ending);
    };
    if (std::ranges::any_of(recordings, capturing)) {
        const bool all_paused = std::ranges::all_of(recordings, [&](const Recording& recording) {
            return recording.paused || !capturing(recording);
        });
        return all_paused ? Status::Paused : Status::Recording;
    }
    const auto unfinished = [](const Recording& recording) { return !is_final(recording.status); };
    if (std::ranges::any_of(recordings, unfinished)) return Status::Processing;
    const auto good = [](const Recording& recording) { return is_good(recording.status); };
    return std::ranges::any_of(recordings, good) ? Status::Complete : Status::Failed;
}

namespace {

std::optional<PlayableMix> newest_that_plays(std::span<const Recording> recordings, FileKind kind) {
    const Recording* newest = nullptr;
    const StoredFile* mix = nullptr;
    for (const Recording& recording : recordings) {
        if (!is_good(recording.status)) continue;
        if (newest && newest->started_at > recording.started_at) continue;
        for (const StoredFile& file : recording.files) {
            if (file.kind != kind || !file.uploaded || file.location.empty()) continue;
            newest = &recording;
            mix = &file;
            break;
        }
    }
    if (!mix) return {};
    return PlayableMix{newest->egress_id, newest->link_key, newest->link_revoked, *mix};
}

}  // namespace

std::optional<PlayableMix> playable_mix(std::span<const Recording> recordings) {
    const auto is_mix = [](const StoredFile& file) { return file.kind == FileKind::Mix; };
    const bool has_mix = std::ranges::any_of(recordings, [&](const Recording& recording) {
        return std::ranges::any_of(recording.files, is_mix);
    });
    return newest_that_plays(recordings, has_mix ? FileKind::Mix : FileKind::Track);
}

}  // namespace aircheck::records
