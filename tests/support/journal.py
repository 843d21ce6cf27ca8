"""What a journal holds, read as docs/formats/journal.md says: not by aircheck's own reader."""

import pathlib
import struct


def records(path):
    """(type, body) of each record of one segment, which is sound."""
    data = pathlib.Path(path).read_bytes()
    assert data[:8] == b"\x89ACJ\r\n\x1a\n"
    at = 8 + 2 + 4 + 4 + struct.unpack_from(">I", data, 10)[0]
    while at < len(data):
        assert data[at] == 0xAC
        length = int.from_bytes(data[at + 2:at + 5], "big")
        yield data[at + 1], data[at + 17:at + 17 + length]
        at += 17 + length


def payloads(path):
    """The payload of each RTP packet that has one, as they arrived."""
    for kind, body in records(path):
        if kind != 7:
            continue
        packet = body[2:]
        begin = 12 + 4 * (packet[0] & 0x0F)
        if packet[0] & 0x10:  # an extension
            begin += 4 + 4 * struct.unpack_from(">H", packet, begin + 2)[0]
        end = len(packet) - (packet[-1] if packet[0] & 0x20 else 0)
        if end > begin:
            yield packet[begin:end]
