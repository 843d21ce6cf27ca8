-- A database of schema 5, as the version of that time left it: workers.
CREATE TABLE aircheck_schema (version BIGINT NOT NULL PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE conversations (
    conversation_id TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    room_name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    room_metadata TEXT NOT NULL,
    owner_metadata TEXT NOT NULL
);
CREATE INDEX conversations_newest ON conversations (started_at, conversation_id);
CREATE INDEX conversations_by_room ON conversations (room_name, started_at);
CREATE TABLE room_sessions (
    room_sid TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id),
    room_name TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    finished_at BIGINT,
    recorded_by TEXT NOT NULL
);
CREATE INDEX room_sessions_by_conversation ON room_sessions (conversation_id);
CREATE TABLE participants (
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id),
    sid TEXT NOT NULL,
    identity TEXT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    attributes TEXT NOT NULL,
    joined_at BIGINT NOT NULL,
    left_at BIGINT,
    PRIMARY KEY (conversation_id, sid)
);
CREATE TABLE recordings (
    egress_id TEXT NOT NULL PRIMARY KEY,
    conversation_id TEXT REFERENCES conversations (conversation_id),
    room_name TEXT NOT NULL,
    room_sid TEXT NOT NULL,
    status TEXT NOT NULL,
    paused BIGINT NOT NULL,
    origin TEXT NOT NULL,
    worker TEXT NOT NULL,
    request_id TEXT,
    request TEXT NOT NULL,
    sealed_secrets TEXT NOT NULL,
    settings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    error TEXT NOT NULL,
    error_code BIGINT NOT NULL,
    end_reason TEXT NOT NULL,
    details TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    ended_at BIGINT,
    gaps TEXT NOT NULL,
    check_result TEXT NOT NULL,
    manifest_location TEXT NOT NULL,
    backup_storage_used BIGINT NOT NULL,
    link_key TEXT NOT NULL,
    link_revoked BIGINT NOT NULL
);
CREATE INDEX recordings_newest ON recordings (started_at, egress_id);
CREATE INDEX recordings_by_conversation ON recordings (conversation_id);
CREATE INDEX recordings_by_request ON recordings (request_id);
CREATE INDEX recordings_by_status ON recordings (status);
CREATE TABLE recording_files (
    egress_id TEXT NOT NULL REFERENCES recordings (egress_id),
    file_index BIGINT NOT NULL,
    kind TEXT NOT NULL,
    track_id TEXT NOT NULL,
    identity TEXT NOT NULL,
    start_offset BIGINT NOT NULL,
    filename TEXT NOT NULL,
    location TEXT NOT NULL,
    destination TEXT NOT NULL,
    sealed_destination TEXT NOT NULL,
    object_key TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    sha256 TEXT NOT NULL,
    uploaded BIGINT NOT NULL,
    spool_path TEXT NOT NULL,
    started_at BIGINT,
    ended_at BIGINT,
    PRIMARY KEY (egress_id, file_index)
);
INSERT INTO aircheck_schema (version, name) VALUES (1, 'conversations, participants, recordings, files');
CREATE TABLE deliveries (
    seq {serial},
    delivery_id TEXT NOT NULL UNIQUE,
    receiver TEXT NOT NULL,
    fifo_key TEXT NOT NULL,
    egress_id TEXT NOT NULL,
    event TEXT NOT NULL,
    event_id TEXT NOT NULL,
    format TEXT NOT NULL,
    signing_key TEXT NOT NULL,
    url TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    content_type TEXT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    state TEXT NOT NULL,
    first_due BIGINT NOT NULL,
    next_try BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    last_status BIGINT NOT NULL,
    last_error TEXT NOT NULL,
    finished_at BIGINT,
    lease_worker TEXT NOT NULL,
    lease_until BIGINT NOT NULL,
    replayed BIGINT NOT NULL
);
CREATE INDEX deliveries_due ON deliveries (state, next_try);
CREATE INDEX deliveries_in_order ON deliveries (receiver, fifo_key, state, seq);
CREATE INDEX deliveries_by_egress ON deliveries (egress_id);
CREATE TABLE received_events (
    event_id TEXT NOT NULL PRIMARY KEY,
    received_at BIGINT NOT NULL
);
CREATE INDEX received_events_by_age ON received_events (received_at);
INSERT INTO aircheck_schema (version, name) VALUES (2, 'deliveries, received events');
ALTER TABLE recording_files ADD COLUMN segment_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recording_files ADD COLUMN live_filename TEXT NOT NULL DEFAULT '';
ALTER TABLE recording_files ADD COLUMN live_location TEXT NOT NULL DEFAULT '';
INSERT INTO aircheck_schema (version, name) VALUES (3, 'segments');
ALTER TABLE recordings ADD COLUMN streams TEXT NOT NULL DEFAULT '[]';
INSERT INTO aircheck_schema (version, name) VALUES (4, 'streams');
CREATE TABLE workers (
    worker TEXT NOT NULL PRIMARY KEY,
    alive_until BIGINT NOT NULL
);
INSERT INTO aircheck_schema (version, name) VALUES (5, 'workers');
INSERT INTO conversations (conversation_id, source, room_name, status, started_at, ended_at, room_metadata, owner_metadata) VALUES ('CV_old', 'livekit', 'support', 'complete', 1700000000000000000, 1700000060000000000, 'vip', '{"case":7}');
INSERT INTO room_sessions (room_sid, conversation_id, room_name, started_at, last_seen_at, finished_at, recorded_by) VALUES ('RM_old', 'CV_old', 'support', 1700000000000000000, 1700000060000000000, 1700000060000000000, 'EG_old');
INSERT INTO participants (conversation_id, sid, identity, name, kind, attributes, joined_at, left_at) VALUES ('CV_old', 'PA_old', 'ann', 'Ann', 'SIP', '{"sip.callID":"17"}', 1700000001000000000, NULL);
INSERT INTO recordings (egress_id, conversation_id, room_name, room_sid, status, paused, origin, worker, request_id, request, sealed_secrets, settings, metadata, error, error_code, end_reason, details, started_at, updated_at, ended_at, gaps, check_result, manifest_location, backup_storage_used, link_key, link_revoked) VALUES ('EG_old', 'CV_old', 'support', 'RM_old', 'EGRESS_COMPLETE', 0, 'rule', 'WK_old', NULL, '{}', '', '{}', '{}', '', 0, 'Source closed', 'End reason: Source closed', 1700000001000000000, 1700000060000000000, 1700000060000000000, '[]', '{}', '', 0, 'key', 0);
INSERT INTO recording_files (egress_id, file_index, kind, track_id, identity, start_offset, filename, location, destination, sealed_destination, object_key, size_bytes, duration, sha256, uploaded, spool_path, started_at, ended_at) VALUES ('EG_old', 0, 'mix', '', '', 0, 'calls/a.mp4', 's3://calls/calls/a.mp4', '{}', '', 'calls/a.mp4', 64153, 59000000000, 'ab', 1, '', 1700000001000000000, 1700000060000000000);
INSERT INTO deliveries (delivery_id, receiver, fifo_key, egress_id, event, event_id, format, signing_key, url, sealed_url, content_type, headers, body, created_at, state, first_due, next_try, attempts, last_status, last_error, finished_at, lease_worker, lease_until, replayed) VALUES ('DL_old', 'https://crm/hook#12345678', 'EG_old', 'EG_old', 'egress_ended', 'EV_old', 'livekit', 'devkey', 'https://crm/hook', '', 'application/webhook+json', '{}', '{"event":"egress_ended"}', 1700000060000000000, 'pending', 1700000060000000000, 1700000120000000000, 6, 502, 'answered 502', NULL, '', 0, 0);
INSERT INTO received_events (event_id, received_at) VALUES ('EV_in', 1700000000000000000);
UPDATE recording_files SET segment_count = 3, live_filename = 'live.m3u8', live_location = 's3://calls/live.m3u8' WHERE egress_id = 'EG_old';
UPDATE recordings SET streams = '[]' WHERE egress_id = 'EG_old';
