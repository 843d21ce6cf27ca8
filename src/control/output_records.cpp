#include "control/output_records.hpp"

#include "control/secrets.hpp"

#include <utility>

namespace aircheck::control {
namespace {

records::StoredFile stored_at(const storage::Destination& destination, BytesView secrets_key) {
    records::StoredFile file;
    KeptDestination kept = keep_destination(destination, secrets_key);
    file.destination_json = std::move(kept.json);
    file.sealed_destination = std::move(kept.sealed);
    return file;
}

}  // namespace

std::vector<records::StoredFile> outputs_of(
    const RecordingRequest& request, BytesView secrets_key
) {
    std::vector<records::StoredFile> files;
    if (request.makes_file) {
        files.push_back(stored_at(request.destination, secrets_key));
        files.back().filename = request.filepath;
        // One voice is not the conversation: its link stays that of a mix.
        using Kind = recorder::Source::Kind;
        const recorder::Source& source = request.source;
        if (source.kind == Kind::Participant || source.kind == Kind::Track) {
            files.back().kind = records::FileKind::Track;
            files.back().identity = source.identity;
            files.back().track_id = source.track_sid;
        }
    }
    if (request.segments) {
        files.push_back(stored_at(request.segments->destination, secrets_key));
        files.back().index = static_cast<int>(files.size()) - 1;
        files.back().kind = records::FileKind::Segments;
    }
    return files;
}

std::vector<records::StoredStream> streams_of(const RecordingRequest& request) {
    std::vector<records::StoredStream> streams;
    if (!request.stream) return streams;
    for (const streams::Target& target : request.stream->targets) {
        streams.emplace_back().url = target.shown;
        streams.back().id = target.id;
    }
    return streams;
}

}  // namespace aircheck::control
