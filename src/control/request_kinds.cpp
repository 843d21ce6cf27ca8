// LiveKit's kinds of request, each said as a PlainRequest.
#include "control/plain_request.hpp"
#include "proto/json.hpp"
#include "proto/redact.hpp"

#include <algorithm>
#include <utility>

namespace aircheck::control {
namespace {

TwirpError missing(std::string_view field) {
    return {"invalid_argument", "request has missing or invalid field: " + std::string(field)};
}

/// Enum numbers beyond what we know would silently mean the default: refused by name.
Answer<void> refuse_unknown_enums(const google::protobuf::Message& request) {
    const auto unknown = proto::unknown_enum_values(request);
    if (!unknown.empty()) return invalid("request has an unknown value: " + unknown.front());
    return {};
}

/// v1's outputs carry their store themselves.
template <typename V1>
void take_storage(const V1& v1, livekit::StorageConfig& storage) {
    if (v1.has_s3()) *storage.mutable_s3() = v1.s3();
    if (v1.has_gcp()) *storage.mutable_gcp() = v1.gcp();
    if (v1.has_azure()) *storage.mutable_azure() = v1.azure();
    if (v1.has_alioss()) *storage.mutable_alioss() = v1.alioss();
}

livekit::Output output_of(const livekit::EncodedFileOutput& v1) {
    livekit::Output output;
    output.mutable_file()->set_file_type(v1.file_type());
    output.mutable_file()->set_filepath(v1.filepath());
    output.mutable_file()->set_disable_manifest(v1.disable_manifest());
    take_storage(v1, *output.mutable_storage());
    return output;
}

livekit::Output output_of(const livekit::SegmentedFileOutput& v1) {
    livekit::Output output;
    *output.mutable_segments() = v1;
    take_storage(v1, *output.mutable_storage());
    return output;
}

livekit::Output output_of(const livekit::StreamOutput& v1) {
    livekit::Output output;
    *output.mutable_stream() = v1;
    return output;
}

livekit::Output output_of(const livekit::ImageOutput& v1) {
    livekit::Output output;
    *output.mutable_images() = v1;
    take_storage(v1, *output.mutable_storage());
    return output;
}

/// The outputs of v1's lists.
template <typename Request>
void take_lists(const Request& request, PlainRequest& plain) {
    for (const auto& file : request.file_outputs()) plain.outputs.push_back(output_of(file));
    for (const auto& list : request.segment_outputs()) plain.outputs.push_back(output_of(list));
    for (const auto& stream : request.stream_outputs()) plain.outputs.push_back(output_of(stream));
    for (const auto& images : request.image_outputs()) plain.outputs.push_back(output_of(images));
}

/// A list wins over the deprecated oneof of its kind, which SDKs fill as well (livekit-wire 6.3).
template <typename Request>
void take_outputs(const Request& request, PlainRequest& plain) {
    take_lists(request, plain);
    if (request.has_file() && request.file_outputs().empty()) {
        plain.outputs.push_back(output_of(request.file()));
    }
    if (request.has_segments() && request.segment_outputs().empty()) {
        plain.outputs.push_back(output_of(request.segments()));
    }
    if (request.has_stream() && request.stream_outputs().empty()) {
        plain.outputs.push_back(output_of(request.stream()));
    }
}

template <typename Request>
void take_rest(const Request& request, PlainRequest& plain) {
    plain.room_name = request.room_name();
    plain.webhooks.assign(request.webhooks().begin(), request.webhooks().end());
}

template <typename Request>
void take_options(const Request& request, PlainRequest& plain) {
    plain.has_preset = request.has_preset();
    if (request.has_advanced()) plain.options = request.advanced();
}

recorder::Mixing mixing_of(livekit::AudioMixing mixing) {
    if (mixing == livekit::DUAL_CHANNEL_AGENT) return recorder::Mixing::DualChannelAgent;
    if (mixing == livekit::DUAL_CHANNEL_ALTERNATE) return recorder::Mixing::DualChannelAlternate;
    return recorder::Mixing::Default;
}

/// RoomComposite and v2's template: a picture is what this build has not.
template <typename Request>
Answer<void> check_template(const Request& request, PlainRequest& plain) {
    if (request.video_only()) return beyond_us("video_only");
    if (!request.audio_only()) {
        auto refusal = beyond_us("video");
        refusal.value().message += ": set audio_only";
        return refusal;
    }
    if (!request.custom_base_url().empty()) {
        return beyond_us("custom_base_url (a web page)");
    }
    if (!request.layout().empty()) plain.warnings.emplace_back("layout (there is no picture)");
    return {};
}

Answer<recorder::AudioRoute> route_of(const livekit::AudioRoute& asked, std::size_t index) {
    recorder::AudioRoute route;
    route.channel = static_cast<recorder::AudioRoute::Channel>(asked.channel());
    switch (asked.match_case()) {
        case livekit::AudioRoute::kTrackId:
            route.match = recorder::AudioRoute::Match::Track;
            route.value = asked.track_id();
            break;
        case livekit::AudioRoute::kParticipantIdentity:
            route.match = recorder::AudioRoute::Match::Identity;
            route.value = asked.participant_identity();
            break;
        case livekit::AudioRoute::kParticipantKind:
            route.match = recorder::AudioRoute::Match::Kind;
            route.kind = static_cast<recorder::ParticipantKind>(asked.participant_kind());
            return route;
        case livekit::AudioRoute::MATCH_NOT_SET:
            break;
    }
    if (!route.value.empty()) return route;
    return tl::unexpected(missing("media.audio.routes[" + std::to_string(index) + "].match"));
}

Answer<void> check_media(const livekit::MediaSource& media, PlainRequest& plain) {
    if (media.video_case() != livekit::MediaSource::VIDEO_NOT_SET) {
        return beyond_us("media.video");
    }
    if (!media.has_audio() || (!media.audio().capture_all() && media.audio().routes().empty())) {
        return tl::unexpected(missing("media.audio"));
    }
    plain.source.kind = recorder::Source::Kind::Media;
    plain.source.capture_all = media.audio().capture_all();
    for (const livekit::AudioRoute& asked : media.audio().routes()) {
        auto route = route_of(asked, plain.source.routes.size());
        if (!route) return tl::unexpected(route.error());
        plain.source.routes.push_back(*std::move(route));
    }
    return {};
}

/// PASSTHROUGH is the track egress of v2: one track, one file, nothing encoded.
Answer<void> check_passthrough(PlainRequest& plain) {
    const auto& routes = plain.source.routes;
    const bool one_track = plain.source.kind == recorder::Source::Kind::Media &&
                           !plain.source.capture_all && routes.size() == 1 &&
                           routes[0].match == recorder::AudioRoute::Match::Track;
    if (!one_track) return invalid("preset PASSTHROUGH takes exactly one track_id");
    const bool one_file = plain.outputs.size() == 1 && plain.outputs[0].has_file() &&
                          plain.outputs[0].file().file_type() == livekit::DEFAULT_FILETYPE;
    if (!one_file) return invalid("preset PASSTHROUGH takes one file output of the default type");
    recorder::Source source;
    source.kind = recorder::Source::Kind::Track;
    source.track_sid = routes[0].value;
    plain.source = std::move(source);
    plain.keeps_codec = true;
    plain.has_preset = false;
    return {};
}

}  // namespace

Answer<RecordingRequest> check_request(
    const livekit::RoomCompositeEgressRequest& request, const RecordingDefaults& defaults
) {
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    PlainRequest plain;
    take_rest(request, plain);
    take_options(request, plain);
    take_outputs(request, plain);
    plain.mixing = mixing_of(request.audio_mixing());
    if (plain.room_name.empty()) return tl::unexpected(missing("room_name"));
    if (auto here = check_template(request, plain); !here) return tl::unexpected(here.error());
    *plain.echo.mutable_room_composite() = request;
    return check_plain(std::move(plain), defaults);
}

Answer<RecordingRequest> check_request(
    const livekit::ParticipantEgressRequest& request, const RecordingDefaults& defaults
) {
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    PlainRequest plain;
    take_rest(request, plain);
    take_options(request, plain);
    take_lists(request, plain);
    if (plain.room_name.empty()) return tl::unexpected(missing("room_name"));
    if (request.identity().empty()) return tl::unexpected(missing("identity"));
    plain.source.kind = recorder::Source::Kind::Participant;
    plain.source.identity = request.identity();
    plain.source.screen_share = request.screen_share();
    *plain.echo.mutable_participant() = request;
    return check_plain(std::move(plain), defaults);
}

Answer<RecordingRequest> check_request(
    const livekit::TrackCompositeEgressRequest& request, const RecordingDefaults& defaults
) {
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    PlainRequest plain;
    take_rest(request, plain);
    take_options(request, plain);
    take_outputs(request, plain);
    if (plain.room_name.empty()) return tl::unexpected(missing("room_name"));
    if (!request.video_track_id().empty()) return beyond_us("video_track_id");
    if (request.audio_track_id().empty()) {
        return tl::unexpected(missing("audio_track_id or video_track_id"));
    }
    plain.source.kind = recorder::Source::Kind::Track;
    plain.source.track_sid = request.audio_track_id();
    *plain.echo.mutable_track_composite() = request;
    return check_plain(std::move(plain), defaults);
}

Answer<RecordingRequest> check_request(
    const livekit::TrackEgressRequest& request, const RecordingDefaults& defaults
) {
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    PlainRequest plain;
    take_rest(request, plain);
    if (plain.room_name.empty()) return tl::unexpected(missing("room_name"));
    if (request.track_id().empty()) return tl::unexpected(missing("track_id"));
    livekit::Output output;
    if (request.output_case() == livekit::TrackEgressRequest::kWebsocketUrl) {
        output.mutable_stream()->set_protocol(livekit::WEBSOCKET);
        output.mutable_stream()->add_urls(request.websocket_url());
    } else if (request.has_file()) {
        output.mutable_file()->set_filepath(request.file().filepath());
        output.mutable_file()->set_disable_manifest(request.file().disable_manifest());
        take_storage(request.file(), *output.mutable_storage());
        plain.keeps_codec = true;
    } else {
        return tl::unexpected(missing("output"));
    }
    plain.outputs.push_back(std::move(output));
    plain.source.kind = recorder::Source::Kind::Track;
    plain.source.track_sid = request.track_id();
    *plain.echo.mutable_track() = request;
    return check_plain(std::move(plain), defaults);
}

Answer<RecordingRequest> check_request(
    const livekit::StartEgressRequest& request, const RecordingDefaults& defaults
) {
    if (auto known = refuse_unknown_enums(request); !known) return tl::unexpected(known.error());
    PlainRequest plain;
    take_rest(request, plain);
    take_options(request, plain);
    plain.outputs.assign(request.outputs().begin(), request.outputs().end());
    plain.storage = request.storage();
    if (request.has_web()) return beyond_us("web (a web page)");
    if (plain.room_name.empty()) return tl::unexpected(missing("room_name"));
    if (request.has_template_()) {
        const auto here = check_template(request.template_(), plain);
        if (!here) return tl::unexpected(here.error());
    } else if (request.has_media()) {
        const auto here = check_media(request.media(), plain);
        if (!here) return tl::unexpected(here.error());
    } else {
        return tl::unexpected(missing("source"));
    }
    if (request.has_preset() && request.preset() == livekit::PASSTHROUGH) {
        if (auto ok = check_passthrough(plain); !ok) return tl::unexpected(ok.error());
    }
    *plain.echo.mutable_egress() = request;
    return check_plain(std::move(plain), defaults);
}

Answer<RecordingRequest> check_request(
    const livekit::EgressInfo& asked, const RecordingDefaults& defaults
) {
    switch (asked.request_case()) {
        case livekit::EgressInfo::kRoomComposite:
            return check_request(asked.room_composite(), defaults);
        case livekit::EgressInfo::kParticipant:
            return check_request(asked.participant(), defaults);
        case livekit::EgressInfo::kTrackComposite:
            return check_request(asked.track_composite(), defaults);
        case livekit::EgressInfo::kTrack:
            return check_request(asked.track(), defaults);
        case livekit::EgressInfo::kEgress:
            return check_request(asked.egress(), defaults);
        case livekit::EgressInfo::kWeb:
            return beyond_us("StartWebEgress (a web page)");
        case livekit::EgressInfo::REQUEST_NOT_SET:
            break;
    }
    return tl::unexpected(missing("request"));
}

}  // namespace aircheck::control
