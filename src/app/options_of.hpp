#pragma once

#include "api/server.hpp"
#include "app/config.hpp"
#include "control/admission.hpp"
#include "control/auto_record.hpp"
#include "control/egress_service.hpp"
#include "control/recording_links.hpp"
#include "notify/outbox.hpp"
#include "recorder/job.hpp"
#include "recorder/journal_copies.hpp"
#include "transport/ice_transport.hpp"

#include <optional>
#include <vector>

namespace aircheck::app {

/// What the configuration means for each part: plain translations, nothing is read or asked.

[[nodiscard]] recorder::RoomAccess room_access(const Config& config);
[[nodiscard]] transport::IceTransport ice_transport(const Config& config);
/// The configured bucket, or the local folder.
[[nodiscard]] storage::Destination default_destination(const Config& config);
/// Where journals are copied to while recordings run, and how often; none: `journal_upload` is 0,
/// or there is no place beside this machine. InvalidArgument: `journal_storage` is no such place.
[[nodiscard]] Result<std::optional<recorder::JournalCopies::Options>> journal_copies(
    const Config& config
);
[[nodiscard]] control::RecordingDefaults recording_defaults(const Config& config);
[[nodiscard]] std::vector<control::AutoRecordRule> auto_record_rules(const Config& config);
[[nodiscard]] std::vector<notify::Receiver> receivers(const std::vector<WebhookConfig>& webhooks);
/// A rule's own, which only its recordings name.
[[nodiscard]] std::vector<notify::Receiver> rule_receivers(const AutoRecordRule& rule);
/// All that the outbox knows: the global ones and every rule's.
[[nodiscard]] std::vector<notify::Receiver> configured_receivers(const Config& config);
[[nodiscard]] notify::Outbox::Options outbox_options(
    const Config& config, const Bytes& secrets_key
);
/// What named this process in records before there was open_worker_id(): host and folder.
[[nodiscard]] std::string worker_name(const Config& config);
/// Links with the configured public address; the service's own know the port that it got.
[[nodiscard]] control::RecordingLinks recording_links(
    const Config& config, const Bytes& secrets_key
);
[[nodiscard]] api::AuthOptions auth_options(const Config& config);
/// "http://127.0.0.1:7990" where no public_url is set.
[[nodiscard]] std::string public_url(const Config& config, std::uint16_t bound_port);
/// The database's location: postgres://…, or aircheck.db in data_dir.
[[nodiscard]] std::string database_of(const Config& config);
[[nodiscard]] std::string secrets_key_file_of(const Config& config);

/// How many recordings this machine takes.
[[nodiscard]] control::Admission::Options admission_options(
    const Config& config, const control::Capacity& capacity
);

}  // namespace aircheck::app
