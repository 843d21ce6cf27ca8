#pragma once

#include "records/model.hpp"
#include "records/sql.hpp"

/// Private to records: values to columns and back. JSON columns that cannot be read give empty
/// values.
namespace aircheck::records {

[[nodiscard]] Args columns_of(const Conversation& conversation);
[[nodiscard]] Conversation conversation_of(const Row& row);  ///< Without room_ids.

[[nodiscard]] Args columns_of(const std::string& conversation_id, const Participant& participant);
[[nodiscard]] Participant participant_of(const Row& row);

[[nodiscard]] Args columns_of(const Recording& recording);  ///< Without files.
[[nodiscard]] Recording recording_of(const Row& row);       ///< Without files.

[[nodiscard]] Args columns_of(const std::string& egress_id, const StoredFile& file);
[[nodiscard]] StoredFile file_of(const Row& row);

[[nodiscard]] Args columns_of(const Delivery& delivery);  ///< As it is added: pending, not tried.
[[nodiscard]] Delivery delivery_of(const Row& row);

[[nodiscard]] Args columns_of(const RoomSession& session);
[[nodiscard]] RoomSession session_of(const Row& row);

}  // namespace aircheck::records
